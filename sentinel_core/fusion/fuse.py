"""Signals and rule hits become one risk."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sentinel_core.fusion.method import RULES, Method, Opinion
from sentinel_core.fusion.risk import UNSCORED, FailurePolicy, Item, Risk
from sentinel_core.rules.pack import RuleHit
from sentinel_core.signals.signal import Outcome, Signal

MAX_RULE_POINTS = 100.0
"""Points of all hits together at which the rules' score is 1."""

_EYES = ("model", "velocity", "behaviour")
"""Kinds of signal that look at the event itself. Where none of them is ok, fusion is blind."""
_BY_POLICY: dict[FailurePolicy, Outcome] = {
    "Open": "approve",
    "Review": "review",
    "Closed": "block",
}
_SEVERITY: dict[Outcome, int] = {"approve": 0, "review": 1, "block": 2}

Limit = tuple[float, str]
"""A cap or floor in [0, 100] with the name of its source."""


def fuse(
    profile: Method,
    failure_policy: FailurePolicy,
    signals: Sequence[Signal],
    hits: Sequence[RuleHit],
) -> Risk:
    """Make one score, level and outcome of everything that was found.

    score = max(floors, min(caps, base)): floors beat caps, and a hard outcome is a floor at its
    bound. Evidence never lowers the outcome, except through a cap.

    Where models, velocity or behaviour are configured and none of them is ok, the outcome is at
    least that of the failure policy. If then nothing speaks for a risk either - no hit but caps, no
    entry of a block or watch list - the event is UNSCORED: its score is None and never low.

    Parameters
    ----------
    signals : sequence of Signal
        One for each configured signal, present or not, in any order; names differ. A signal that
        is not configured is left out, or it lowers the coverage.
    hits : sequence of RuleHit
        In any order. Rule ids differ.
    """
    signals = sorted(signals, key=lambda signal: signal.name)
    hits = sorted(hits, key=lambda hit: hit.rule_id)
    coverage = _coverage(profile, signals)
    is_blind = _is_blind(signals)
    if is_blind and not _speaks_for_risk(signals, hits):
        return _unscored(failure_policy, signals, coverage)
    combined = profile.combine(_opinions(signals, hits))
    items = list(combined.items)
    capped = _apply_cap(combined.score, _caps(signals, hits), items)
    score = _apply_floor(capped, _floors(profile, signals, hits), items)
    outcome = profile.outcome_of(score)
    least = _BY_POLICY[failure_policy]
    if is_blind and _SEVERITY[least] > _SEVERITY[outcome]:
        outcome = least
        items.append(Item("failurePolicy", 0.0))
    level = profile.level_of(score)
    return Risk(score, level, outcome, coverage, combined.base, tuple(items))


def _opinions(signals: Sequence[Signal], hits: Sequence[RuleHit]) -> list[Opinion]:
    opinions = [Opinion(s.name, s.kind, s.score, s.raw) for s in signals if s.score is not None]
    points = min(sum(hit.points for hit in hits), MAX_RULE_POINTS)
    opinions.append(Opinion(RULES, "rules", points / MAX_RULE_POINTS))
    return sorted(opinions, key=lambda opinion: opinion.name)


def _coverage(profile: Method, signals: Sequence[Signal]) -> float:
    weights = profile.all_weights(signals)
    present = {RULES, *(signal.name for signal in signals if signal.score is not None)}
    total = sum(weights.values())
    return sum(w for name, w in weights.items() if name in present) / total if total else 0.0


def _is_blind(signals: Sequence[Signal]) -> bool:
    statuses = [signal.status for signal in signals if signal.kind in _EYES]
    return bool(statuses) and "ok" not in statuses


def _speaks_for_risk(signals: Sequence[Signal], hits: Sequence[RuleHit]) -> bool:
    listed = any(signal.kind == "lists" and signal.score for signal in signals)
    return listed or any(hit.points or hit.floor is not None or hit.outcome for hit in hits)


def _unscored(policy: FailurePolicy, signals: Sequence[Signal], coverage: float) -> Risk:
    outcome = _BY_POLICY[policy]
    items = [Item("failurePolicy", 0.0)]
    for signal in signals:
        if signal.hard_outcome and _SEVERITY[signal.hard_outcome] > _SEVERITY[outcome]:
            outcome = signal.hard_outcome
            items = [Item(f"floor:{signal.name}", 0.0)]
    return Risk(None, UNSCORED, outcome, coverage, 0.0, tuple(items))


def _caps(signals: Sequence[Signal], hits: Sequence[RuleHit]) -> Iterable[Limit]:
    for signal in signals:
        if signal.cap is not None:
            yield signal.cap, signal.name
    for hit in hits:
        if hit.cap is not None:
            yield hit.cap, f"rule:{hit.rule_id}"


def _floors(profile: Method, signals: Sequence[Signal], hits: Sequence[RuleHit]) -> Iterable[Limit]:
    bounds = profile.outcome_bounds
    bound_of: dict[Outcome | None, float] = {"review": bounds.review, "block": bounds.block}
    for signal in signals:
        yield bound_of.get(signal.hard_outcome, 0.0), signal.name
    for hit in hits:
        yield max(hit.floor or 0.0, bound_of.get(hit.outcome, 0.0)), f"rule:{hit.rule_id}"


def _apply_cap(score: float, caps: Iterable[Limit], items: list[Item]) -> float:
    cap, source = min(caps, default=(score, ""))
    if cap < score:
        items.append(Item(f"cap:{source}", cap - score))
        return cap
    return score


def _apply_floor(score: float, floors: Iterable[Limit], items: list[Item]) -> float:
    # The highest; among equals the first by name, as with caps.
    floor, source = min(floors, key=lambda limit: (-limit[0], limit[1]), default=(score, ""))
    if floor > score:
        items.append(Item(f"floor:{source}", floor - score))
        return floor
    return score
