"""Every form and aggregate, computed by hand. Windows at scale are proved by property tests."""

from __future__ import annotations

import math

import pytest

from sentinel_core.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from sentinel_core.events import schema_of
from sentinel_core.features import Kernel, parse_spec
from sentinel_core.located import load_yaml
from sentinel_core.state import MemoryState
from tests.support.pipelines import NOW_US

MISSING = math.nan


class Stream:
    """Feeds payments to a kernel as the engine does, at minutes after (or before) now."""

    def __init__(self, *features, event="Transaction"):
        text = "features:\n" + "".join(f"  - {feature}\n" for feature in features)
        self.kernel = Kernel(parse_spec(load_yaml(text, "f.yaml"), schema_of(event)))
        self.state = MemoryState(self.kernel.layouts)
        self.count = 0

    def see(self, minute=0.0, **fields):
        """Return what an event sees, and admit it."""
        time_us = NOW_US + round(minute * MINUTE_US)
        logs = self.state.logs_of("t", fields)
        vector = self.kernel.compute(time_us, fields, logs)
        self.state.admit(logs, time_us, fields, self.kernel.select(vector).__getitem__)
        return vector[0] if len(vector) == 1 else vector

    def tell(self, minute, label, known_minute=0, **fields):
        self.count += 1
        self.state.label(
            "t", f"e{minute}", NOW_US + minute * MINUTE_US, fields,
            known_at_us=NOW_US + known_minute * MINUTE_US, order=self.count, label=label,
        )  # fmt: skip


def same(expected, actual):
    return (math.isnan(expected) and math.isnan(actual)) or expected == actual


def after(feature, *payments, **own):
    """Return a feature of the last payment, after others at their minutes with their amounts."""
    stream = Stream(feature)
    for minute, amount in payments:
        stream.see(minute, card="c", amount=amount)
    return stream.see(0, **({"card": "c", "amount": 10.0} | own))


# Row forms


def test_a_value_is_the_field_and_missing_where_the_event_lacks_it():
    stream = Stream("{name: f, value: payload.lat}")
    assert stream.see(lat=59.9, lon=10.7) == 59.9
    assert math.isnan(stream.see())


def test_a_column_of_the_vector_counts_from_one():
    stream = Stream("{name: f, value: payload.V2}")
    assert stream.see(vector=(1.0, 2.0)) == 2.0
    assert math.isnan(stream.see(vector=(1.0,)))
    assert math.isnan(stream.see())


@pytest.mark.parametrize(
    ("form", "hours", "expected"),
    [
        ("hour: {}", 0, 12.0),
        ("hour: {}", 11.99, 23.0),
        ("hour: {}", 12, 0.0),
        ("weekday: {}", 0, 2.0),  # 2018-08-29 is a Wednesday
        ("weekday: {}", 12, 3.0),
        ("weekday: {}", -61, 6.0),
        ("hour_between: [0, 6]", 0, 0.0),
        ("hour_between: [0, 6]", 12, 1.0),
        ("hour_between: [0, 6]", 18.99, 1.0),
        ("hour_between: [0, 6]", 19, 0.0),
        ("hour_between: [12, 12]", 0, 1.0),
        ("weekday_between: [5, 6]", 0, 0.0),
        ("weekday_between: [5, 6]", 60, 1.0),
        ("weekday_between: [2, 4]", 0, 1.0),
    ],
)
def test_hours_and_weekdays_are_utc_and_both_ends_are_included(form, hours, expected):
    stream = Stream(f"{{name: f, {form}}}")
    assert stream.see(hours * 60, card="c", amount=1.0) == expected


PAIR = ("{name: a, value: payload.lat}", "{name: b, value: payload.lon}")


@pytest.mark.parametrize(
    ("form", "lat", "lon", "expected"),
    [
        ("ratio", 6.0, 4.0, 1.5),
        ("ratio", 6.0, 0.0, MISSING),
        ("ratio", 0.0, 0.0, MISSING),
        ("ratio", 6.0, None, MISSING),
        ("ratio", None, 4.0, MISSING),
        ("difference", 6.0, 4.0, 2.0),
        ("difference", 6.0, 0.0, 6.0),
        ("difference", None, 4.0, MISSING),
    ],
)
def test_pairs_of_features(form, lat, lon, expected):
    given = {n: v for n, v in (("lat", lat), ("lon", lon)) if v is not None}
    actual = Stream(*PAIR, f"{{name: f, {form}: [a, b]}}").see(**given)[2]
    assert same(expected, actual)


