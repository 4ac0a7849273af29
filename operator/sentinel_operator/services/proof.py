"""Proving an artifact: which Job does, what it found, and when it is done again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from sentinel_operator.builders.child import Child
from sentinel_operator.builders.proof_job import (
    ATTEMPT_LABEL,
    DEADLINE_SECONDS,
    PROOF_LABEL,
    Proof,
    build_proof_job,
)
from sentinel_operator.services.children import is_ours
from sentinel_operator.services.fault import Fault, find_fault
from sentinel_operator.services.plan import Name, Object, Observed
from sentinel_operator.services.pod_faults import find_pod_fault

JOB_LABEL = "batch.kubernetes.io/job-name"
FIRST_WAIT_SECONDS = 5.0
LONGEST_WAIT_SECONDS = 300.0
"""Between attempts of a proof that may come out otherwise; the wait doubles."""
_POD_WITHIN_SECONDS = 30.0
"""Of its Job; the job controller takes a second. Only the Job's Events say that a pod is denied."""

_MENDED_UNSEEN = frozenset({
    "ArtifactMissing", "SecretNotFound", "StoreDenied", "StoreMisconfigured", "StoreUntrusted",
})  # fmt: skip
"""Faults of a store or of the Secret that leads there. Both are mended where the operator does not see
it, so the proof must ask again by itself."""


class Verdict(BaseModel):
    """What a proof wrote; see ``sentinel model prove``."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", alias_generator=to_camel)

    verdict: Literal["Proven", "Refused"]
    reason: str = "ProofFailed"
    message: str = ""
    user_action: str = Field("", max_length=4096)
    retryable: bool = False


@dataclass(frozen=True, slots=True)
class ProofState:
    """How far the proof of what is declared has come.

    Attributes
    ----------
    verdict : None while the Job runs
    fault : why it was refused, now or by the attempt before, or what keeps its pod from running
    create : the Job to make, if one is to be made now
    delete : Jobs of other proofs, and of earlier attempts
    again_after_seconds : when the next attempt is due, or a Job should have its pod
    """

    verdict: Literal["Proven", "Refused"] | None
    fault: Fault | None = None
    create: dict[str, Any] | None = None
    delete: tuple[Name, ...] = ()
    again_after_seconds: float | None = None


def read_proof(child: Child, proof: Proof, observed: Observed, *, pull_policy: str) -> ProofState:
    """Return how far a proof has come, from its Job and the Job's pod."""
    jobs = _jobs(child, observed)
    attempts = sorted(_of_proof(jobs, proof), key=_attempt)
    if not attempts:
        job = build_proof_job(child, proof, pull_policy=pull_policy)
        return ProofState(None, create=job, delete=_names(jobs))
    states = [_judge(child, job, observed) for job in attempts[-2:]]
    state, kept = states[-1], attempts[-1:]
    if state.verdict is None and len(states) == 2:
        # Until this attempt is over, what the one before found is what is known.
        state, kept = replace(state, fault=state.fault or states[0].fault), attempts[-2:]
    state = replace(state, delete=_names([job for job in jobs if job not in kept]))
    if state.verdict is None or state.again_after_seconds is None:
        return state
    attempt = _attempt(attempts[-1])
    # Bounded, for a float has no 2.0**1024, and a store may be away for so many attempts.
    wait = min(FIRST_WAIT_SECONDS * 2.0 ** min(attempt, 16), LONGEST_WAIT_SECONDS)
    left = _ended_at(attempts[-1], observed.now) + wait - observed.now
    if left > 0:
        return replace(state, again_after_seconds=left)
    job = build_proof_job(child, replace(proof, attempt=attempt + 1), pull_policy=pull_policy)
    return replace(state, create=job, again_after_seconds=None)


def _judge(child: Child, job: Object, observed: Observed) -> ProofState:
    """Read the verdict; ``again_after_seconds`` 0 stands for one that may come out otherwise."""
    name = job["metadata"]["name"]
    pods = [
        pod
        for pod in observed.proof_pods
        if (pod["metadata"].get("labels") or {}).get(JOB_LABEL) == name
    ]
    for pod in sorted(pods, key=lambda one: str(one["metadata"]["name"])):
        state = _verdict_of(child, pod)
        if state is not None:
            return state
    if _has(job, "Complete"):
        # Its pod is gone, with its node perhaps. It ended with 0, as only a proof that succeeds does.
        return ProofState("Proven")
    if _has(job, "Failed"):
        message = "Its pod was taken away before it came to a verdict."
        return _again(find_fault("ProofFailed", message, child.resource))
    if not pods and not (job.get("status") or {}).get("active"):
        return _wait_for_pod(child, job, observed.now)
    return ProofState(None, find_pod_fault(pods, child.resource))


