"""Proving an artifact: which Job does, what it found, and when it is done again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

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
from sentinel_operator.services.pods import Pods, find_pod_fault

JOB_LABEL = "batch.kubernetes.io/job-name"
FIRST_WAIT_SECONDS = 5.0
LONGEST_WAIT_SECONDS = 300.0
"""Between attempts of a proof that may succeed later; the wait doubles."""


@dataclass(frozen=True, slots=True)
class ProofState:
    """How far the proof of what is declared has come.

    Attributes
    ----------
    verdict : None while the Job runs
    fault : why it was refused, or what keeps its pod from running
    create : the Job to make, if one is to be made now
    delete : Jobs of other proofs, and of earlier attempts
    again_after_seconds : when the next attempt is due
    """

    verdict: Literal["Proven", "Refused"] | None
    fault: Fault | None = None
    create: dict[str, Any] | None = None
    delete: tuple[Name, ...] = ()
    again_after_seconds: float | None = None


def read_proof(child: Child, proof: Proof, observed: Observed, *, pull_policy: str) -> ProofState:
    """Return how far a proof has come, from its Job and the Job's pod."""
    jobs = sorted(_jobs(child, observed), key=_attempt)
    ours = [job for job in jobs if job["metadata"]["labels"].get(PROOF_LABEL) == proof.key]
    old = tuple(
        ("Job", job["metadata"]["name"])
        for job in jobs
        if job not in ours[-1:] and not job["metadata"].get("deletionTimestamp")
    )
    if not ours:
        return ProofState(None, create=_build(child, proof, 0, pull_policy), delete=old)
    state = replace(_judge(child, ours[-1], observed), delete=old)
    if state.verdict == "Refused" and state.again_after_seconds is not None:
        return _try_again(state, child, proof, ours[-1], observed, pull_policy)
    return state


def _try_again(  # noqa: PLR0913, PLR0917 - all of one proof
    state: ProofState,
    child: Child,
    proof: Proof,
    job: Object,
    observed: Observed,
    pull_policy: str,
) -> ProofState:
    attempt = _attempt(job)
    wait = min(FIRST_WAIT_SECONDS * 2.0**attempt, LONGEST_WAIT_SECONDS)
    left = _ended_at(job, observed.now) + wait - observed.now
    if left > 0:
        return replace(state, again_after_seconds=left)
    job_after = _build(child, proof, attempt + 1, pull_policy)
    return replace(state, create=job_after, again_after_seconds=None)


def _build(child: Child, proof: Proof, attempt: int, pull_policy: str) -> dict[str, Any]:
    return build_proof_job(child, replace(proof, attempt=attempt), pull_policy=pull_policy)


def _judge(child: Child, job: Object, observed: Observed) -> ProofState:
    """Read the verdict; ``again_after_seconds`` 0 stands for one that may come out otherwise."""
    name = job["metadata"]["name"]
    pods = [
        pod
        for pod in observed.proof_pods
        if (pod["metadata"].get("labels") or {}).get(JOB_LABEL) == name
    ]
    for pod in pods:
        state = _verdict_of(child, pod)
        if state is not None:
            return state
    if _has_failed(job):
        message = f"It did not end within {DEADLINE_SECONDS} seconds, or its pod was taken away."
        fault = find_fault("ProofTimedOut", message, child.resource)
        return ProofState("Refused", fault, again_after_seconds=0.0)
    return ProofState(None, _pod_fault(child, pods))


def _pod_fault(child: Child, pods: Sequence[Object]) -> Fault | None:
    """Return what keeps the pod of a proof from running: its image, or a node."""
    by_name = {pod["metadata"]["name"]: pod for pod in pods}
    return find_pod_fault(Pods(by_name, frozenset(), {}), child.resource)


def _verdict_of(child: Child, pod: Object) -> ProofState | None:
    for container in (pod.get("status") or {}).get("containerStatuses") or ():
        ended = (container.get("state") or {}).get("terminated")
        if ended is None:
            continue
        if ended.get("reason") == "OOMKilled":
            message = "The proof used more memory than spec.server.resources.limits.memory."
            return ProofState("Refused", find_fault("OOMKilled", message, child.resource))
        return _read_message(child, ended)
    return None


def _read_message(child: Child, ended: Any) -> ProofState:
    try:
        verdict = json.loads(ended.get("message") or "")
        if verdict["verdict"] == "Proven":
            return ProofState("Proven")
        fault = find_fault(
            verdict["reason"], verdict["message"], child.resource, verdict["userAction"]
        )
        again = 0.0 if verdict["retryable"] else None
        return ProofState("Refused", fault, again_after_seconds=again)
    except (ValueError, KeyError, TypeError):
        message = f"The proof ended with code {ended.get('exitCode')} and without a verdict."
        fault = find_fault("ProofFailed", message, child.resource)
        return ProofState("Refused", fault, again_after_seconds=0.0)


def _jobs(child: Child, observed: Observed) -> list[Object]:
    return [
        thing
        for (kind, _), thing in observed.children.items()
        if kind == "Job" and is_ours(thing, child.uid)
    ]


def _attempt(job: Object) -> int:
    said = (job["metadata"].get("labels") or {}).get(ATTEMPT_LABEL, "")
    return int(said) if said.isdigit() else 0


def _has_failed(job: Object) -> bool:
    conditions = (job.get("status") or {}).get("conditions") or ()
    return any(one["type"] == "Failed" and one["status"] == "True" for one in conditions)


def _ended_at(job: Object, now: float) -> float:
    """Return when a Job ended, seconds since 1970; now where it has not said so yet."""
    for one in (job.get("status") or {}).get("conditions") or ():
        if one["type"] in ("Failed", "Complete") and one["status"] == "True":
            return datetime.fromisoformat(one["lastTransitionTime"]).timestamp()
    return now