# Aggregates: their value over three payments, over none, and with the event itself

PAST = ((-30, 10.0), (-20, 40.0), (-10, 10.0))
SPREAD = math.sqrt(200.0)  # population standard deviation of 10, 40, 10
OVER_THREE = {
    "count: {}": (3.0, 0.0),
    "sum: amount": (60.0, 0.0),
    "mean: amount": (20.0, MISSING),
    "min: amount": (10.0, MISSING),
    "max: amount": (40.0, MISSING),
    "stddev: amount": (SPREAD, MISSING),
    "zscore: amount": (-10.0 / SPREAD, MISSING),
    "rate: label.fraud": (0.0, MISSING),
    "distinct: device": (0.0, 0.0),
    "since_first: {}": (1800.0, MISSING),
    "since_last: {}": (600.0, MISSING),
    "geo_speed: {}": (MISSING, MISSING),
}


@pytest.mark.parametrize("form", OVER_THREE)
def test_an_aggregate_over_three_payments_and_over_none(form):
    full, empty = OVER_THREE[form]
    feature = f"{{name: f, entity: card, {form}, window: 1h}}"
    actual = after(feature, *PAST)
    assert same(full, actual) or actual == pytest.approx(full, rel=1e-15)
    assert same(empty, after(feature))


@pytest.mark.parametrize("form", OVER_THREE)
def test_an_event_without_the_entity_misses_its_features(form):
    stream = Stream(f"{{name: f, entity: card, {form}, window: 1h, empty: 5}}")
    stream.see(-1, card="c", amount=1.0)
    assert math.isnan(stream.see(amount=1.0, terminal="t"))


@pytest.mark.parametrize("form", [f for f in OVER_THREE if f != "geo_speed: {}"])
def test_an_empty_window_is_what_the_spec_says(form):
    assert after(f"{{name: f, entity: card, {form}, window: 1h, empty: -7}}") == -7.0


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("count: {}", 4.0),
        ("sum: amount", 70.0),
        ("mean: amount", 17.5),
        ("min: amount", 10.0),
        ("max: amount", 40.0),
        ("stddev: amount", math.sqrt(168.75)),
        ("zscore: amount", -7.5 / math.sqrt(168.75)),
        ("rate: label.fraud", 0.0),
    ],
)
def test_include_self_adds_the_event(form, expected):
    feature = f"{{name: f, entity: card, {form}, window: 1h, include_self: true}}"
    assert after(feature, *PAST) == pytest.approx(expected, rel=1e-15)


def test_with_include_self_a_window_is_never_empty():
    feature = "{name: f, entity: card, count: {}, window: 1h, include_self: true, empty: -7}"
    assert after(feature) == 1.0


def test_a_window_begins_after_its_start_and_ends_with_its_event():
    stream = Stream("{name: f, entity: card, count: {}, window: 10m}")
    for minute in (-10, -10 + 1e-7, 0, 0):
        stream.see(minute, card="c", amount=1.0)
    assert stream.see(0, card="c", amount=1.0) == 3.0


def test_a_delayed_window_ends_at_the_delay():
    feature = "{name: f, entity: card, sum: amount, window: 10m, delay: 5m}"
    payments = [(-16, 1.0), (-15, 2.0), (-14, 4.0), (-5, 8.0), (-4, 16.0)]
    assert after(feature, *payments) == 4.0 + 8.0


def test_a_late_event_counts_for_those_that_arrive_after_it():
    stream = Stream("{name: f, entity: card, count: {}, window: 1h}")
    assert stream.see(0, card="c", amount=1.0) == 0.0
    assert stream.see(-30, card="c", amount=1.0) == 0.0
    assert stream.see(0, card="c", amount=1.0) == 2.0


