"""The ``fusion:`` block."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import TypeAdapter

from sentinel_core.errors import InvalidDocumentError
from sentinel_core.fusion import FusionProfile, parse_fusion
from sentinel_core.fusion.method import Outcomes
from sentinel_core.fusion.noisy_or import NoisyOr
from sentinel_core.ids import canonical_json
from sentinel_core.located import load_yaml, locate
from tests.support.fusion_cases import BLOCKS

WEIGHTS = "weights: {fraud: 1.0, rules: 1.0}\n"


def problems_of(text: str) -> list[str]:
    with pytest.raises(InvalidDocumentError) as caught:
        parse_fusion(load_yaml(text, "pipeline.yaml"), "spec.fusion")
    return [f"{problem.location}: {problem.message}" for problem in caught.value.problems]


def test_without_a_method_it_is_noisy_or_with_the_levels_for_payments() -> None:
    profile = parse_fusion(load_yaml(WEIGHTS, "pipeline.yaml"))
    assert isinstance(profile, NoisyOr)
    expected = ((0.0, "LOW"), (30.0, "MEDIUM"), (60.0, "HIGH"), (85.0, "CRITICAL"))
    assert expected == profile.bands
    assert Outcomes(review=60, block=85) == profile.outcome_bounds


@pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)
def test_a_block_reads_back_from_the_json_of_a_release(block: dict[str, Any]) -> None:
    profile = parse_fusion(locate(block, "fusion"))
    plain = json.loads(canonical_json(profile.model_dump(mode="json", by_alias=True)))
    assert profile == parse_fusion(locate(plain, "release"))
    assert profile == TypeAdapter(FusionProfile).validate_python(plain)


def test_levels_are_taken_by_their_bounds_and_not_as_written() -> None:
    text = WEIGHTS + "levels: {CRITICAL: 80, LOW: 0, HIGH: 50}"
    profile = parse_fusion(load_yaml(text, "pipeline.yaml"))
    assert profile.bands == ((0.0, "LOW"), (50.0, "HIGH"), (80.0, "CRITICAL"))


def test_an_unknown_method_is_refused_with_those_there_are() -> None:
    assert problems_of("method: Sum\n" + WEIGHTS) == [
        "pipeline.yaml:1:1: there is no fusion method Sum"
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (WEIGHTS + "levels: {LOW: 1}", "spec.fusion.levels"),
        (WEIGHTS + "levels: {LOW: 0, HIGH: 60, HIGHER: 60}", "spec.fusion.levels"),
        (WEIGHTS + "levels: {UNSCORED: 0}", "spec.fusion.levels"),
        (WEIGHTS + "levels: {}", "spec.fusion.levels"),
        (WEIGHTS + "levels: {low: 0}", "spec.fusion.levels"),
        (WEIGHTS + "levels: {LOW: 0, HIGH: 101}", "spec.fusion.levels"),
        (WEIGHTS + "outcomes: {review: 90, block: 80}", "spec.fusion.outcomes"),
        (WEIGHTS + "outcomes: {review: 0}", "spec.fusion.outcomes.review"),
        (WEIGHTS + "outcomes: {block: 100.5}", "spec.fusion.outcomes.block"),
        (WEIGHTS + "outcomes: {approve: 5}", "spec.fusion.outcomes.approve"),
        ("weights: {}", "spec.fusion.weights"),
        ("weights: {fraud: 1.5}", "spec.fusion.weights.fraud"),
        ("weights: {fraud: -0.5}", "spec.fusion.weights.fraud"),
        ('weights: {fraud: "1"}', "spec.fusion.weights.fraud"),
        ("weights: {Fraud: 1}", "spec.fusion.weights.Fraud"),
        ("method: NoisyOr", "spec.fusion.weights"),
        ("method: Weighted\nweights: {fraud: 0}", "spec.fusion.weights.fraud"),
        ("method: Weighted\nweights: {fraud: 1001}", "spec.fusion.weights.fraud"),
        ("method: SeedV1\nlevels: {LOW: 0}", "spec.fusion.levels"),
        ("method: SeedV1\nweights: {nlp: 1}", "spec.fusion.weights"),
        ("method: StreamSeed", "spec.fusion.velocityFeature"),
        ("method: StreamSeed\nvelocityFeature: n\nscoreThreshold: 0", "spec.fusion.scoreThreshold"),
        (
            "method: StreamSeed\nvelocityFeature: n\nscoreThreshold: 0.56",
            "spec.fusion.scoreThreshold",
        ),
        (
            "method: StreamSeed\nvelocityFeature: n\nvelocityThreshold: 7",
            "spec.fusion.velocityThreshold",
        ),
        (
            "method: StreamSeed\nvelocityFeature: n\nvelocityThreshold: 2.5",
            "spec.fusion.velocityThreshold",
        ),
        ("method: StreamSeed\nvelocityFeature: n\nwindowSeconds: 59", "spec.fusion.windowSeconds"),
    ],
)
def test_a_block_that_breaks_a_bound_is_refused_by_name(text: str, expected: str) -> None:
    (problem,) = problems_of(text)
    assert expected in problem


def test_more_weights_than_32_are_refused() -> None:
    weights = ", ".join(f"m{i}: 1" for i in range(33))
    assert len(problems_of(f"weights: {{{weights}}}")) == 1
