"""What differs between a decision as it was recorded and as it comes out again, in words.

Two runtimes compute a model to within a tolerance. Of what a model says that was computed
``elsewhere``, only the bits that follow from that may differ; all else is held to equality.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from sentinel_core.artifacts.probe import MARGIN_TOLERANCE, PROBABILITY_TOLERANCE
from sentinel_core.decision import Decision, RecordedReason, RecordedSignal
from sentinel_core.engine.assess import Assessment
from sentinel_core.engine.record import recorded_hits

POINTS_TOLERANCE = 1e-6
"""What the points of a model's reasons may differ by together: they are a share of a score that is
equal to the bit, so only the order in which they are summed moves them, by less than 1e-9."""


def signal_differences(
    recorded: Sequence[RecordedSignal],
    fresh: Sequence[RecordedSignal],
    elsewhere: Collection[str] = (),
) -> Iterator[str]:
    """Name the signals that differ, those ``elsewhere`` by more than the tolerance of a probe."""
    for old, new in zip(recorded, fresh, strict=False):
        if old.name in elsewhere and _are_near(old, new):
            continue
        if old != new:
            yield f"signal {old.name} was {_shown(old)}, is {_shown(new)}"
    if len(recorded) != len(fresh):
        yield f"{len(recorded)} signals were recorded, {len(fresh)} came out"


def judgement_differences(decision: Decision, fresh: Assessment) -> Iterator[str]:
    """Name what rules and fusion made otherwise."""
    risk = fresh.risk
    pairs = {
        "score": (decision.score, risk.score),
        "level": (decision.level, risk.level),
        "outcome": (decision.outcome, risk.outcome),
        "coverage": (decision.coverage, risk.coverage),
        "rule hits": (decision.hits, recorded_hits(fresh)),
    }
    for name, (old, new) in pairs.items():
        if old != new:
            yield f"{name} was {old!r}, is {new!r}"


def reason_differences(
    recorded: Sequence[RecordedReason],
    fresh: Sequence[RecordedReason],
    elsewhere: Collection[str] = (),
) -> Iterator[str]:
    """Name the reasons that differ.

    How the points of a model ``elsewhere`` are shared among features follows from its bits; their
    sum and what is said of each feature do not.
    """
    here = [r for r in recorded if r.source not in elsewhere]
    here_now = [r for r in fresh if r.source not in elsewhere]
    for was, now in zip(here, here_now, strict=False):
        if was != now:
            yield f"reason {was.code} was {was.points!r} ({was.text}), is {now.points!r} ({now.text})"
    if len(here) != len(here_now):
        yield f"{len(here)} reasons were recorded, {len(here_now)} came out"
    for name in sorted(elsewhere):
        old = [r for r in recorded if r.source == name]
        yield from _share_differences(name, old, [r for r in fresh if r.source == name])


def _share_differences(
    name: str, recorded: Sequence[RecordedReason], fresh: Sequence[RecordedReason]
) -> Iterator[str]:
    points, points_now = sum(r.points for r in recorded), sum(r.points for r in fresh)
    if not abs(points - points_now) <= POINTS_TOLERANCE:
        yield f"reasons of {name} had {points!r} points, have {points_now!r}"
    texts = {reason.code: reason.text for reason in fresh}
    for was in recorded:
        text = texts.get(was.code, was.text)
        if was.text != text:
            yield f"reason {was.code} was ({was.text}), is ({text})"


def _are_near(old: RecordedSignal, new: RecordedSignal) -> bool:
    if old.score is None or new.score is None or old.raw is None or new.raw is None:
        return False
    is_near = (
        abs(old.score - new.score) <= PROBABILITY_TOLERANCE
        and abs(old.raw - new.raw) <= MARGIN_TOLERANCE
    )
    return is_near and replace(new, score=old.score, raw=old.raw) == old


def _shown(signal: RecordedSignal) -> str:
    parts = [signal.status, f"{signal.score!r} ({signal.raw!r})"]
    if signal.cap is not None:
        parts.append(f"cap {signal.cap!r}")
    if signal.hard_outcome is not None:
        parts.append(f"outcome {signal.hard_outcome}")
    return ", ".join(parts)
