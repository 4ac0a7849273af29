"""What each bound on the score would cost, and which bounds cost least.

The score is the one that NoisyOr gives to the model alone, at weight 1: about 100 p. Other signals,
rules and block lists only move payments up: in a pipeline the bounds act on no fewer, caps aside.

Costs assume that a reviewed payment is held and judged rightly, and that a fraud's loss is its
amount: what a caught fraud saves on later frauds with the same card is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sentinel_core.errors import InvalidRequestError, Problem
from sentinel_core.fusion.noisy_or import MAX_SHARE
from sentinel_pipelines.handbook.protocol import JudgedPayments
from sentinel_pipelines.steps.evaluate import ScoredPayments

CANDIDATE_BOUNDS = np.arange(1, 1001) / 10
"""Scores 0.1, 0.2, ... 100. A pipeline's bounds lie in (0, 100]; none reaches 100, so that a bound
there means never."""


@dataclass(frozen=True, slots=True)
class CostParameters:
    """What a decision costs, in units of the amounts; a missed fraud costs its amount.

    Attributes
    ----------
    review_cost : of an analyst's look at one payment, at least 0
    block_cost : of blocking one genuine payment, at least 0
    """

    review_cost: float
    block_cost: float

    def __post_init__(self) -> None:
        """Refuse costs that are not at least 0."""
        named = (("review_cost", self.review_cost), ("block_cost", self.block_cost))
        problems = tuple(
            Problem(name, f"is {value}", "give a number of at least 0")
            for name, value in named
            if not (np.isfinite(value) and value >= 0)
        )
        if problems:
            action = "Give both costs in units of the amounts."
            raise InvalidRequestError(
                "These are no costs of decisions.", problems, user_action=action
            )


@dataclass(frozen=True, slots=True)
class ThresholdRow:
    """What happens when every payment from one bound on is acted on.

    Attributes
    ----------
    score : the bound, in (0, 100]
    precision : share of the payments acted on that are frauds; None where there are none
    recall : share of the frauds that are acted on; None where there are none
    alerts_per_day, cards_per_day : payments and different cards acted on in a day, on average
    review_cost_per_day, block_cost_per_day : net cost where each is reviewed, or each is blocked,
        missed frauds included
    """

    score: float
    precision: float | None
    recall: float | None
    alerts_per_day: float
    cards_per_day: float
    review_cost_per_day: float
    block_cost_per_day: float

    @property
    def probability(self) -> float:
        """The bound as a probability, in (0, 1]."""
        return self.score / 100


@dataclass(frozen=True, slots=True, eq=False)
class CostCurve:
    """Net cost per day over bounds.

    Attributes
    ----------
    bounds : (m,) scores, rising
    review, block : (m,) where every payment from the bound on is reviewed, or is blocked
    approve : where nothing is done and every fraud is lost
    """

    bounds: np.ndarray
    review: np.ndarray
    block: np.ndarray
    approve: float


@dataclass(frozen=True, slots=True)
class ProposedBounds:
    """A pair of bounds and what it did to the payments it was judged on.

    Attributes
    ----------
    review, block : scores in (0, 100] for a pipeline's ``outcomes``; where they are equal nothing is
        reviewed, and at 100 the outcome is never given on the model's word alone
    cost_per_day : net, with both bounds
    reviews_per_day, blocks_per_day : payments
    """

    review: float
    block: float
    cost_per_day: float
    reviews_per_day: float
    blocks_per_day: float


def score_alone(probabilities: np.ndarray) -> np.ndarray:
    """Return the score in [0, 100) that NoisyOr gives to a model of weight 1 and nothing else."""
    scores: np.ndarray = 100.0 * (1.0 - (1.0 - np.minimum(probabilities, MAX_SHARE)))
    return scores


def threshold_table(
    scored: ScoredPayments, costs: CostParameters, bounds: Sequence[float]
) -> tuple[ThresholdRow, ...]:
    """Describe each bound, in the order given."""
    scores = score_alone(scored.probabilities)
    return tuple(_describe_bound(scored, scores, costs, bound) for bound in bounds)


def cost_curve(
    scored: ScoredPayments, costs: CostParameters, bounds: np.ndarray = CANDIDATE_BOUNDS
) -> CostCurve:
    """Compute the cost of each bound, which rise."""
    above = _Above.of(scored, bounds)
    missed = above.fraud_amount - above.fraud_amounts
    return CostCurve(
        bounds=bounds,
        review=(missed + costs.review_cost * above.alerts) / above.days,
        block=(missed + costs.block_cost * above.genuine) / above.days,
        approve=above.fraud_amount / above.days,
    )


def propose_bounds(
    scored: ScoredPayments, costs: CostParameters, bounds: np.ndarray = CANDIDATE_BOUNDS
) -> ProposedBounds:
    """Find the review and block bounds of least cost, review not above block.

    Payments should be of weeks that the report does not measure, or the cost found is too good.
    Among pairs of equal cost it takes the highest review bound, then the highest block bound: the
    fewest people are bothered.
    """
    above = _Above.of(scored, bounds)
    # Cost of a pair = of what lies below review + of the band + of what lies from block on.
    by_review = above.fraud_amount - above.fraud_amounts + costs.review_cost * above.alerts
    by_block = costs.block_cost * above.genuine - costs.review_cost * above.alerts
    total = by_review[:, None] + by_block[None, :]
    total[np.tril_indices(len(bounds), -1)] = np.inf
    last = total.size - 1 - int(np.argmin(total[::-1, ::-1]))
    review, block = np.unravel_index(last, total.shape)
    return judge_bounds(scored, costs, float(bounds[review]), float(bounds[block]))


def judge_bounds(
    scored: ScoredPayments, costs: CostParameters, review: float, block: float
) -> ProposedBounds:
    """Say what a pair of bounds, review not above block, would have done to these payments."""
    above = _Above.of(scored, np.array([review, block]))
    reviewed, blocked = float(above.alerts[0] - above.alerts[1]), float(above.alerts[1])
    cost = above.fraud_amount - above.fraud_amounts[0]
    cost += costs.review_cost * reviewed + costs.block_cost * above.genuine[1]
    return ProposedBounds(
        review=review,
        block=block,
        cost_per_day=float(cost / above.days),
        reviews_per_day=reviewed / above.days,
        blocks_per_day=blocked / above.days,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Above:
    """Counts and amounts of the payments from each bound on."""

    alerts: np.ndarray
    genuine: np.ndarray
    fraud_amounts: np.ndarray
    fraud_amount: float
    days: int

    @classmethod
    def of(cls, scored: ScoredPayments, bounds: np.ndarray) -> _Above:
        scores = score_alone(scored.probabilities)
        order = np.argsort(scores, kind="stable")
        first = np.searchsorted(scores[order], bounds, side="left")
        frauds = scored.payments.frauds[order]
        below = np.concatenate([[0], np.cumsum(~frauds)])
        lost = np.concatenate([[0.0], np.cumsum(np.where(frauds, scored.amounts[order], 0.0))])
        return cls(
            alerts=len(scores) - first,
            genuine=below[-1] - below[first],
            fraud_amounts=lost[-1] - lost[first],
            fraud_amount=float(lost[-1]),
            days=_count_days(scored.payments),
        )


def _describe_bound(
    scored: ScoredPayments, scores: np.ndarray, costs: CostParameters, bound: float
) -> ThresholdRow:
    acted = scores >= bound
    frauds, days = scored.payments.frauds, _count_days(scored.payments)
    alerts, hits, all_frauds = int(acted.sum()), int((acted & frauds).sum()), int(frauds.sum())
    missed = float(scored.amounts[frauds & ~acted].sum())
    return ThresholdRow(
        score=bound,
        precision=hits / alerts if alerts else None,
        recall=hits / all_frauds if all_frauds else None,
        alerts_per_day=alerts / days,
        cards_per_day=_count_card_days(scored.payments.take(acted)) / days,
        review_cost_per_day=(missed + costs.review_cost * alerts) / days,
        block_cost_per_day=(missed + costs.block_cost * (alerts - hits)) / days,
    )


def _count_days(payments: JudgedPayments) -> int:
    return len(np.unique(payments.days))


def _count_card_days(payments: JudgedPayments) -> int:
    """Count pairs of a card and a day."""
    today = (payments.cards[payments.days == day] for day in np.unique(payments.days))
    return sum(len(np.unique(cards)) for cards in today)