def test_entities_and_tenants_do_not_share_windows():
    stream = Stream("{name: f, entity: card, count: {}, window: 1h}")
    stream.see(card="one", amount=1.0)
    assert stream.see(card="other", amount=1.0) == 0.0


def test_zscore_needs_two_payments_that_differ():
    feature = "{name: f, entity: card, zscore: amount, window: 1h}"
    assert math.isnan(after(feature, (-1, 5.0)))
    assert math.isnan(after(feature, (-2, 5.0), (-1, 5.0)))
    assert after(feature, (-2, 5.0), (-1, 7.0)) == 4.0


def test_zscore_of_an_event_without_the_field_is_missing():
    stream = Stream("{name: f, entity: card, zscore: lat, window: 1h}")
    for lat in (1.0, 2.0):
        stream.see(card="c", lat=lat, lon=0.0)
    assert math.isnan(stream.see(card="c"))


def test_the_standard_deviation_of_one_payment_is_zero():
    assert after("{name: f, entity: card, stddev: amount, window: 1h}", (-1, 5.0)) == 0.0


def test_cents_add_up_exactly():
    feature = "{name: f, entity: card, sum: amount, window: 1h}"
    assert after(feature, *[(-1, 0.1)] * 3) == 0.3


def test_a_mean_counts_events_that_have_the_field():
    stream = Stream("{name: f, entity: card, mean: lat, window: 1h}")
    stream.see(card="c", lat=4.0, lon=0.0)
    stream.see(card="c")
    assert stream.see(card="c") == 4.0


def test_distinct_counts_values_once_and_absent_ones_never():
    stream = Stream("{name: f, entity: device, distinct: card, window: 1h}")
    for card in ("a", "b", "a"):
        stream.see(device="d", card=card)
    stream.see(device="d")
    assert stream.see(device="d", card="z") == 2.0


def test_distinct_with_the_event_itself():
    feature = "{name: f, entity: device, distinct: card, window: 1h, include_self: true}"
    stream = Stream(feature)
    assert [stream.see(device="d", card=c) for c in ("a", "a", "b")] == [1.0, 1.0, 2.0]
    assert stream.see(device="d") == 2.0


def test_a_rate_is_the_share_of_known_frauds():
    stream = Stream("{name: f, entity: terminal, rate: label.fraud, window: 1h}")
    for minute in (-4, -3, -2, -1):
        stream.see(minute, terminal="t")
    stream.tell(-3, "fraud", known_minute=-1, terminal="t")
    stream.tell(-2, "fraud", known_minute=1, terminal="t")
    assert stream.see(0, terminal="t") == 0.25
    assert stream.see(1, terminal="t") == 0.4


def test_the_label_known_last_rules():
    stream = Stream("{name: f, entity: card, count: {}, where: {label: fraud}, window: 1h}")
    stream.see(-5, card="c")
    stream.tell(-5, "fraud", known_minute=-4, card="c")
    stream.tell(-5, "legitimate", known_minute=-2, card="c")
    assert [stream.see(minute, card="c") for minute in (-3, -2)] == [1.0, 0.0]


def test_an_unlabelled_event_counts_as_legitimate():
    stream = Stream("{name: f, entity: card, count: {}, where: {label: legitimate}, window: 1h}")
    stream.see(-5, card="c")
    assert stream.see(-4, card="c") == 1.0
    stream.tell(-5, "fraud", known_minute=-4, card="c")
    assert stream.see(-3, card="c") == 1.0  # the second one; the first is a fraud


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("{field: amount, gt: 10}", 2.0),
        ("{field: amount, gte: 10}", 3.0),
        ("{field: amount, lt: 10}", 1.0),
        ("{field: amount, lte: 10}", 2.0),
        ("{field: amount, eq: 10}", 1.0),
        ("{field: amount, ne: 10}", 3.0),
        ("{field: amount, in: [5, 20]}", 2.0),
        ("{field: country, eq: SE}", 2.0),
        ("{field: country, ne: SE}", 1.0),
        ("{field: country, in: [SE, NO]}", 3.0),
        ("{field: payload.country, eq: NO}", 1.0),
    ],
)
def test_where_selects_past_events_by_a_field_that_they_have(where, expected):
    stream = Stream(f"{{name: f, entity: card, count: {{}}, where: {where}, window: 1h}}")
    for amount, country in ((5.0, "SE"), (10.0, "SE"), (20.0, "NO"), (30.0, None)):
        stream.see(card="c", amount=amount, **({"country": country} if country else {}))
    assert stream.see(card="c", amount=1.0) == expected