def _wait_for_pod(child: Child, job: Object, now: float) -> ProofState:
    """Give a Job a while to make its pod; then say where it stands why it has none."""
    metadata = job["metadata"]
    made = datetime.fromisoformat(metadata["creationTimestamp"]).timestamp()
    left = made + _POD_WITHIN_SECONDS - now
    if left > 0:
        return ProofState(None, again_after_seconds=left)
    message = (
        f"Job {metadata['name']} has no pod: a quota or a policy of the namespace may deny it."
    )
    action = (
        f"Run kubectl describe job {metadata['name']} -n {child.namespace}; its Events say why."
    )
    return ProofState(None, find_fault("ChildRefused", message, child.resource, action))


def _verdict_of(child: Child, pod: Object) -> ProofState | None:
    """Return what a pod says of the proof; None while it has not ended."""
    status = pod.get("status") or {}
    containers: Sequence[Object] = status.get("containerStatuses") or ()
    ended = [one["state"]["terminated"] for one in containers if _has_ended(one)]
    for one in ended:
        verdict = _parse_verdict(one.get("message"))
        if verdict is not None:
            return _state_of(child, verdict)
        if one.get("reason") == "OOMKilled":
            message = "The proof used more memory than its limit."
            fault = find_fault("OOMKilled", message, child.resource)
            # It is the artifact that does not fit, and no server has it yet.
            return ProofState("Refused", replace(fault, location="artifact"))
    if status.get("reason") == "DeadlineExceeded":
        return _again(_find_timeout(child, containers))
    if ended:
        message = f"It ended with code {ended[0].get('exitCode')} and without a verdict."
        return _again(find_fault("ProofFailed", message, child.resource))
    return None


def _parse_verdict(text: str | None) -> Verdict | None:
    try:
        return Verdict.model_validate_json(text or "")
    except ValidationError:
        return None


def _state_of(child: Child, verdict: Verdict) -> ProofState:
    if verdict.verdict == "Proven":
        return ProofState("Proven")
    fault = find_fault(verdict.reason, verdict.message, child.resource, verdict.user_action)
    passes = verdict.retryable or verdict.reason in _MENDED_UNSEEN
    return _again(fault) if passes else ProofState("Refused", fault)


def _again(fault: Fault) -> ProofState:
    return ProofState("Refused", fault, again_after_seconds=0.0)


def _find_timeout(child: Child, containers: Sequence[Object]) -> Fault:
    if any(one.get("imageID") for one in containers):
        message = f"It did not end within {DEADLINE_SECONDS} seconds."
        return find_fault("ProofTimedOut", message, child.resource)
    message = f"The proof's image was not there within {DEADLINE_SECONDS} seconds."
    return find_fault("ImagePullFailed", message, child.resource)


def _jobs(child: Child, observed: Observed) -> list[Object]:
    return [
        thing
        for (kind, _), thing in sorted(observed.children.items())
        if kind == "Job"
        and is_ours(thing, child.uid)
        and not thing["metadata"].get("deletionTimestamp")
    ]


def _of_proof(jobs: Sequence[Object], proof: Proof) -> list[Object]:
    return [
        job for job in jobs if (job["metadata"].get("labels") or {}).get(PROOF_LABEL) == proof.key
    ]


def _names(jobs: Sequence[Object]) -> tuple[Name, ...]:
    return tuple(("Job", job["metadata"]["name"]) for job in jobs)


def _attempt(job: Object) -> int:
    said = (job["metadata"].get("labels") or {}).get(ATTEMPT_LABEL, "")
    return int(said) if said.isdigit() else 0


def _has_ended(container: Object) -> bool:
    return bool((container.get("state") or {}).get("terminated"))


def _has(job: Object, condition: str) -> bool:
    conditions = (job.get("status") or {}).get("conditions") or ()
    return any(one["type"] == condition and one["status"] == "True" for one in conditions)


def _ended_at(job: Object, now: float) -> float:
    """Return when a Job ended, seconds since 1970; now where it has not said so yet."""
    for one in (job.get("status") or {}).get("conditions") or ():
        if one["type"] in ("Failed", "Complete") and one["status"] == "True":
            return datetime.fromisoformat(one["lastTransitionTime"]).timestamp()
    return now
