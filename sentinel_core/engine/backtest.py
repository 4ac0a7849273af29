"""The backtest: steps 2 to 7 of a decision over a file.

Every event goes through the code that decides it live, in order of arrival, so the result is what the
release would have decided then; only the commit is left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sentinel_core.clock import Clock
from sentinel_core.engine.assess import assess, score_untimed
from sentinel_core.engine.loaded import LoadedRelease
from sentinel_core.engine.observe import Observer
from sentinel_core.errors import InvalidTableError, Problem
from sentinel_core.events import Event
from sentinel_core.events.labels import Told, labels_by_row
from sentinel_core.events.table import EventTable, LabelTable

_TENANT = "default"


@dataclass(frozen=True, slots=True)
class Backtest:
    """What a release would have decided.

    Attributes
    ----------
    scores : (n,) float64 in [0, 100]; NaN where nothing could be scored
    outcomes, levels : how many events had each
    hits : how many events each rule held for
    reviewed_frauds, frauds : labelled frauds that were not approved, and all of them
    flagged : events that were not approved
    """

    scores: np.ndarray
    outcomes: dict[str, int]
    levels: dict[str, int]
    hits: dict[str, int]
    flagged: int
    frauds: int
    reviewed_frauds: int

    @property
    def precision(self) -> float | None:
        """Share of labelled frauds among the events that were not approved."""
        return self.reviewed_frauds / self.flagged if self.flagged else None

    @property
    def recall(self) -> float | None:
        """Share of labelled frauds that were not approved."""
        return self.reviewed_frauds / self.frauds if self.frauds else None


def run_backtest(
    release: LoadedRelease,
    events: EventTable,
    labels: LabelTable | None,
    clock: Clock,
    progress: Callable[[int, int], None] | None = None,
) -> Backtest:
    """Decide every event of a table, each label ruling from the time it became known.

    A repeated id is one event: later rows are skipped.

    Raises
    ------
    InvalidTableError
        The events are of another type than the release decides, or a label is about none of them.
        Retryable: no.
    """
    _require_type(release, events)
    observer = Observer([release.spec])
    known = labels_by_row(events, labels)
    counts: dict[str, Counter[str]] = {"outcome": Counter(), "level": Counter(), "hit": Counter()}
    scores = np.full(len(events), np.nan)
    frauds = reviewed_frauds = 0
    step = max(len(events) // 100, 1)
    for row, event in enumerate(events.events(_TENANT)):
        if progress and row % step == 0:
            progress(row, len(events))
        if events.first is not None and events.first[row] != row:
            continue
        observation = observer.observe(_TENANT, event.occurred_at_us, event.fields)
        vector = observation.vectors[release.spec.digest]
        assessment = assess(
            release, event.fields, vector,
            at_us=event.received_at_us, clock=clock, given=score_untimed(release, vector),
        )  # fmt: skip
        risk = assessment.risk
        scores[row] = np.nan if risk.score is None else risk.score
        counts["outcome"][risk.outcome] += 1
        counts["level"][risk.level] += 1
        counts["hit"].update(hit.rule_id for hit in assessment.hits)
        told = known.get(row, [])
        _tell(observer, event, told)
        is_fraud = _is_fraud(told)
        frauds += is_fraud
        reviewed_frauds += is_fraud and risk.outcome != "approve"
    if progress:
        progress(len(events), len(events))
    return Backtest(
        scores=scores,
        outcomes=dict(counts["outcome"]),
        levels=dict(counts["level"]),
        hits=dict(counts["hit"]),
        flagged=sum(n for outcome, n in counts["outcome"].items() if outcome != "approve"),
        frauds=frauds,
        reviewed_frauds=reviewed_frauds,
    )


def _require_type(release: LoadedRelease, events: EventTable) -> None:
    decided, given = release.spec.event_type, events.schema.type
    if decided != given:
        raise InvalidTableError(
            f"The pipeline decides {decided} events.",
            (Problem("column type", f"holds {given}", f"give {decided} events"),),
            user_action="Give a file of such events, or another pipeline.",
        )


def _tell(observer: Observer, event: Event, known: list[Told]) -> None:
    for told in known:
        observer.label(
            _TENANT, event.id, event.occurred_at_us, event.fields,
            known_at_us=told.known_at_us, order=told.order, label=told.label,
        )  # fmt: skip


def _is_fraud(known: list[Told]) -> bool:
    """Tell what the last label says, by the time that it became known."""
    last = max(known, key=lambda told: (told.known_at_us, told.order), default=None)
    return last is not None and last.label == "fraud"
