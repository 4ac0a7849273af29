"""What holds for every fusion method and every input, as checks of one case."""

from __future__ import annotations

import math
from dataclasses import replace
from random import Random

from sentinel_core.fusion import Risk, explain_points, fuse
from sentinel_core.rules.pack import RuleHit
from sentinel_core.signals.signal import Signal
from tests.support.fusion_cases import Case

SEVERITY = {"approve": 0, "review": 1, "block": 2}
TOLERANCE = 1e-9


def risk_of(case: Case) -> Risk:
    return fuse(case.profile, case.policy, case.signals, case.hits)


def check_bounded(risk: Risk) -> None:
    assert 0.0 <= risk.base <= 100.0
    assert 0.0 <= risk.coverage <= 1.0
    assert risk.score is None or 0.0 <= risk.score <= 100.0


def check_level_is_the_band_of_the_score(case: Case, risk: Risk) -> None:
    bands = case.profile.bands
    ends = [bound for bound, _ in bands[1:]] + [math.inf]
    inside = [
        name
        for (start, name), end in zip(bands, ends, strict=True)
        if risk.score is not None and start <= risk.score < end
    ]
    assert ([risk.level] if risk.score is not None else []) == inside


def check_points_sum_to_the_score(case: Case, risk: Risk) -> None:
    reasons = explain_points(risk, case.signals, case.hits)
    expected = risk.score or 0.0
    assert abs(math.fsum(item.points for item in risk.items) - expected) <= TOLERANCE
    assert abs(math.fsum(reason.points for reason in reasons) - expected) <= TOLERANCE


def check_hits_and_outcomes_have_reasons(case: Case, risk: Risk) -> None:
    reasons = explain_points(risk, case.signals, case.hits)
    told = {reason.code for reason in reasons}
    assert {f"rule:{hit.rule_id}" for hit in case.hits} <= told
    assert risk.outcome == "approve" or bool(reasons)


def check_order_does_not_matter(case: Case, risk: Risk, random: Random) -> None:
    other = risk_of(_shuffled(case, random))
    # By their texts, in which floats differ where any bit does.
    assert repr(risk) == repr(other)


def check_order_of_reasons_does_not_matter(case: Case, risk: Risk, random: Random) -> None:
    other = _shuffled(case, random)
    expected = explain_points(risk, case.signals, case.hits)
    assert repr(expected) == repr(explain_points(risk, other.signals, other.hits))


def check_more_of_a_signal_never_lowers(
    case: Case, risk: Risk, name: str, score: float, raw: float
) -> None:
    """Raise a present signal to at least a score and a raw value."""
    raised = tuple(_raise(s, score, raw) if s.name == name else s for s in case.signals)
    _check_not_lowered(risk, replace(case, signals=raised))


def check_another_hit_never_lowers(case: Case, risk: Risk, hit: RuleHit) -> None:
    _check_not_lowered(risk, replace(case, hits=(*case.hits, hit)))


def check_unscored_exactly_where_blind_and_nothing_hit(case: Case, risk: Risk) -> None:
    seeing = [s for s in case.signals if s.kind in ("model", "velocity", "behaviour")]
    is_blind = bool(seeing) and all(s.status != "ok" for s in seeing)
    is_listed = any(s.kind == "lists" and (s.score or 0) > 0 for s in case.signals)
    is_hit = any(h.points > 0 or h.floor is not None or h.outcome for h in case.hits)
    expected = is_blind and not is_listed and not is_hit
    assert expected == (risk.level == "UNSCORED")
    assert expected == (risk.score is None)


def check_blind_outcome_is_at_least_that_of_the_policy(case: Case, risk: Risk) -> None:
    seeing = [s.status for s in case.signals if s.kind in ("model", "velocity", "behaviour")]
    if seeing and "ok" not in seeing:
        policy = {"Open": "approve", "Review": "review", "Closed": "block"}[case.policy]
        assert SEVERITY[policy] <= SEVERITY[risk.outcome]


def _check_not_lowered(lower: Risk, after: Case) -> None:
    higher = risk_of(after)
    assert SEVERITY[lower.outcome] <= SEVERITY[higher.outcome]
    if lower.score is not None:
        assert higher.score is not None
        assert lower.score <= higher.score


def _shuffled(case: Case, random: Random) -> Case:
    signals = tuple(random.sample(case.signals, len(case.signals)))
    hits = tuple(random.sample(case.hits, len(case.hits)))
    return replace(case, signals=signals, hits=hits)


def _raise(signal: Signal, score: float, raw: float) -> Signal:
    if signal.score is None:
        return signal
    higher_raw = None if signal.raw is None else max(signal.raw, raw)
    return replace(signal, score=max(signal.score, score), raw=higher_raw)
