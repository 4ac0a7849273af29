"""Laws of fusion over random cases of all four methods."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from sentinel_core.fusion import Risk
from tests.support import fusion_laws as laws
from tests.support.fusion_cases import (
    Case,
    draw_case,
    draw_hit_without_cap,
    draw_profile,
    draw_score,
)

CASES = 100_000
PROFILES = 500

randoms = st.randoms(use_true_random=False)
cases = randoms.map(lambda random: draw_case(random, draw_profile(random)))


@given(cases)
def test_score_base_and_coverage_are_bounded(case: Case) -> None:
    laws.check_bounded(laws.risk_of(case))


@given(cases)
def test_bands_partition_the_scores(case: Case) -> None:
    laws.check_level_is_the_band_of_the_score(case, laws.risk_of(case))


@given(cases)
def test_points_sum_to_the_score(case: Case) -> None:
    laws.check_points_sum_to_the_score(case, laws.risk_of(case))


@given(cases, randoms)
def test_the_order_of_signals_and_hits_changes_no_bit(case: Case, random: Random) -> None:
    laws.check_order_does_not_matter(case, laws.risk_of(case), random)


@given(cases, randoms)
def test_the_order_of_signals_and_hits_changes_no_reason(case: Case, random: Random) -> None:
    laws.check_order_of_reasons_does_not_matter(case, laws.risk_of(case), random)


@given(cases)
def test_every_hit_and_every_outcome_above_approve_has_a_reason(case: Case) -> None:
    laws.check_hits_and_outcomes_have_reasons(case, laws.risk_of(case))


@given(cases, randoms)
def test_more_of_a_signal_never_lowers_score_or_outcome(case: Case, random: Random) -> None:
    check_a_raised_signal(case, laws.risk_of(case), random)


@given(cases, randoms)
def test_another_hit_without_a_cap_never_lowers_score_or_outcome(
    case: Case, random: Random
) -> None:
    laws.check_another_hit_never_lowers(case, laws.risk_of(case), draw_hit_without_cap(random))


@given(cases)
def test_unscored_is_exactly_where_fusion_is_blind_and_nothing_hit(case: Case) -> None:
    laws.check_unscored_exactly_where_blind_and_nothing_hit(case, laws.risk_of(case))


@given(cases)
def test_a_blind_outcome_is_at_least_that_of_the_failure_policy(case: Case) -> None:
    laws.check_blind_outcome_is_at_least_that_of_the_policy(case, laws.risk_of(case))


def test_a_hundred_thousand_cases_keep_every_law() -> None:
    random = Random(4)
    profiles = [draw_profile(random) for _ in range(PROFILES)]
    for _ in range(CASES):
        case = draw_case(random, random.choice(profiles))
        risk = laws.risk_of(case)
        laws.check_bounded(risk)
        laws.check_level_is_the_band_of_the_score(case, risk)
        laws.check_points_sum_to_the_score(case, risk)
        laws.check_unscored_exactly_where_blind_and_nothing_hit(case, risk)
        laws.check_blind_outcome_is_at_least_that_of_the_policy(case, risk)
        laws.check_another_hit_never_lowers(case, risk, draw_hit_without_cap(random))
        laws.check_order_does_not_matter(case, risk, random)
        check_a_raised_signal(case, risk, random)


def check_a_raised_signal(case: Case, risk: Risk, random: Random) -> None:
    if case.signals:
        name = random.choice(case.signals).name
        score, raw = draw_score(random), float(random.randrange(13))
        laws.check_more_of_a_signal_never_lowers(case, risk, name, score, raw)
