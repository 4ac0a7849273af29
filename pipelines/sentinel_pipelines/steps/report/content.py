"""What a report says, gathered by whoever measured it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sentinel_core.errors import InvalidRequestError, Problem
from sentinel_core.features.describe import name_in_words
from sentinel_core.features.spec import FeatureSpec
from sentinel_pipelines.handbook.protocol import BASELINE_FOLD, TEST_FOLDS
from sentinel_pipelines.handbook.published import BASELINE, PREQUENTIAL, Published
from sentinel_pipelines.steps.candidates import Comparison
from sentinel_pipelines.steps.evaluate import FoldResult
from sentinel_pipelines.steps.thresholds import CostParameters, ProposedBounds


@dataclass(frozen=True, slots=True)
class FeatureRow:
    """One feature of the model.

    Attributes
    ----------
    name : as in the spec
    description : what it measures, in words
    importance : at least 0; `ReportInput.importance_meaning` says of what
    """

    name: str
    description: str
    importance: float


@dataclass(frozen=True, slots=True, eq=False)
class ReportInput:
    """All that a report is made of; equal inputs give equal bytes.

    Attributes
    ----------
    title : heading of the page
    measured : what was measured and how, in a sentence or two
    facts : pairs of a name and a value: digests, versions, parameters
    results : at least one fold
    costs : by which bounds are judged
    bounds : proposed, from payments that are not in ``results``
    bounds_chosen_on : those payments, in words: "the four validation weeks"
    comparison : of other trainers; None where none were tried
    features : of the model; may be empty
    importance_meaning : what the numbers of importance are, in a sentence
    """

    title: str
    measured: str
    facts: tuple[tuple[str, str], ...]
    results: tuple[FoldResult, ...]
    costs: CostParameters
    bounds: ProposedBounds
    bounds_chosen_on: str
    comparison: Comparison | None
    features: tuple[FeatureRow, ...]
    importance_meaning: str

    def __post_init__(self) -> None:
        """Refuse a report of nothing."""
        if not self.results:
            problem = Problem("results", "are empty", "evaluate at least one fold")
            message, action = "There is nothing to report.", "Pass one result for each fold."
            raise InvalidRequestError(message, (problem,), user_action=action)


def build_feature_rows(
    spec: FeatureSpec, importance: Mapping[str, float]
) -> tuple[FeatureRow, ...]:
    """Describe the features that have an importance, the most important first."""
    rows = [
        FeatureRow(name, name_in_words(spec.by_name[name], spec), value)
        for name, value in importance.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-row.importance, row.name)))


def published_beside(results: tuple[FoldResult, ...]) -> tuple[Published, ...]:
    """Return the published rows for exactly these folds; none where the weeks are others."""
    starts = {result.fold.start for result in results}
    if starts == {fold.start for fold in TEST_FOLDS}:
        return PREQUENTIAL
    return BASELINE if starts == {BASELINE_FOLD.start} else ()


def are_test_folds(results: tuple[FoldResult, ...]) -> bool:
    """Whether these are the four folds for which ceiling, floor and leak alarm are stated."""
    return published_beside(results) is PREQUENTIAL
