"""Every outcome that a person may question has reasons, and their points are the score."""

from __future__ import annotations

import asyncio
import math
import random

import pytest

from sentinel_core.clock import FixedClock, format_us
from sentinel_core.events import parse_event
from tests.support.pipelines import NOW_US, build_release, open_engine

FEATURES = """
features:
  - {name: amount, value: payload.amount}
  - {name: card_count_1h, entity: card, count: {}, window: 1h}
  - {name: card_count_7d, entity: card, count: {}, window: 7d}
  - {name: amount_z, entity: card, zscore: payload.amount, window: 7d}
  - {name: terminal_risk, entity: terminal, rate: label.fraud, window: 7d}
"""
RULES = """
- id: burst
  name: Burst
  category: fraud
  when: {feature: card_count_1h, gte: 4}
  effect: {points: 40}
  tests:
    - {features: {card_count_1h: 4}, hit: true}
    - {features: {card_count_1h: 3}, hit: false}
- id: large
  name: Large amount
  category: anomaly
  when: {field: amount, gte: 900}
  effect: {points: 15, floor: 62}
  tests:
    - {event: {amount: 900, currency: EUR}, hit: true}
    - {event: {amount: 899, currency: EUR}, hit: false}
- id: small
  name: Small amount
  category: anomaly
  when: {field: amount, lt: 20}
  effect: {cap: 70}
  tests:
    - {event: {amount: 1, currency: EUR}, hit: true}
    - {event: {amount: 20, currency: EUR}, hit: false}
- id: sanctioned
  name: Sanctioned country
  category: compliance
  when: {field: country, in: [KP]}
  effect: {outcome: block}
  tests:
    - {event: {amount: 1, currency: EUR, country: KP}, hit: true}
    - {event: {amount: 1, currency: EUR, country: SE}, hit: false}
"""
SIGNALS = {
    "velocity": {"curves": [{"feature": "card_count_1h", "points": [[2, 0.2], [8, 1]]}]},
    "behaviour": {
        "curves": [{"feature": "amount_z", "points": [[1, 0.1], [3, 1]]}],
        "minHistory": 5,
        "history": "card_count_7d",
    },
}


def random_payments(count, seed):
    draw = random.Random(seed)
    now_us = NOW_US
    for number in range(count):
        now_us += draw.randrange(600_000_000)
        yield parse_event(
            {
                "id": f"e{number}",
                "type": "Transaction",
                "occurred_at": format_us(now_us),
                "entities": {"card": f"c{draw.randrange(8)}", "terminal": f"t{draw.randrange(5)}"},
                "payload": {
                    "amount": round(draw.choice([draw.uniform(1, 60), draw.uniform(1, 1500)]), 2),
                    "currency": "EUR",
                    "country": draw.choice(["SE", "SE", "SE", "KP"]),
                },
            },
            tenant="default",
            received_at_us=now_us,
        )


@pytest.fixture(scope="module")
def decisions(tmp_path_factory):
    async def run():
        decided = []
        for event in random_payments(300, 8):
            clock.put(event.received_at_us)
            decided.append(await engine.decide(event))
            if len(decided) % 40 == 0:
                await engine.feedback("default", event.id, "confirmed_fraud", note="", author="ann")
        return decided

    clock = FixedClock(NOW_US)
    release = build_release(rules=RULES, features=FEATURES).model_copy(
        update={
            "signals": SIGNALS,
            "fusion": {
                "method": "NoisyOr",
                "weights": {"velocity": 0.6, "behaviour": 0.5, "rules": 1.0},
            },
        }
    )
    engine = open_engine(tmp_path_factory.mktemp("engine"), clock=clock, release=release)
    yield asyncio.run(run())
    engine.close()


def test_the_stream_reaches_every_outcome(decisions):
    assert {d.outcome for d in decisions} == {"approve", "review", "block"}


def test_every_outcome_above_approve_has_a_reason(decisions):
    questioned = [d for d in decisions if d.outcome != "approve"]
    assert [d.event_id for d in questioned if not d.reasons] == []
    assert all(reason.text for d in questioned for reason in d.reasons)


def test_the_points_of_the_reasons_sum_to_the_score(decisions):
    scored = [d for d in decisions if d.score is not None]
    worst = max(abs(math.fsum(r.points for r in d.reasons) - d.score) for d in scored)
    assert worst < 1e-9
    assert len(scored) > 250


def test_what_is_not_approved_is_explained_without_being_asked(decisions):
    assert {d.explained for d in decisions if d.outcome != "approve"} == {True}