def test_where_selects_past_events_by_what_they_saw_when_they_arrived():
    stream = Stream(
        "{name: n, entity: card, count: {}, window: 1h}",
        "{name: f, entity: card, count: {}, where: {feature: n, gte: 2}, window: 1d}",
    )
    assert [stream.see(minute, card="c")[1] for minute in (0, 1, 2, 3, 4)] == [0, 0, 0, 1, 2]


def test_an_event_whose_value_was_missing_is_not_selected():
    stream = Stream(
        "{name: v, value: payload.lat}",
        "{name: f, entity: card, count: {}, where: {feature: v, ne: 0}, window: 1d}",
    )
    stream.see(card="c")
    stream.see(card="c", lat=1.0, lon=1.0)
    assert stream.see(card="c")[1] == 1.0


# Impossible travel

OSLO, BERGEN = {"lat": 59.9139, "lon": 10.7522}, {"lat": 60.3913, "lon": 5.3221}
KILOMETRES = 305.19  # great circle between the two


def test_geo_speed_is_the_distance_to_the_latest_place_over_the_time():
    stream = Stream("{name: f, entity: card, geo_speed: {}, window: 1d}")
    stream.see(-120, card="c", **BERGEN)
    stream.see(-60, card="c", **OSLO)
    stream.see(-30, card="c")  # an event without a place is passed over
    assert stream.see(0, card="c", **BERGEN) == pytest.approx(KILOMETRES, rel=1e-3)


def test_two_places_at_once_are_a_second_apart():
    stream = Stream("{name: f, entity: card, geo_speed: {}, window: 1d}")
    stream.see(0, card="c", **OSLO)
    assert stream.see(0, card="c", **BERGEN) == pytest.approx(KILOMETRES * 3600, rel=1e-3)


def test_the_same_place_is_no_speed():
    stream = Stream("{name: f, entity: card, geo_speed: {}, window: 1d}")
    stream.see(-60, card="c", **OSLO)
    assert stream.see(0, card="c", **OSLO) == 0.0


def test_places_at_opposite_ends_of_the_earth_are_half_its_girth_apart():
    stream = Stream("{name: f, entity: card, geo_speed: {}, window: 1d}")
    stream.see(-60, card="c", lat=0.0, lon=0.0)
    assert stream.see(0, card="c", lat=0.0, lon=180.0) == pytest.approx(math.pi * 6371.0088)


def test_an_event_without_a_place_has_no_speed():
    stream = Stream("{name: f, entity: card, geo_speed: {}, window: 1d, empty: 0}")
    stream.see(-60, card="c", **OSLO)
    assert math.isnan(stream.see(0, card="c"))
    assert stream.see(0, card="d", **OSLO) == 0.0


def test_windows_reach_from_a_minute_to_half_a_year():
    for text, length_us in (("1m", MINUTE_US), ("60s", MINUTE_US), ("180d", 180 * DAY_US)):
        stream = Stream(f"{{name: f, entity: card, count: {{}}, window: {text}}}")
        stream.see((SECOND_US - length_us) / MINUTE_US, card="c")
        assert stream.see(card="c") == 1.0


def test_logins_have_windows_of_their_own_entities():
    stream = Stream(
        "{name: f, entity: user, count: {}, where: {field: result, eq: failure}, window: 10m}",
        event="Login",
    )
    for result in ("failure", "success", "failure"):
        stream.see(user="u", result=result)
    assert stream.see(user="u", result="success") == 2.0


def test_a_delay_of_hours_is_read():
    stream = Stream("{name: f, entity: card, count: {}, window: 1h, delay: 2h}")
    stream.see(-2.5 * HOUR_US / MINUTE_US, card="c")
    assert stream.see(card="c") == 1.0
