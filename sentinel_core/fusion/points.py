"""The points of a score, shared among the reasons for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sentinel_core.fusion.method import RULES
from sentinel_core.fusion.risk import Item, Risk
from sentinel_core.rules.pack import RuleHit
from sentinel_core.signals.signal import Outcome, Signal

_POLICY_VERB: dict[Outcome, str] = {
    "approve": "lets the event pass", "review": "asks for a review", "block": "blocks the event",
}  # fmt: skip
_STATUS_VERB = {"ok": "answered", "absent": "is absent", "late": "was late", "failed": "failed"}


@dataclass(frozen=True, slots=True)
class PointedReason:
    """One sentence of the answer with its share of the score.

    Attributes
    ----------
    source : name of the item that the points come from
    code : stable name of the reason
    points : share of the score; over all reasons they sum to it within 1e-9
    """

    source: str
    code: str
    text: str
    points: float


def explain_points(
    risk: Risk, signals: Sequence[Signal], hits: Sequence[RuleHit]
) -> tuple[PointedReason, ...]:
    """Share each item's points among its reasons, pro rata of positive weights.

    A signal without such reasons gives its points to one reason named after its kind; reasons that
    weigh nothing or speak against risk show 0 points. The points of ``rules`` go to the hits, pro
    rata of theirs. Every hit has a reason, and so has every outcome above approve.

    Parameters are those that the risk was made of.

    Returns
    -------
    tuple of PointedReason
        Most points first; the order of signals and hits does not matter.
    """
    by_signal = {signal.name: signal for signal in signals}
    by_rule = {f"rule:{hit.rule_id}": hit for hit in sorted(hits, key=lambda hit: hit.rule_id)}
    reasons = [r for item in risk.items for r in _explain(item, risk, by_signal, by_rule)]
    if RULES not in {item.name for item in risk.items}:
        reasons.extend(_share_among_hits(Item(RULES, 0.0), by_rule))
    told = {(reason.code, reason.text) for reason in reasons if reason.points}
    kept = [r for r in reasons if r.points or (r.code, r.text) not in told]
    return tuple(sorted(kept, key=lambda r: (-r.points, r.source, r.code, r.text)))


def _explain(
    item: Item, risk: Risk, by_signal: Mapping[str, Signal], by_rule: Mapping[str, RuleHit]
) -> Iterator[PointedReason]:
    limit, _, source = item.name.partition(":")
    if item.name == RULES:
        yield from _share_among_hits(item, by_rule)
    elif item.name == "rounding":
        if item.points:
            text = "The score is rounded to a whole number."
            yield PointedReason(item.name, item.name, text, item.points)
    elif item.name == "failurePolicy":
        text = _policy_sentence(risk.outcome, by_signal)
        yield PointedReason(item.name, item.name, text, item.points)
    elif source in by_rule:
        yield PointedReason(item.name, source, by_rule[source].text, item.points)
    elif limit == "cap":
        yield from _explain_cap(item, by_signal[source])
    elif limit == "floor":
        yield _explain_hard_outcome(item, by_signal[source])
    else:
        yield from _share_among_reasons(item, by_signal[item.name])


def _share(points: float, weights: Sequence[float]) -> list[float]:
    """Divide points pro rata of the positive weights, of which there is at least one."""
    total = sum(weight for weight in weights if weight > 0)
    return [points * (weight / total) if weight > 0 else 0.0 for weight in weights]


def _share_among_hits(item: Item, by_rule: Mapping[str, RuleHit]) -> Iterator[PointedReason]:
    weights = [hit.points for hit in by_rule.values()]
    shares = _share(item.points, weights) if item.points else [0.0] * len(weights)
    for (code, hit), points in zip(by_rule.items(), shares, strict=True):
        yield PointedReason(RULES, code, hit.text, points)


def _share_among_reasons(item: Item, signal: Signal) -> Iterator[PointedReason]:
    weights = [reason.weight for reason in signal.reasons]
    has_share = any(weight > 0 for weight in weights)
    shares = _share(item.points, weights) if has_share else [0.0] * len(weights)
    for reason, points in zip(signal.reasons, shares, strict=True):
        yield PointedReason(item.name, reason.code, reason.text, points)
    if item.points and not has_share:
        yield PointedReason(item.name, signal.kind, _signal_sentence(signal), item.points)


def _explain_cap(item: Item, signal: Signal) -> Iterator[PointedReason]:
    """Give a cap's points to the reasons that speak against risk."""
    against = [reason for reason in signal.reasons if reason.weight < 0]
    if not against:
        text = f"{_name(signal)} allows a score of at most {signal.cap:g}."
        yield PointedReason(item.name, signal.kind, text, item.points)
        return
    shares = _share(item.points, [-reason.weight for reason in against])
    for reason, points in zip(against, shares, strict=True):
        yield PointedReason(item.name, reason.code, reason.text, points)


def _explain_hard_outcome(item: Item, signal: Signal) -> PointedReason:
    verb = _STATUS_VERB[signal.status]
    text = f"{_name(signal)} {verb}, and the outcome is then {signal.hard_outcome}."
    return PointedReason(item.name, signal.kind, text, item.points)


def _signal_sentence(signal: Signal) -> str:
    score = f"{signal.score:.3g}"
    if signal.status == "ok":
        return f"{_name(signal)} puts the risk at {score} of 1."
    return f"{_name(signal)} {_STATUS_VERB[signal.status]}; {score} of 1 is taken in its place."


def _policy_sentence(outcome: Outcome, by_signal: Mapping[str, Signal]) -> str:
    missing = [s for _, s in sorted(by_signal.items()) if s.status != "ok" and s.kind != "lists"]
    listed = ", ".join(f"{signal.name} {_STATUS_VERB[signal.status]}" for signal in missing)
    return f"No signal saw the event ({listed}); the failure policy {_POLICY_VERB[outcome]}."


def _name(signal: Signal) -> str:
    return f"The {'model' if signal.kind == 'model' else 'signal'} {signal.name}"
