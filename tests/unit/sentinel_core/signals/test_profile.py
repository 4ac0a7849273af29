"""The ``signals:`` block."""

from __future__ import annotations

import pytest

from sentinel_core.errors import InvalidDocumentError
from sentinel_core.located import load_yaml
from sentinel_core.signals.profile import SignalsProfile, parse_signals

FEATURES = ("card_count_1h", "amount_z", "card_count_60d")
GOOD = """
velocity: {curves: [{feature: card_count_1h, points: [[3, 0.2], [10, 1]]}]}
behaviour:
  history: card_count_60d
  curves: [{feature: amount_z, points: [[3, 0.5]]}]
"""


def parse(text: str) -> SignalsProfile:
    return parse_signals(load_yaml(text, "pipeline.yaml"), FEATURES, "spec.signals")


def problems_of(text: str) -> list[str]:
    with pytest.raises(InvalidDocumentError) as caught:
        parse(text)
    return [f"{problem.location}: {problem.message}" for problem in caught.value.problems]


def points(text: str) -> str:
    return f"velocity: {{curves: [{{feature: card_count_1h, points: {text}}}]}}"


def test_a_block_gives_curves_and_the_least_history() -> None:
    profile = parse(GOOD)
    assert profile.velocity is not None
    assert profile.behaviour is not None
    assert profile.velocity.curves[0].points == ((3.0, 0.2), (10.0, 1.0))
    assert (profile.behaviour.history, profile.behaviour.min_history) == ("card_count_60d", 5)


def test_an_empty_block_has_no_signals() -> None:
    assert SignalsProfile(velocity=None, behaviour=None) == parse("{}")


def test_a_block_reads_back_from_its_plain_form() -> None:
    profile = parse(GOOD)
    plain = profile.model_dump(mode="json", by_alias=True)
    assert profile == SignalsProfile.model_validate(plain)


def test_unknown_features_are_named_at_their_place() -> None:
    text = GOOD.replace("feature: amount_z", "feature: amount_x").replace("60d", "90d")
    expected = [
        "pipeline.yaml:5:13: there is no feature amount_x",
        "pipeline.yaml:4:3: there is no feature card_count_90d",
    ]
    assert expected == problems_of(text)


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "[[3, 0.2], [3, 0.4]]",
        "[[10, 0.2], [3, 0.4]]",
        "[[3, 0.4], [10, 0.2]]",
        "[[3, 1.2]]",
        "[[3, -0.1]]",
        "[[3]]",
        '[["3", 0.2]]',
        "[[true, 0.2]]",
        "[[1e16, 0.2]]",
    ],
)
def test_points_that_are_no_rising_curve_are_refused(text: str) -> None:
    assert problems_of(points(text))


def test_a_falling_curve_is_refused_in_words() -> None:
    expected = [
        "pipeline.yaml:1:46: spec.signals.velocity.curves.0.points: the risk falls from 0.4 to 0.2"
    ]
    assert expected == problems_of(points("[[3, 0.4], [10, 0.2]]"))


def test_a_signal_without_curves_is_refused() -> None:
    assert problems_of("velocity: {curves: []}")
