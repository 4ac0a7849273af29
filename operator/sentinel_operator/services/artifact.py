"""The artifact of a model: what is declared, what is proven of it, and what was proven before."""

from __future__ import annotations

from dataclasses import dataclass

from sentinel_core.resources.metadata import INPUT_LABEL
from sentinel_core.resources.model import NOT_PROPOSED, Artifact, SentinelModel
from sentinel_core.resources.server import Resources
from sentinel_core.resources.status import ProvenArtifactStatus
from sentinel_operator.builders.child import Child
from sentinel_operator.builders.proof_job import Proof
from sentinel_operator.services.defaults import Defaults
from sentinel_operator.services.fault import Fault, find_fault
from sentinel_operator.services.plan import Observed
from sentinel_operator.services.proof import ProofState, read_proof
from sentinel_operator.services.status import Earlier, Judgement


@dataclass(frozen=True, slots=True)
class ArtifactState:
    """How far the declared artifact has come.

    Attributes
    ----------
    proven : the artifact that pipelines and servers are given: the declared one once it is proven,
        the one before it until then
    public_key : PEM of the key that must have signed the proven one. None asks for no signature: of
        an artifact that is no longer declared, or not proven with the declared key yet, the digest
        says all, which was proven as it was declared then
    fault : why the declared one is not proven
    verified : the condition ArtifactVerified
    """

    proof: ProofState
    proven: ProvenArtifactStatus | None
    public_key: str | None
    fault: Fault | None
    verified: Judgement

    @property
    def is_current(self) -> bool:
        """Whether the proven artifact is the declared one."""
        return self.verified.status == "True"


def image_of(model: SentinelModel, defaults: Defaults) -> str:
    """Return the image of a model's server and of its proof."""
    server = model.spec.server
    return (server.image if server else "") or defaults.bento_image


def read_artifact(
    child: Child, model: SentinelModel, observed: Observed, earlier: Earlier, defaults: Defaults
) -> ArtifactState:
    """Return how far the declared artifact has come."""
    declared, server = model.spec.artifact, model.spec.server
    before = _read_before(earlier)
    key, fault = _find_key(declared, observed, child.resource)
    if fault is not None:
        return ArtifactState(ProofState(None), before, None, fault, Judgement.of_fault(fault))
    proof = read_proof(
        child,
        Proof(
            uri=declared.uri,
            digest=declared.digest,
            store=declared.store,
            public_key=key,
            image=image_of(model, defaults),
            resources=server.resources if server else Resources.model_validate({}),
        ),
        observed,
        pull_policy=defaults.image_pull_policy,
    )
    proven = before
    if proof.verdict == "Proven":
        proven = _promote(declared, before, earlier.time)
    verified = _judge(declared, proof, proven)
    # A key that is not proven, or refused, would keep every new pod from what the running ones serve.
    verified_key = key if verified.status == "True" else None
    return ArtifactState(proof, proven, verified_key, proof.fault, verified)


def _read_before(earlier: Earlier) -> ProvenArtifactStatus | None:
    said = earlier.status.get("artifact")
    return ProvenArtifactStatus.model_validate(said) if said else None


def _find_key(
    declared: Artifact, observed: Observed, resource: str
) -> tuple[str | None, Fault | None]:
    """Return the key that must have signed the artifact, or why it cannot be proved yet."""
    if declared.digest == NOT_PROPOSED:
        message = "spec.artifact.digest is the digest of zeros: no artifact was proposed."
        return None, find_fault("ModelNotProposed", message, resource)
    if declared.signature is None:
        return None, None
    ref = declared.signature.public_key_ref
    config_map = observed.inputs.get(ref.name)
    if config_map is None:
        return None, find_fault("InputNotFound", f"There is no ConfigMap {ref.name}.", resource)
    if (config_map["metadata"].get("labels") or {}).get(INPUT_LABEL) != "true":
        message = f"ConfigMap {ref.name} has no label {INPUT_LABEL}=true."
        action = f"Run kubectl label configmap {ref.name} {INPUT_LABEL}=true."
        return None, find_fault("InputNotLabelled", message, resource, action)
    key = (config_map.get("data") or {}).get(ref.key)
    if key is None:
        message = f"ConfigMap {ref.name} has no key {ref.key}."
        return None, find_fault("InputNotFound", message, resource)
    return key, None


def _promote(
    declared: Artifact, before: ProvenArtifactStatus | None, time: str
) -> ProvenArtifactStatus:
    """Return the declared artifact as the proven one; it has a new number if it is another one."""
    same = before is not None and before.digest == declared.digest
    number = before.revision if before is not None else 0
    return ProvenArtifactStatus(
        digest=declared.digest,
        revision=number if same else number + 1,
        since=before.since if before is not None and same else time,
        uri=declared.uri,
        store=declared.store,
    )


def _judge(declared: Artifact, proof: ProofState, proven: ProvenArtifactStatus | None) -> Judgement:
    if proof.verdict == "Proven" or (proof.verdict is None and _still_stands(declared, proven)):
        return Judgement("True", "Proven", f"{declared.digest} passed every check.")
    if proof.fault is not None:
        return Judgement.of_fault(proof.fault)
    return Judgement("False", "Verifying", f"A Job proves {declared.digest}.")


def _still_stands(declared: Artifact, proven: ProvenArtifactStatus | None) -> bool:
    """Tell whether an earlier proof holds while it is repeated, with another image, say.

    Not where a signature is asked for: the key may be another one than that of the earlier proof.
    """
    return (
        proven is not None
        and declared.signature is None
        and declared.is_same(proven.uri, proven.digest, proven.store)
    )
