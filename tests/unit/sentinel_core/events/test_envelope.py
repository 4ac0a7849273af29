"""What an event must be before anything changes, and what its sender is told when it is not."""

from __future__ import annotations

import json

import pytest

from sentinel_core.clock import DAY_US, MINUTE_US
from sentinel_core.errors import InvalidEventError, NotFoundError
from sentinel_core.events import parse_event
from sentinel_core.events.currencies import MINOR_DIGITS
from tests.support.pipelines import NOW_US

ABSENT = object()


def body(**changes):
    """Return a payment as JSON; a dotted name reaches inside, ABSENT takes a key away."""
    event = {
        "id": "p1",
        "type": "Transaction",
        "occurred_at": "2018-08-29T12:00:00Z",
        "entities": {"card": "c1"},
        "payload": {"amount": 10.0, "currency": "EUR"},
    }
    for path, value in changes.items():
        *parents, last = path.split("__")
        node = event
        for parent in parents:
            node = node[parent]
        if value is ABSENT:
            del node[last]
        else:
            node[last] = value
    return event


def login(**payload):
    return {
        "id": "l1",
        "type": "Login",
        "occurred_at": "2018-08-29T12:00:00Z",
        "entities": {"user": "u1", "ip": "192.0.2.1"},
        "payload": {"result": "success"} | payload,
    }


def parse(event):
    return parse_event(event, tenant="default", received_at_us=NOW_US)


def faults(event):
    with pytest.raises(InvalidEventError) as caught:
        parse(event)
    return [(p.location, p.message) for p in caught.value.problems]


REFUSED = {
    "a time before 2000": (
        body(occurred_at="1999-12-31T23:59:59.999999Z"),
        ("occurred_at", "lies before the year 2000"),
    ),
    "a time more than 5 minutes ahead": (
        body(occurred_at="2018-08-29T12:05:00.000001Z"),
        ("occurred_at", "lies more than 5 minutes after 2018-08-29T12:00:00Z, when it came"),
    ),
    "a time without a zone": (
        body(occurred_at="2018-08-29T12:00:00"),
        ("occurred_at", "Input should have timezone info"),
    ),
    "a time as a number": (
        body(occurred_at=1_535_544_000),
        ("occurred_at", "write a time such as 2018-08-29T12:00:00Z"),
    ),
    "a time as digits": (
        body(occurred_at="1535544000"),
        ("occurred_at", "write a time such as 2018-08-29T12:00:00Z"),
    ),
    "a time finer than a microsecond": (
        body(occurred_at="2018-08-29T12:00:00.1234567Z"),
        ("occurred_at", "a time is no finer than a microsecond; write at most six decimals"),
    ),
    "an unknown field": (body(color="red"), ("color", "Extra inputs are not permitted")),
    "an unknown payload field": (
        body(payload__tip=1),
        ("payload.tip", "Extra inputs are not permitted"),
    ),
    "received_at by the client": (
        body(received_at="2018-08-29T12:00:00Z"),
        ("received_at", "Extra inputs are not permitted"),
    ),
    "text as amount": (
        body(payload__amount="10"),
        ("payload.amount", "Input should be a valid number"),
    ),
    "true as amount": (
        body(payload__amount=True),
        ("payload.amount", "Input should be a valid number"),
    ),
    "NaN": (
        body(payload__amount=float("nan")),
        ("payload.amount", "Input should be a finite number"),
    ),
    "infinity": (
        body(payload__amount=float("inf")),
        ("payload.amount", "Input should be a finite number"),
    ),
    "an amount below zero": (
        body(payload__amount=-0.01),
        ("payload.amount", "Input should be greater than or equal to 0"),
    ),
    "an amount of 10^11": (
        body(payload__amount=1e11),
        ("payload.amount", "Input should be less than 100000000000"),
    ),
    "an unknown currency": (
        body(payload__currency="XAU"),
        ("payload.currency", "not an active ISO 4217 code, such as EUR"),
    ),
    "a country in lower case": (
        body(payload__country="se"),
        ("payload.country", "String should match pattern '^[A-Z]{2}$'"),
    ),
    "a latitude of 91": (
        body(payload__lat=91.0, payload__lon=0.0),
        ("payload.lat", "Input should be less than or equal to 90"),
    ),
    "a latitude alone": (
        body(payload__lat=1.0),
        ("payload", "lat and lon come together or not at all"),
    ),
    "65 vector columns": (
        body(payload__vector=[0.0] * 65),
        ("payload.vector", "Tuple should have at most 64 items after validation, not 65"),
    ),
    "an unknown kind of entity": (
        body(entities__wallet="w1"),
        ("entities.wallet", "is no entity of a Transaction"),
    ),
    "a kind of entity named like a type": (
        body(entities__Transaction=1),
        ("entities.Transaction", "Input should be a valid string"),
    ),
    "a card number": (
        body(entities__card="4111111111111111"),
        ("entities.card", "looks like a card number; send a token for it"),
    ),
    "a card number with spaces": (
        body(entities__card="4111 1111-1111 1111"),
        ("entities.card", "looks like a card number; send a token for it"),
    ),
    "an address that is none": (
        body(entities__ip="192.0.2.256"),
        ("entities.ip", "is no IPv4 or IPv6 address"),
    ),
    "an empty entity": (
        body(entities__card=""),
        ("entities.card", "String should have at least 1 character"),
    ),
    "an id of 129 characters": (
        body(id="x" * 129),
        ("id", "String should have at most 128 characters"),
    ),
    "an id with a line end": (body(id="a\n"), ("id", "String should match pattern '^[!-~]+$'")),
    "no type": (body(type=ABSENT), ("type", "is missing")),
    "an unknown type": (body(type="Refund"), ("type", "is not a type of event")),
    "a type that is a list": (body(type=["Transaction"]), ("type", "is not a type of event")),
    "a login with a payment's payload": (
        login(amount=1.0),
        ("payload.amount", "Extra inputs are not permitted"),
    ),
    "a login with an unknown result": (
        login(result="maybe"),
        ("payload.result", "Input should be 'success', 'failure', 'locked' or 'challenge'"),
    ),
    "a list": ("[]", ("event", "is not a JSON object")),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED.keys())
