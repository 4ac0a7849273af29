"""What should be for a SentinelModel: its artifact proven, and then served."""

from __future__ import annotations

from dataclasses import dataclass

from sentinel_core.errors import InvalidDocumentError, ReleaseError
from sentinel_core.resources.cluster_object import read_object
from sentinel_core.resources.conditions import ConditionType
from sentinel_core.resources.model import SentinelModel
from sentinel_core.resources.server import MAX_OTHER_ARTIFACTS, Server
from sentinel_core.resources.status import Phase, SentinelModelStatus
from sentinel_operator.builders.child import Child
from sentinel_operator.builders.deployment import Pod
from sentinel_operator.services.artifact import ArtifactState, image_of, read_artifact
from sentinel_operator.services.assignment import Assignment, assign
from sentinel_operator.services.children import find_refused, find_unwanted, take_free_names
from sentinel_operator.services.defaults import Defaults
from sentinel_operator.services.fault import Fault, fault_of_error, find_fault, words_of
from sentinel_operator.services.plan import Object, Observed, Plan
from sentinel_operator.services.pods import Pods
from sentinel_operator.services.server import ServerState, build_server, judge_available
from sentinel_operator.services.standstill import plan_invalid, plan_suspended
from sentinel_operator.services.status import Earlier, Judgement, first_fault
from sentinel_operator.services.touch import plan_touches, soonest, token_of

_UNKNOWN: tuple[ConditionType, ...] = ("ArtifactVerified", "ServerReady")


def reconcile_model(observed: Observed, defaults: Defaults) -> Plan:
    """Decide what is to be done for a SentinelModel."""
    earlier = Earlier.of(observed.resource, observed.now)
    metadata = observed.resource["metadata"]
    child = Child("SentinelModel", metadata["name"], metadata["namespace"], metadata["uid"])
    try:
        model = read_object(observed.resource, SentinelModel).resource
        artifact = read_artifact(child, model, observed, earlier, defaults)
        has_server = model.spec.server is not None
        assignment = assign(child.resource, artifact, observed) if has_server else Assignment(None)
    except InvalidDocumentError as error:
        fault = find_fault("SpecInvalid", words_of(error), child.resource, error.user_action)
        return plan_invalid(observed, earlier, fault, _UNKNOWN)
    except ReleaseError as error:
        fault = fault_of_error(error, child.resource)
        return plan_invalid(observed, earlier, fault, _UNKNOWN)
    if model.spec.server is None:
        plan = _plan_without_server(artifact, observed, earlier)
    else:
        served = _Served(child, model, model.spec.server, artifact, assignment, observed, defaults)
        plan = served.plan(earlier)
    return plan_suspended(earlier, plan) if model.spec.suspend else plan


def _plan_without_server(artifact: ArtifactState, observed: Observed, earlier: Earlier) -> Plan:
    wanted = [artifact.proof.create] if artifact.proof.create else []
    create, taken = take_free_names(observed, wanted, ())
    fault = first_fault([artifact.fault, taken, find_refused(observed)])
    if fault is not None:
        ready = Judgement.of_fault(fault)
    elif artifact.is_current:
        ready = Judgement("True", "Served", "The artifact is proven; the model has no server.")
    else:
        ready = artifact.verified
    status = SentinelModelStatus(
        observed_generation=earlier.generation,
        phase=_phase(ready, fault, artifact),
        conditions=earlier.conditions(
            {
                "ArtifactVerified": artifact.verified,
                "ServerReady": Judgement("True", "NoServer", "The model has no server."),
                "Available": _judge_available(artifact),
                "Ready": ready,
            }
        ),
        last_failure=earlier.failure(fault),
        artifact=artifact.proven,
    )
    return Plan(
        status=status.dump(),
        create=create,
        delete=(*find_unwanted(observed, ()), *artifact.proof.delete),
        notices=earlier.notices(ready),
        again_after_seconds=artifact.proof.again_after_seconds,
    )


def _judge_available(artifact: ArtifactState) -> Judgement:
    """Judge whether pipelines have an artifact to load."""
    if artifact.proven is None:
        return Judgement("False", "NothingServed", "No artifact is proven yet.")
    message = f"{artifact.proven.digest} is proven."
    return Judgement("True", "Proven" if artifact.is_current else "PreviousServed", message)


