"""What should be for a SentinelModel: its artifact proven, and then served."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from sentinel_core.errors import InvalidDocumentError
from sentinel_core.ids import canonical_json
from sentinel_core.resources.cluster_object import read_object
from sentinel_core.resources.metadata import INPUT_LABEL
from sentinel_core.resources.model import NOT_PROPOSED, SentinelModel
from sentinel_core.resources.server import Resources
from sentinel_core.resources.status import Phase, ProvenArtifactStatus, SentinelModelStatus
from sentinel_operator.builders.child import Child
from sentinel_operator.builders.deployment import Pod
from sentinel_operator.builders.proof_job import Proof
from sentinel_operator.services.children import find_refused, find_unwanted, take_free_names
from sentinel_operator.services.defaults import Defaults
from sentinel_operator.services.fault import Fault, fault_of_error, find_fault
from sentinel_operator.services.plan import Observed, Plan, Touch
from sentinel_operator.services.pods import Pods
from sentinel_operator.services.proof import ProofState, read_proof
from sentinel_operator.services.releases import read_revisions
from sentinel_operator.services.server import ServerState, build_server, judge_available
from sentinel_operator.services.status import Earlier, Judgement, first_fault
from sentinel_operator.services.suspension import plan_invalid, plan_suspended
from sentinel_operator.services.touch import plan_touches, soonest, token_of


def reconcile_model(observed: Observed, defaults: Defaults) -> Plan:
    """Decide what is to be done for a SentinelModel."""
    earlier = Earlier.of(observed.resource, observed.now)
    name = observed.resource["metadata"]["name"]
    try:
        model = read_object(observed.resource, SentinelModel).resource
    except InvalidDocumentError as error:
        fault = replace(fault_of_error(error, name), location="spec", reason="SpecInvalid")
        return plan_invalid(earlier, fault, ("ArtifactVerified", "ServerReady"))
    if model.spec.suspend:
        return plan_suspended(earlier)
    return _Round(observed, defaults, earlier, model).plan()


@dataclass(frozen=True, slots=True)
class _Round:
    """One look at a model that can be read and is not suspended."""

    observed: Observed
    defaults: Defaults
    earlier: Earlier
    model: SentinelModel

    def plan(self) -> Plan:
        """Put the plan together."""
        key, input_fault = self._public_key()
        proof = self._read_proof(key, input_fault)
        proven = self._proven(proof)
        if self.model.spec.server is None:
            return self._plan_without_server(proof, proven, input_fault)
        return self._plan_with_server(proof, proven, input_fault, key)

    @property
    def child(self) -> Child:
        """Names and labels of the model's objects."""
        metadata = self.observed.resource["metadata"]
        return Child("SentinelModel", metadata["name"], metadata["namespace"], metadata["uid"])

    @property
    def image(self) -> str:
        """Image of the server and of the proof."""
        server = self.model.spec.server
        return (server.image if server else "") or self.defaults.bento_image

    @property
    def store(self) -> str | None:
        """Name of the Secret that says how to reach the declared artifact's store."""
        ref = self.model.spec.artifact.store_secret_ref
        return ref.name if ref else None

    # The artifact

    def _public_key(self) -> tuple[str | None, Fault | None]:
        """Return the key that must have signed the artifact, or why it cannot be had."""
        signature = self.model.spec.artifact.signature
        if self.model.spec.artifact.digest == NOT_PROPOSED:
            message = "spec.artifact.digest is the digest of zeros: no artifact was proposed."
            return None, self._fault("ModelNotProposed", message)
        if signature is None:
            return None, None
        ref = signature.public_key_ref
        config_map = self.observed.inputs.get(ref.name)
        text = ((config_map or {}).get("data") or {}).get(ref.key)
        if config_map is None or text is None:
            what = f"ConfigMap {ref.name}" if config_map is None else f"{ref.name}[{ref.key}]"
            return None, self._fault("InputNotFound", f"There is no {what}.")
        if (config_map["metadata"].get("labels") or {}).get(INPUT_LABEL) != "true":
            action = f"Run kubectl label configmap {ref.name} {INPUT_LABEL}=true."
            message = f"ConfigMap {ref.name} has no label {INPUT_LABEL}=true."
            return text, self._fault("InputNotLabelled", message, action)
        return text, None

    def _read_proof(self, key: str | None, input_fault: Fault | None) -> ProofState:
        if input_fault is not None:
            return ProofState(None)
        artifact, server = self.model.spec.artifact, self.model.spec.server
        resources = server.resources if server else Resources.model_validate({})
        proof = Proof(artifact.uri, artifact.digest, self.store, key, self.image, resources)
        policy = self.defaults.image_pull_policy
        return read_proof(self.child, proof, self.observed, pull_policy=policy)

    def _proven(self, proof: ProofState) -> ProvenArtifactStatus | None:
        """Return the proven artifact: the declared one once it is proven, else the one before it."""
        before = self._before()
        if proof.verdict != "Proven":
            return before
        artifact = self.model.spec.artifact
        number = before.revision if before else 0
        same = before is not None and before.digest == artifact.digest
        return ProvenArtifactStatus(
            digest=artifact.digest,
            revision=number if same else number + 1,
            since=before.since if before is not None and same else self.earlier.time,
            uri=artifact.uri,
            store=self.store,
        )

    def _before(self) -> ProvenArtifactStatus | None:
        said = self.earlier.status.get("artifact")
        return ProvenArtifactStatus.model_validate(said) if said else None

    def _judge_artifact(
        self, proof: ProofState, proven: ProvenArtifactStatus | None, input_fault: Fault | None
    ) -> Judgement:
        digest = self.model.spec.artifact.digest
        if input_fault is not None:
            return Judgement.of_fault(input_fault)
        if proof.verdict == "Refused" and proof.fault is not None:
            return Judgement.of_fault(proof.fault)
        if proven is not None and proven.digest == digest:
            return Judgement("True", "Proven", f"{digest} passed every check.")
        if proof.fault is not None:
            return Judgement.of_fault(proof.fault)
        return Judgement("False", "Verifying", f"A Job proves {digest}.")

    # Without a server

    def _plan_without_server(
        self, proof: ProofState, proven: ProvenArtifactStatus | None, input_fault: Fault | None
    ) -> Plan:
        verified = self._judge_artifact(proof, proven, input_fault)
        refused = find_refused(self.observed)
        create, taken = take_free_names(self.observed, [proof.create] if proof.create else [], ())
        fault = first_fault([input_fault, taken, refused, proof.fault])
        if verified.status == "True" and fault is None:
            ready = Judgement("True", "Served", "The artifact is proven; the model has no server.")
        else:
            ready = Judgement.of_fault(fault) if fault else verified
        available = Judgement("True", "Proven", "An artifact is proven.")
        if proven is None:
            available = Judgement("False", "NothingServed", "No artifact is proven yet.")
        elif ready.status != "True":
            available = Judgement("True", "PreviousServed", f"{proven.digest} is proven.")
        status = SentinelModelStatus(
            observed_generation=self.earlier.generation,
            phase=_phase(ready, fault, proven),
            conditions=self.earlier.conditions(
                {
                    "ArtifactVerified": verified,
                    "ServerReady": Judgement("True", "NoServer", "The model has no server."),
                    "Available": available,
                    "Ready": ready,
                }
            ),
            last_failure=self.earlier.failure(fault),
            artifact=proven,
        )
        return Plan(
            status=status.dump(),
            create=create,
            delete=(*find_unwanted(self.observed, ()), *proof.delete),
            notices=self.earlier.notices(ready),
            again_after_seconds=proof.again_after_seconds,
        )

    # With a server

    def _plan_with_server(
        self,
        proof: ProofState,
        proven: ProvenArtifactStatus | None,
        input_fault: Fault | None,
        key: str | None,
    ) -> Plan:
        data = self._projection(proven, key)
        pods = Pods.of(self.observed)
        pod = self._pod(proven)
        state = ServerState.of(self.child, self.observed, pods, pod)
        wanted = build_server(
            self.child, pod, data=data, defaults=self.defaults, apis=self.observed.apis
        )
        apply, taken = take_free_names(self.observed, wanted, ())
        create, job_taken = take_free_names(
            self.observed, [proof.create] if proof.create else [], ()
        )
        verified = self._judge_artifact(proof, proven, input_fault)
        digest = self.model.spec.artifact.digest
        confirmed = pods.all_ready_say(stable=proven.digest if proven else None)
        fault = first_fault(
            [
                input_fault,
                taken or job_taken,
                find_refused(self.observed),
                proof.fault,
                state.find_fault(),
                None if confirmed else self._refusal(pods),
            ]
        )
        served = proven is not None and proven.digest == digest and confirmed
        server = state.judge()
        is_ready = served and verified.status == "True" and server.status == "True"
        ready = self._judge_ready(verified, server, fault, digest, is_ready=is_ready)
        touches, due = self._touches(proven, pods, data)
        status = SentinelModelStatus(
            observed_generation=self.earlier.generation,
            phase=_phase(ready, fault, proven),
            conditions=self.earlier.conditions(
                {
                    "ArtifactVerified": verified,
                    "ServerReady": server,
                    "Available": judge_available(pods, ready),
                    "Ready": ready,
                }
            ),
            served=pods.served,
            last_failure=self.earlier.failure(None if is_ready else fault),
            url=state.url,
            grpc_url=state.grpc_url,
            replicas=state.replicas_there,
            selector=state.selector,
            artifact=proven,
        )
        return Plan(
            status=status.dump(),
            apply=apply,
            create=create,
            delete=(*find_unwanted(self.observed, wanted), *proof.delete),
            scale=state.scale,
            touch=touches,
            notices=self.earlier.notices(ready),
            ask_pods=not is_ready,
            again_after_seconds=soonest(due, proof.again_after_seconds),
        )

    def _pod(self, proven: ProvenArtifactStatus | None) -> Pod:
        server = self.model.spec.server
        assert server is not None
        stores = {self.store, proven.store if proven else None}
        stores |= {one["store"] for one in self._others(proven.digest if proven else "")}
        return Pod(
            mode="model",
            server=server,
            image=self.image,
            pull_policy=self.defaults.image_pull_policy,
            stores=tuple(sorted(filter(None, stores))),
            env={"SENTINEL_MODEL_NAME": self.child.resource},
        )

    def _projection(self, proven: ProvenArtifactStatus | None, key: str | None) -> dict[str, str]:
        """Return what pods are told to serve; nothing before an artifact is proven."""
        if proven is None:
            return {}
        declared = proven.digest == self.model.spec.artifact.digest
        default = {
            "uri": proven.uri,
            "digest": proven.digest,
            # Of an artifact that is no longer declared the digest, proven with its signature, says all.
            "publicKey": key if declared else None,
            "store": proven.store,
        }
        assigned = {"default": default, "others": list(self._others(proven.digest))}
        return {"artifacts.json": canonical_json(assigned).decode()}

    def _others(self, default: str) -> Iterator[dict[str, Any]]:
        """Yield the artifacts that releases call here by digest, beside the default."""
        seen = {default}
        for pipeline in sorted(self.observed.pipeline_revisions):
            for revision in read_revisions(self.observed.pipeline_revisions[pipeline]):
                if revision.role not in ("stable", "candidate"):
                    continue
                for one in revision.release.models:
                    called = one.placement == "Remote" and one.model == self.child.resource
                    if called and one.digest not in seen:
                        seen.add(one.digest)
                        yield {
                            "uri": one.uri, "digest": one.digest,
                            "publicKey": one.public_key, "store": one.store,
                        }  # fmt: skip

    def _refusal(self, pods: Pods) -> Fault | None:
        for name, report in pods.refusals():
            message = f"Pod {name}: {report.get('message') or 'it gives no reason'}"
            return self._fault(str(report.get("reason") or "Unexpected"), message)
        return None

    def _touches(
        self, proven: ProvenArtifactStatus | None, pods: Pods, data: dict[str, str]
    ) -> tuple[tuple[Touch, ...], float | None]:
        if proven is None:
            return (), None
        waiting = [pods.live[name] for name in pods.unconfirmed(stable=proven.digest)]
        return plan_touches(waiting, token_of(data), self.observed.now)

    def _judge_ready(
        self,
        verified: Judgement,
        server: Judgement,
        fault: Fault | None,
        digest: str,
        *,
        is_ready: bool,
    ) -> Judgement:
        if is_ready:
            return Judgement("True", "Served", f"Every ready pod serves {digest}.")
        if fault is not None:
            return Judgement.of_fault(fault)
        if verified.status != "True":
            return verified
        if server.status != "True":
            return Judgement("False", "Progressing", server.message)
        return Judgement("False", "NotConfirmed", f"A ready pod does not yet say {digest}.")

    def _fault(self, reason: str, message: str, user_action: str = "") -> Fault:
        return find_fault(reason, message, self.child.resource, user_action)


def _phase(ready: Judgement, fault: Fault | None, proven: ProvenArtifactStatus | None) -> Phase:
    if ready.status == "True":
        return "Ready"
    if fault is not None:
        return "Pending" if fault.reason == "ModelNotProposed" else "Degraded"
    return "Verifying" if proven is None or ready.reason == "Verifying" else "Progressing"
