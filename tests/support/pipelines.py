"""A small pipeline without a model, and engines that serve it."""

from __future__ import annotations

from pathlib import Path

from prometheus_client import CollectorRegistry

from sentinel_core.clock import Clock, FixedClock
from sentinel_core.engine.engine import Engine
from sentinel_core.events import Event, parse_event, schema_of
from sentinel_core.features import parse_spec
from sentinel_core.located import load_yaml
from sentinel_core.release.document import Release
from sentinel_core.release.projection import read_projection, write_projection
from sentinel_core.telemetry import DecisionMetrics

NOW_US = 1_535_544_000_000_000
"""2018-08-29T12:00:00Z."""

FEATURES = """
features:
  - {name: card_count_1h, entity: card, count: {}, window: 1h}
  - {name: card_sum_1d, entity: card, sum: payload.amount, window: 1d}
  - {name: card_frauds_30d, entity: card, count: {}, where: {label: fraud}, window: 30d}
  - {name: terminal_count_1d, entity: terminal, count: {}, window: 1d}
"""

RULES = """
- id: card-burst
  name: Card burst
  category: fraud
  when: {feature: card_count_1h, gte: 3}
  effect: {points: 40}
  tests:
    - {features: {card_count_1h: 3}, hit: true}
    - {features: {card_count_1h: 2}, hit: false}
- id: known-fraud
  name: Known fraud
  category: fraud
  when: {feature: card_frauds_30d, gte: 1}
  effect: {outcome: block}
  tests:
    - {features: {card_frauds_30d: 1}, hit: true}
    - {features: {card_frauds_30d: 0}, hit: false}
"""

SIGNALS = {"velocity": {"curves": [{"feature": "card_count_1h", "points": [[1, 0.1], [10, 1]]}]}}


def build_release(*, rules: str = RULES, features: str = FEATURES) -> Release:
    spec = parse_spec(load_yaml(features, "features.yaml"), schema_of("Transaction"))
    return Release(
        pipeline="small",
        namespace="default",
        event="Transaction",
        features=spec.plain(),
        features_digest=spec.digest,
        signals=SIGNALS,
        rules=load_yaml(rules, "rules.yaml").plain(),
        fusion={"method": "NoisyOr", "weights": {"velocity": 0.5, "rules": 1.0}},
        failure_policy="Review",
        budget_ms=1000,
        split_by=("card", "account"),
    )


def open_engine(
    folder: Path,
    *,
    clock: Clock | None = None,
    release: Release | None = None,
    registry: CollectorRegistry | None = None,
) -> Engine:
    write_projection(folder / "release", release or build_release())
    return Engine.open(
        folder / "state",
        read_projection(folder / "release"),
        metrics=DecisionMetrics(registry or CollectorRegistry()),
        clock=clock or FixedClock(NOW_US),
    )


def payment(
    event_id: str,
    *,
    card: str = "c1",
    amount: float = 10.0,
    occurred_at: str = "2018-08-29T12:00:00Z",
) -> Event:
    body = {
        "id": event_id,
        "type": "Transaction",
        "occurred_at": occurred_at,
        "entities": {"card": card, "terminal": "t1"},
        "payload": {"amount": amount, "currency": "EUR"},
    }
    return parse_event(body, tenant="default", received_at_us=NOW_US)
