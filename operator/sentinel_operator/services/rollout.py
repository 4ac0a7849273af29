"""How one release takes over from another: loaded everywhere first, then taken all at once.

A new release is given to the pods as a candidate that gets no traffic. Only when every ready pod says
that it has loaded it does it become the stable one; a pod that refuses it ends the attempt, and what
served goes on. So no change of a release costs a request or a restart.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from sentinel_core.release import Compiled
from sentinel_operator.builders.revision import Role
from sentinel_operator.services.fault import Fault, find_fault
from sentinel_operator.services.pods import Pods
from sentinel_operator.services.releases import Revision


@dataclass(frozen=True, slots=True)
class Rollout:
    """Where a change of releases stands after this round.

    Attributes
    ----------
    stable : the release that decides; None before the first one compiled
    candidate : the release that pods are to load beside it
    history : releases that were either, latest first
    fault : why a release cannot take over
    """

    stable: Revision | None
    candidate: Revision | None
    history: tuple[Revision, ...]
    fault: Fault | None = None

    @property
    def all(self) -> tuple[Revision, ...]:
        """Every revision that is to be kept."""
        return tuple(one for one in (self.stable, self.candidate, *self.history) if one)


def roll_out(
    revisions: Iterable[Revision], wanted: Compiled | None, pods: Pods, resource: str, time: str
) -> Rollout:
    """Decide the next step.

    Parameters
    ----------
    wanted : the release of the current spec and inputs; None where they do not give one, and then
        nothing takes over
    time : now, as Kubernetes writes times
    """
    known = {one.digest: one for one in revisions}
    stable = _latest(known.values(), "stable")
    candidate = _latest(known.values(), "candidate")
    if stable is not None and pods.all_ready_say(stable=stable.digest):
        stable = replace(stable, confirmed=True)
    if wanted is None or (stable is not None and wanted.release.digest == stable.digest):
        return _settle(known, stable, None)
    number = max((one.number for one in known.values()), default=0) + 1
    if stable is None or not stable.confirmed:
        # Nothing has ever served: there is nothing to break, and perhaps a fault to mend.
        first = replace(Revision.begin(wanted, number, time), role="stable")
        return _settle(known, first, None)
    before = known.get(wanted.release.digest)
    if before is not None and before.refused is not None:
        return _settle(known, stable, None, _refused_before(before, resource))
    if candidate is None or candidate.digest != wanted.release.digest:
        return _settle(known, stable, Revision.begin(wanted, number, time))
    return _judge(known, stable, candidate, pods, resource, time)


def _judge(  # noqa: PLR0913, PLR0917 - all that one step looks at
    known: dict[str, Revision],
    stable: Revision,
    candidate: Revision,
    pods: Pods,
    resource: str,
    time: str,
) -> Rollout:
    for name, report in pods.refusals():
        if report.get("refused") == candidate.digest:
            reason = str(report.get("reason") or "Unexpected")
            message = f"Pod {name}: {report.get('message') or 'it gives no reason'}"
            fault = find_fault(reason, message, resource)
            if report.get("retrying"):
                return _settle(known, stable, candidate, fault)
            known[candidate.digest] = replace(candidate, refused=(reason, message))
            return _settle(known, stable, None, fault)
    if pods.all_ready_say(candidate=candidate.digest):
        return _settle(known, replace(candidate, role="stable", since=time), None)
    return _settle(known, stable, candidate)


def _refused_before(revision: Revision, resource: str) -> Fault:
    assert revision.refused is not None
    reason, message = revision.refused
    return find_fault(reason, message, resource)


def _settle(
    known: dict[str, Revision],
    stable: Revision | None,
    candidate: Revision | None,
    fault: Fault | None = None,
) -> Rollout:
    """Give every other revision to the history, the latest first."""
    taken = {one.digest for one in (stable, candidate) if one is not None}
    others = [replace(one, role="history") for one in known.values() if one.digest not in taken]
    others.sort(key=lambda one: -one.number)
    return Rollout(stable, candidate, tuple(others), fault)


def _latest(revisions: Iterable[Revision], role: Role) -> Revision | None:
    """Return the revision with a role; after a crash between two writes two may have it."""
    found = [one for one in revisions if one.role == role]
    return max(found, key=lambda one: one.number, default=None)