def test_it_is_refused_with_its_field_and_reason(case):
    event, expected = case
    assert [expected] == faults(event)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_json_does_not_have_are_refused(number):
    text = json.dumps(body()).replace("10.0", number)
    assert [place for place, _ in faults(text)] == ["payload.amount"]


def test_a_missing_type_is_told_what_may_stand_there():
    with pytest.raises(InvalidEventError) as caught:
        parse(body(type=ABSENT))
    assert caught.value.problems[0].hint == "write one of Transaction, Login"


def test_all_faults_come_at_once():
    event = body(id="", payload__amount=-1.0, payload__currency="eur", color="red")
    assert [p for p, _ in faults(event)] == ["id", "payload.amount", "payload.currency", "color"]


def test_faults_of_entities_and_time_come_at_once():
    event = body(
        entities={"card": "4111111111111111", "ip": "x"}, occurred_at="1999-01-01T00:00:00Z"
    )
    assert [place for place, _ in faults(event)] == ["entities.card", "entities.ip", "occurred_at"]


@pytest.mark.parametrize(
    "card", ["4111111111111112", "411111111111", "41111111111111110000", "tok-4"]
)
def test_what_is_no_card_number_is_taken_as_a_token(card):
    assert parse(body(entities__card=card)).entities == {"card": card}


@pytest.mark.parametrize("ip", ["192.0.2.1", "2001:db8::1"])
def test_addresses_of_both_versions_are_taken(ip):
    assert parse(body(entities__ip=ip)).entities["ip"] == ip


def test_five_minutes_ahead_are_taken():
    ahead = parse(body(occurred_at="2018-08-29T12:05:00Z"))
    assert ahead.occurred_at_us == NOW_US + 5 * MINUTE_US


def test_another_tenant_than_the_credential_s_is_not_found():
    with pytest.raises(NotFoundError) as caught:
        parse(body(tenant="other"))
    assert "other" not in str(caught.value)


def test_the_credential_s_tenant_may_stand_in_the_body():
    assert parse(body(tenant="default")).tenant == "default"


def test_a_refusal_tells_nothing_of_the_values_that_were_sent():
    with pytest.raises(InvalidEventError) as caught:
        parse(body(entities__card="4111111111111111"))
    assert "4111" not in str(caught.value)


def test_times_are_microseconds_utc():
    event = parse(body(occurred_at="2018-08-29T14:00:00.000001+02:00"))
    assert event.occurred_at_us == NOW_US + 1


def test_the_digest_does_not_depend_on_key_order_spelling_or_arrival():
    one = parse(body())
    event = dict(reversed(body(occurred_at="2018-08-29T14:00:00+02:00").items()))
    event["payload"] = {"currency": "EUR", "amount": 10}
    other = parse_event(json.dumps(event), tenant="default", received_at_us=NOW_US + 1)
    assert one.digest == other.digest


def test_every_part_of_the_body_is_in_the_digest():
    changed = [
        body(id="p2"),
        body(occurred_at="2018-08-29T12:00:00.000001Z"),
        body(entities__card="c2"),
        body(entities={}),
        body(payload__amount=10.01),
        body(payload__currency="USD"),
        body(payload__country="SE"),
    ]
    digests = {parse(event).digest for event in [body(), *changed]}
    digests.add(parse_event(body(), tenant="other", received_at_us=NOW_US).digest)
    assert len(digests) == len(changed) + 2


def test_float_noise_of_an_amount_is_taken_away_and_the_digest_is_one():
    noisy = parse(body(payload__amount=285.79999999999995))
    clean = parse(body(payload__amount=285.8))
    assert (noisy.payload.amount, noisy.digest) == (285.8, clean.digest)


def test_nothing_and_minus_nothing_have_one_digest():
    assert parse(body(payload__amount=-0.0)).digest == parse(body(payload__amount=0)).digest


@pytest.mark.parametrize(
    ("currency", "digits"), [("JPY", 0), ("EUR", 2), ("KWD", 3), ("CLF", 4), ("UYW", 4)]
)
def test_an_amount_has_the_decimals_of_its_currency_and_no_more(currency, digits):
    assert MINOR_DIGITS[currency] == digits
    finest = 10.0 + 10.0**-digits
    taken = parse(body(payload__amount=finest, payload__currency=currency))
    assert taken.payload.amount == round(finest, digits)
    finer = body(payload__amount=10.0 + 10.0 ** -(digits + 1), payload__currency=currency)
    message = f"amount has more than the {digits} decimals that {currency} has"
    assert [("payload", message)] == faults(finer)


def test_fields_hold_what_is_there_and_nothing_else():
    event = parse(body(payload__country="SE"))
    expected = {"card": "c1", "amount": 10.0, "currency": "EUR", "country": "SE"}
    assert expected == event.fields


def test_the_stored_body_reads_back_as_the_same_event():
    event = parse(login(country="NO", lat=59.9, lon=10.7))
    again = parse_event(
        json.dumps(event.body), tenant=event.tenant, received_at_us=event.received_at_us
    )
    assert event == again
    assert event.digest == again.digest


def test_received_at_is_kept_apart_from_occurred_at():
    event = parse(body(occurred_at="2018-08-28T12:00:00Z"))
    assert (event.occurred_at_us, event.received_at_us) == (NOW_US - DAY_US, NOW_US)
