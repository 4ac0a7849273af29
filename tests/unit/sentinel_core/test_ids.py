"""Names that two processes, two machines and two years must make alike."""

from __future__ import annotations

import math

import pytest

from sentinel_core.ids import (
    DIGEST_PATTERN,
    canonical_json,
    decision_id,
    digest_bytes,
    digest_json,
    split_fraction,
)

ENTITIES = [f"card-{i}" for i in range(20_000)]
ONE, OTHER = digest_bytes(b"one"), digest_bytes(b"other")


def fractions(candidate):
    return [split_fraction("default", "card", entity, candidate) for entity in ENTITIES]


def test_canonical_json_does_not_depend_on_the_order_of_keys():
    assert canonical_json({"b": [1, 0.1], "a": "é"}) == '{"a":"é","b":[1,0.1]}'.encode()
    assert canonical_json({"a": 1, "b": 2}) == canonical_json({"b": 2, "a": 1})


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_does_not_have_are_refused(number):
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json({"a": number})


def test_a_digest_has_the_form_in_which_digests_are_looked_for():
    assert DIGEST_PATTERN.match(digest_json({"a": 1}))
    assert digest_json({"a": 1}) == digest_bytes(b'{"a":1}')


def test_a_fraction_stays_what_it_was_in_earlier_versions():
    # Another value would move entities between releases in the middle of a roll-out.
    assert split_fraction("default", "card", "c1", ONE) == 0.8856123989914578


def test_fractions_are_spread_evenly():
    counts = [0] * 20
    for fraction in fractions(ONE):
        counts[int(fraction * 20)] += 1
    mean = len(ENTITIES) / 20
    chi_square = sum((count - mean) ** 2 / mean for count in counts)
    assert chi_square < 43.8  # chi-square, 19 degrees of freedom, p = 0.001


@pytest.mark.parametrize("percent", [1, 5, 10, 25, 50])
def test_a_share_of_entities_is_what_was_asked_for(percent):
    share = sum(f < percent / 100 for f in fractions(ONE)) / len(ENTITIES)
    deviation = math.sqrt(percent / 100 * (1 - percent / 100) / len(ENTITIES))
    assert abs(share - percent / 100) < 4 * deviation


def test_the_entities_of_a_small_step_stay_in_every_larger_one():
    drawn = fractions(ONE)
    steps = [{e for e, f in zip(ENTITIES, drawn, strict=True) if f < p / 100} for p in (1, 10, 50)]
    assert steps[0] < steps[1] < steps[2]


def test_another_candidate_draws_other_entities():
    pairs = zip(fractions(ONE), fractions(OTHER), strict=True)
    both = sum(one < 0.1 and other < 0.1 for one, other in pairs) / len(ENTITIES)
    assert 0.005 < both < 0.015  # a tenth of a tenth where the two draws are independent


def test_tenants_and_kinds_of_entity_draw_apart():
    places = {
        split_fraction("a", "card", "1", ONE),
        split_fraction("b", "card", "1", ONE),
        split_fraction("a", "account", "1", ONE),
    }
    assert len(places) == 3


def test_an_event_of_a_tenant_has_one_decision_id():
    assert decision_id("a", "e1") == decision_id("a", "e1")
    assert len({decision_id("a", "b|c"), decision_id("a|b", "c"), decision_id("a", "c")}) == 3