@dataclass(frozen=True, slots=True)
class _Served:
    """A model with a server."""

    child: Child
    model: SentinelModel
    server: Server
    artifact: ArtifactState
    assignment: Assignment
    observed: Observed
    defaults: Defaults

    def plan(self, earlier: Earlier) -> Plan:
        """Put the plan together."""
        pods = Pods.of(self.observed)
        state = ServerState.of(self.child, self.observed, pods, self._pod())
        objects, names_fault = self._objects(state)
        fault = self._find_fault(names_fault, state, pods)
        waiting = self._unconfirmed(pods)
        token = token_of(self.assignment.data())
        touches, due = plan_touches(waiting, token, self.observed.now)
        is_told = bool(touches or due or pods.unasked)
        ready = self._judge_ready(fault, state, is_told=is_told)
        proof = self.artifact.proof
        return Plan(
            status=self._status(earlier, fault, ready, state).dump(),
            apply=tuple(one for one in objects if one is not proof.create),
            create=tuple(one for one in objects if one is proof.create),
            delete=(*find_unwanted(self.observed, objects), *proof.delete),
            scale=state.scale,
            touch=touches,
            notices=earlier.notices(ready),
            ask_pods=bool(waiting),
            again_after_seconds=soonest(due, proof.again_after_seconds),
        )

    def _pod(self) -> Pod:
        declared = self.model.spec.artifact.store
        # That of an artifact which is still being proved, so that taking it up restarts nothing.
        stores = self.assignment.stores | ({declared} if declared else set())
        return Pod(
            mode="model",
            server=self.server,
            image=image_of(self.model, self.defaults),
            pull_policy=self.defaults.image_pull_policy,
            stores=tuple(sorted(stores)),
            env={"SENTINEL_MODEL_NAME": self.child.resource},
        )

    def _objects(self, state: ServerState) -> tuple[tuple[Object, ...], Fault | None]:
        wanted = build_server(
            self.child,
            state.pod,
            data=self.assignment.data(),
            defaults=self.defaults,
            apis=self.observed.apis,
        )
        if self.artifact.proof.create is not None:
            wanted.append(self.artifact.proof.create)
        return take_free_names(self.observed, wanted, ())

    def _find_fault(self, names: Fault | None, state: ServerState, pods: Pods) -> Fault | None:
        return first_fault(
            [
                self.artifact.fault,
                names,
                find_refused(self.observed),
                state.find_fault(),
                self._find_refusal(pods),
                self._find_refused_other(pods),
                self._find_left_out(),
                pods.find_silent(self.child.resource),
            ]
        )

    def _find_refusal(self, pods: Pods) -> Fault | None:
        """Return why a pod does not serve the default artifact, as it says itself."""
        for name, report in pods.refusals():
            if report.stable != self.assignment.digest:
                return report.find_fault(name, self.child.resource)
        return None

    def _find_refused_other(self, pods: Pods) -> Fault | None:
        """Return why a pod does not serve an artifact that a release calls by its digest."""
        for name, report in sorted(pods.reports.items()):
            for one in self.assignment.others:
                if one.digest in report.refused_others:
                    said = report.refused_others[one.digest].get("message")
                    message = f"Pod {name}, {one.digest}: {said}"
                    return find_fault("ArtifactNotLoaded", message, self.child.resource)
        return None

    def _find_left_out(self) -> Fault | None:
        """Return which artifacts that releases call are more than the server takes."""
        left_out = self.assignment.left_out
        if not left_out:
            return None
        message = (
            f"Releases call more than the {MAX_OTHER_ARTIFACTS} artifacts that the server takes beside "
            f"the default one; {len(left_out)} are left out, the first is {left_out[0]}."
        )
        action = "Let pipelines call fewer versions of the model, and old releases be replaced."
        return find_fault("ArtifactNotLoaded", message, self.child.resource, action)

    def _unconfirmed(self, pods: Pods) -> list[Object]:
        if self.assignment.digest is None:
            return []
        waiting = pods.unconfirmed(stable=self.assignment.digest)
        names = {one["metadata"]["name"] for one in waiting}
        others = {one.digest for one in self.assignment.others}
        for name, report in sorted(pods.reports.items()):
            if name not in names and not others <= {*report.loaded, *report.refused_others}:
                waiting.append(pods.live[name])
        return waiting

    def _judge_ready(self, fault: Fault | None, state: ServerState, *, is_told: bool) -> Judgement:
        if fault is not None:
            return Judgement.of_fault(fault)
        if not self.artifact.is_current:
            return self.artifact.verified
        return state.judge_serving(self.model.spec.artifact.digest, is_told=is_told)

    def _judge_server(self, state: ServerState) -> Judgement:
        judged = state.judge()
        if self.assignment.digest is None and judged.reason == "PodsPending":
            return Judgement("False", "WaitingForArtifact", "Pods wait for a proven artifact.")
        return judged

    def _status(
        self, earlier: Earlier, fault: Fault | None, ready: Judgement, state: ServerState
    ) -> SentinelModelStatus:
        return SentinelModelStatus(
            observed_generation=earlier.generation,
            phase=_phase(ready, fault, self.artifact),
            conditions=earlier.conditions(
                {
                    "ArtifactVerified": self.artifact.verified,
                    "ServerReady": self._judge_server(state),
                    "Available": judge_available(state.pods, self.model.spec.artifact.digest),
                    "Ready": ready,
                }
            ),
            served=state.pods.served,
            last_failure=earlier.failure(fault),
            url=state.url,
            grpc_url=state.grpc_url,
            replicas=state.replicas_there,
            selector=state.selector,
            artifact=self.artifact.proven,
        )


def _phase(ready: Judgement, fault: Fault | None, artifact: ArtifactState) -> Phase:
    if ready.status == "True":
        return "Ready"
    if fault is not None:
        return "Pending" if fault.reason == "ModelNotProposed" else "Degraded"
    return "Progressing" if artifact.is_current else "Verifying"
