"""Bounds and their costs, against brute force."""

import numpy as np
import pytest

from sentinel_core.errors import InvalidRequestError
from sentinel_core.fusion.method import Opinion
from sentinel_core.fusion.noisy_or import NoisyOr
from sentinel_pipelines.handbook.protocol import TEST_FOLDS, JudgedPayments
from sentinel_pipelines.steps.evaluate import ScoredPayments
from sentinel_pipelines.steps.thresholds import (
    CostParameters,
    cost_curve,
    judge_bounds,
    propose_bounds,
    score_alone,
    threshold_table,
)
from tests.support.evaluations import COSTS, make_scored

BOUNDS = np.array([1.0, 2.0, 5.0, 20.0, 50.0, 70.0, 100.0])


@pytest.fixture(scope="module")
def scored():
    return make_scored(TEST_FOLDS[0], 4)[0]


def small(*rows):
    """Payments by (day, card, fraud, amount, probability)."""
    days = np.array([np.datetime64("2018-08-29") + row[0] for row in rows])
    cards, frauds = np.array([row[1] for row in rows]), np.array([row[2] for row in rows])
    payments = JudgedPayments(days, cards, frauds)
    amounts = np.array([row[3] for row in rows], dtype=float)
    return ScoredPayments(payments, amounts, np.array([row[4] for row in rows]))


def brute_force_cost(scored, costs, review, block):
    """Decide payment by payment."""
    total = 0.0
    columns = (scored.payments.frauds, scored.amounts, score_alone(scored.probabilities))
    for fraud, amount, score in zip(*columns, strict=True):
        if score >= block:
            total += 0.0 if fraud else costs.block_cost
        elif score >= review:
            total += costs.review_cost
        elif fraud:
            total += amount
    return total / len(set(scored.payments.days))


FEW = small(
    (0, 1, True, 100.0, 0.9),
    (0, 1, False, 20.0, 0.7),
    (0, 2, False, 30.0, 0.2),
    (1, 1, True, 50.0, 0.3),
    (1, 3, False, 10.0, 0.1),
)


def test_a_row_says_what_a_bound_does():
    (row,) = threshold_table(FEW, CostParameters(5.0, 30.0), [30.0])
    assert row.probability == 0.3
    assert row.precision == pytest.approx(2 / 3)
    assert row.recall == 1.0
    assert row.alerts_per_day == 1.5
    assert row.review_cost_per_day == 7.5
    assert row.block_cost_per_day == 15.0


def test_a_card_counts_once_a_day():
    (row,) = threshold_table(FEW, CostParameters(5.0, 30.0), [30.0])
    assert row.cards_per_day == 1.0


def test_a_missed_fraud_costs_its_amount():
    (row,) = threshold_table(FEW, CostParameters(0.0, 0.0), [60.0])
    assert row.review_cost_per_day == 25.0


def test_a_bound_that_nothing_reaches_has_no_precision():
    (row,) = threshold_table(FEW, COSTS, [95.0])
    assert (row.precision, row.recall, row.cards_per_day) == (None, 0.0, 0.0)


def test_payments_without_frauds_have_no_recall():
    (row,) = threshold_table(small((0, 1, False, 10.0, 0.5)), COSTS, [20.0])
    assert row.recall is None


def test_the_table_equals_brute_force(scored):
    for row in threshold_table(scored, COSTS, BOUNDS.tolist()):
        reviewed = brute_force_cost(scored, COSTS, row.score, 101.0)
        blocked = brute_force_cost(scored, COSTS, row.score, row.score)
        assert row.review_cost_per_day == pytest.approx(reviewed)
        assert row.block_cost_per_day == pytest.approx(blocked)


def test_the_curve_equals_the_table(scored):
    curve = cost_curve(scored, COSTS, BOUNDS)
    table = threshold_table(scored, COSTS, BOUNDS.tolist())
    assert curve.review == pytest.approx([row.review_cost_per_day for row in table])
    assert curve.block == pytest.approx([row.block_cost_per_day for row in table])


def test_a_bound_of_100_is_never_reached_so_that_it_costs_as_much_as_approving(scored):
    curve = cost_curve(scored, COSTS, BOUNDS)
    assert curve.review[-1] == pytest.approx(curve.approve)
    assert curve.block[-1] == pytest.approx(curve.approve)


@pytest.mark.parametrize(
    "costs",
    [COSTS, CostParameters(1.0, 200.0), CostParameters(40.0, 3.0), CostParameters(0.0, 0.0)],
    ids=str,
)
def test_the_proposed_bounds_cost_what_the_best_pair_costs_by_brute_force(scored, costs):
    least = min(
        brute_force_cost(scored, costs, review, block)
        for review in BOUNDS
        for block in BOUNDS
        if review <= block
    )
    proposed = propose_bounds(scored, costs, BOUNDS)
    assert proposed.cost_per_day == pytest.approx(least)
    found = brute_force_cost(scored, costs, proposed.review, proposed.block)
    assert found == pytest.approx(least)


def test_a_pair_of_bounds_is_judged_on_other_payments_as_by_brute_force():
    other = make_scored(TEST_FOLDS[1], 8)[0]
    judged = judge_bounds(other, COSTS, 2.0, 70.0)
    assert judged.cost_per_day == pytest.approx(brute_force_cost(other, COSTS, 2.0, 70.0))


def test_the_proposal_counts_reviews_and_blocks_per_day(scored):
    proposed = propose_bounds(scored, COSTS)
    scores = score_alone(scored.probabilities)
    blocked = int((scores >= proposed.block).sum())
    reviewed = int((scores >= proposed.review).sum()) - blocked
    assert proposed.reviews_per_day == pytest.approx(reviewed / 7)
    assert proposed.blocks_per_day == pytest.approx(blocked / 7)


def test_reviews_that_cost_more_than_blocks_are_not_proposed(scored):
    proposed = propose_bounds(scored, CostParameters(review_cost=1000.0, block_cost=1.0))
    assert proposed.review == proposed.block
    assert proposed.reviews_per_day == 0.0


def test_blocking_that_costs_too_much_starts_above_every_genuine_payment(scored):
    proposed = propose_bounds(scored, CostParameters(review_cost=1.0, block_cost=1e9))
    genuine = score_alone(scored.probabilities)[~scored.payments.frauds]
    assert proposed.block > genuine.max()


def test_of_equal_pairs_the_highest_bounds_are_taken():
    one = small((0, 1, True, 100.0, 0.5), (0, 2, False, 1.0, 0.01))
    proposed = propose_bounds(one, CostParameters(review_cost=5.0, block_cost=5.0))
    assert (proposed.review, proposed.block) == (50.0, 50.0)


def test_bounds_of_a_pipeline_are_never_out_of_order(scored):
    for review_cost in (0.0, 1.0, 10.0, 100.0):
        for block_cost in (0.0, 1.0, 10.0, 100.0):
            proposed = propose_bounds(scored, CostParameters(review_cost, block_cost))
            assert 0 < proposed.review <= proposed.block <= 100


def test_the_score_is_the_one_that_fusion_gives_to_the_model_alone():
    profile = NoisyOr(weights={"fraud": 1.0})
    probabilities = np.array([0.0, 1e-12, 0.004, 0.3, 0.999, 1.0])
    expected = [profile.combine([Opinion("fraud", "model", p)]).score for p in probabilities]
    assert score_alone(probabilities).tolist() == expected


@pytest.mark.parametrize("cost", [-1.0, float("nan"), float("inf")])
def test_costs_that_are_none_are_refused(cost):
    with pytest.raises(InvalidRequestError, match="block_cost: is"):
        CostParameters(1.0, cost)
