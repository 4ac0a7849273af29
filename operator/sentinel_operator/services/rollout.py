"""How one release takes over from another: loaded everywhere first, then taken all at once.

A new release is given to the pods as a candidate that gets no traffic. Only when every ready pod says
that it has loaded it does it become the stable one; a pod that refuses it, or is killed by it, ends
the attempt, and what served goes on. So no change of a release costs a request or a restart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from sentinel_core.release import Compiled, Release
from sentinel_core.resources.status import Revision as RevisionStatus
from sentinel_operator.builders.revision import Role
from sentinel_operator.services.fault import Fault, find_fault
from sentinel_operator.services.pod_faults import find_bad_end
from sentinel_operator.services.pods import Pods, uid_of
from sentinel_operator.services.releases import Refusal, Revision


@dataclass(frozen=True, slots=True)
class Rollout:
    """Where a change of releases stands after this round.

    Attributes
    ----------
    stable : the release that decides; None before the first one compiled
    candidate : the release that pods are to load beside it
    history : releases that were either and are kept, latest first
    forgotten : those that are not kept any longer
    fault : why a release cannot take over
    """

    stable: Revision | None
    candidate: Revision | None
    history: tuple[Revision, ...] = ()
    forgotten: tuple[Revision, ...] = ()
    fault: Fault | None = None

    @property
    def kept(self) -> tuple[Revision, ...]:
        """Every revision that is to be there."""
        return tuple(one for one in (self.stable, self.candidate, *self.history) if one)

    @property
    def releases(self) -> tuple[Release, ...]:
        """The releases that pods load."""
        return tuple(one.release for one in (self.stable, self.candidate) if one)


@dataclass(frozen=True, slots=True)
class Step:
    """What the next step is decided on.

    Attributes
    ----------
    known : revisions by digest
    wanted : the release of the current spec and inputs; None where they do not give one, and then
        nothing takes over
    resource : name of the pipeline
    time : now, as Kubernetes writes times
    history_limit : past revisions that are kept
    reported : the stable release as the status last had it, in case labels were taken away
    """

    known: Mapping[str, Revision]
    wanted: Compiled | None
    pods: Pods
    resource: str
    time: str
    history_limit: int
    reported: RevisionStatus | None = None

    def decide(self) -> Rollout:
        """Decide the next step."""
        stable = self._stable()
        if self.wanted is None or (stable and stable.digest == self.wanted.release.digest):
            return self._settle(stable, None)
        if stable is None or self._is_free(stable):
            return self._settle(replace(self._begin(self.wanted), role="stable"), None)
        before = self.known.get(self.wanted.release.digest)
        if before is not None and self._is_refused(before):
            return self._settle(stable, None, self._fault_of(before))
        if before is None or before.role != "candidate":
            return self._settle(stable, self._begin(self.wanted))
        return self._judge(stable, replace(before, refused=None))

    def _stable(self) -> Revision | None:
        stable = self._latest("stable")
        if stable is None and self.reported is not None:
            stable = self.known.get(self.reported.digest)
        if stable is None:
            return None
        confirmed = stable.confirmed or self.pods.all_ready_say(stable=stable.digest)
        return replace(stable, role="stable", confirmed=confirmed, refused=None)

    def _latest(self, role: Role) -> Revision | None:
        """Return the revision with a role; after a crash between two writes two may have it."""
        found = [one for one in self.known.values() if one.role == role]
        return max(found, key=lambda one: one.number, default=None)

    def _is_free(self, stable: Revision) -> bool:
        """Tell whether there is nothing to break, and perhaps a fault to mend.

        So it is before a release has ever served, and when no pod can load the one that did. A ready
        pod that does not say what it serves may well serve it.
        """
        if not stable.confirmed:
            return self.pods.ready <= self.pods.reports.keys()
        reports = [self.pods.reports.get(name) for name in self.pods.live]
        return bool(reports) and all(
            one is not None and one.stable is None and one.refused == stable.digest
            for one in reports
        )

    def _begin(self, wanted: Compiled) -> Revision:
        numbers = [one.number for one in self.known.values()]
        numbers += [self.reported.revision] if self.reported else []
        return Revision.begin(wanted, max(numbers, default=0) + 1, self.time)

    def _is_refused(self, revision: Revision) -> bool:
        """Tell whether a pod that refused the release is still there."""
        refused = revision.refused
        return refused is not None and refused.pod in map(uid_of, self.pods.live.values())

    def _judge(self, stable: Revision, candidate: Revision) -> Rollout:
        fault: Fault | None = None
        for name, report in self.pods.refusals():
            if report.refused not in (candidate.digest, None):
                continue
            said = report.find_fault(name, self.resource)
            fault = fault or said
            if report.refused is not None and not report.retrying:
                return self._withdraw(stable, candidate, name, said)
        for name, killed in self._killed(candidate.since):
            return self._withdraw(stable, candidate, name, killed)
        if self.pods.all_ready_say(candidate=candidate.digest):
            promoted = replace(candidate, role="stable", since=self.time, confirmed=True)
            return self._settle(promoted, None)
        return self._settle(stable, candidate, fault)

    def _killed(self, since: str) -> Iterator[tuple[str, Fault]]:
        """Yield the pods that ended badly after a time and are not back, and how, by name."""
        for name in sorted(self.pods.live.keys() - self.pods.ready):
            end = find_bad_end(self.pods.live[name], since)
            if end is not None:
                reason, words = end
                message = f"Pod {name}: {words} after it was given the release."
                yield name, find_fault(reason, message, self.resource)

    def _withdraw(self, stable: Revision, candidate: Revision, pod: str, fault: Fault) -> Rollout:
        """End the attempt, and keep which pod ended it and why."""
        refusal = Refusal(uid_of(self.pods.live[pod]), fault.reason, fault.message)
        return self._settle(stable, None, fault, replace(candidate, refused=refusal))

    def _fault_of(self, revision: Revision) -> Fault | None:
        if revision.refused is None:
            return None
        return find_fault(revision.refused.reason, revision.refused.message, self.resource)

    def _settle(
        self,
        stable: Revision | None,
        candidate: Revision | None,
        fault: Fault | None = None,
        refused: Revision | None = None,
    ) -> Rollout:
        """Give every other revision to the history, the latest first."""
        known = {**self.known, **({refused.digest: refused} if refused else {})}
        taken = {one.digest for one in (stable, candidate) if one is not None}
        others = [replace(one, role="history") for one in known.values() if one.digest not in taken]
        others.sort(key=lambda one: -one.number)
        kept = [
            one for i, one in enumerate(others) if i < self.history_limit or self._is_needed(one)
        ]
        gone = tuple(one for one in others if one not in kept)
        return Rollout(stable, candidate, tuple(kept), gone, fault)

    def _is_needed(self, revision: Revision) -> bool:
        """Tell whether a revision says why what is wanted now cannot be had, or is still served.

        Of one that is served, a model's server reads which artifacts are still called.
        """
        if self.wanted is not None and revision.digest == self.wanted.release.digest:
            return True
        return any(report.stable == revision.digest for report in self.pods.reports.values())
