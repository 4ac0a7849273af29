"""What a spec is once it is read: names, digests and the parts that it needs."""

from __future__ import annotations

from sentinel_core.clock import DAY_US
from sentinel_core.events import schema_of
from sentinel_core.features import parse_spec
from sentinel_core.features.offline import entity_groups
from sentinel_core.located import load_yaml, locate
from sentinel_core.state.layout import LabelIs

# ruff: noqa: E501 - the example of the documentation, character by character
EXAMPLE = """
features:
  - {name: amount, value: payload.amount}
  - {name: night, hour_between: [0, 6]}                                                       # hours 0 to 6
  - {name: card_count_1d, entity: card, count: {}, window: 1d}
  - {name: card_mean_7d, entity: card, mean: payload.amount, window: 7d}
  - {name: terminal_risk_28d, entity: terminal, rate: label.fraud, window: 28d, delay: 7d}
  - {name: since_fraud, entity: terminal, since_first: {}, where: {label: fraud}, window: 60d}
  - {name: device_cards_1d, entity: device, distinct: card, window: 1d}
  - {name: speed_kmh, entity: card, geo_speed: {}, window: 1d}                               # impossible travel
  - {name: amount_z_60d, entity: card, zscore: payload.amount, window: 60d}
  - {name: amount_to_mean, ratio: [amount, card_mean_7d]}
"""


def parse(text, event="Transaction"):
    return parse_spec(load_yaml(text, "spec.yaml"), schema_of(event))


def one(feature):
    return parse(f"features:\n  - {feature}\n")


def test_the_documented_example_is_read_as_it_stands():
    spec = parse(EXAMPLE)
    assert spec.names == (
        "amount", "night", "card_count_1d", "card_mean_7d", "terminal_risk_28d", "since_fraud",
        "device_cards_1d", "speed_kmh", "amount_z_60d", "amount_to_mean",
    )  # fmt: skip
    risk, since = spec.by_name["terminal_risk_28d"], spec.by_name["since_fraud"]
    assert (risk.window_us, risk.delay_us) == (28 * DAY_US, 7 * DAY_US)
    assert (since.entity, since.where) == ("terminal", LabelIs("fraud"))


def test_layout_and_comments_are_not_in_the_digest():
    other = EXAMPLE.replace("  #", "   # note:").replace("{name: amount,", "{  name: amount,")
    assert parse(EXAMPLE).digest == parse(other).digest


def test_a_changed_window_is_another_spec():
    assert parse(EXAMPLE).digest != parse(EXAMPLE.replace("28d", "29d")).digest


def test_the_same_features_of_another_event_are_another_spec():
    text = "features: [{name: h, hour: {}}]"
    assert parse(text).digest != parse(text, "Login").digest


def test_a_spec_comes_back_from_its_plain_form():
    spec = parse(EXAMPLE)
    again = parse_spec(locate(spec.plain(), "release"), schema_of("Transaction"))
    assert (spec.features, spec.digest) == (again.features, again.digest)


def test_the_closure_of_a_feature_holds_what_it_reads():
    spec = parse(EXAMPLE).closure(["amount_to_mean"])
    assert spec.names == ("amount", "card_mean_7d", "amount_to_mean")


def test_the_closure_follows_selections_by_feature_values():
    where = "{feature: amount_to_mean, gt: 3}"
    odd = f"  - {{name: odd, entity: card, count: {{}}, where: {where}, window: 1d}}\n"
    names = parse(EXAMPLE + odd).closure(["odd"]).names
    assert names == ("amount", "card_mean_7d", "amount_to_mean", "odd")


def test_groups_hold_every_feature_once_and_one_kind_of_entity_each():
    spec = parse(EXAMPLE)
    groups = entity_groups(spec)
    assert sorted(n for group in groups for n in group) == sorted(spec.names)
    kinds = [{spec.by_name[n].entity for n in group} - {None} for group in groups]
    assert sorted(len(kind) for kind in kinds) == [1, 1, 1]


def test_row_forms_alone_are_one_group():
    assert entity_groups(one("{name: a, hour: {}}")) == [["a"]]


def test_a_null_argument_is_as_good_as_an_empty_one():
    assert one("{name: a, entity: card, count: , window: 1d}").features == (
        one("{name: a, entity: card, count: {}, window: 1d}").features
    )
