"""Time 30 rules over one payment, with and without a trace.

The rules are those of the payment library, taken again under other ids until there are 30; the payment
makes 8 of them hit, more than payments do.
"""

from __future__ import annotations

from sentinel_core.events import schema_of
from sentinel_core.features.parse import parse_spec
from sentinel_core.located import load_yaml, locate
from sentinel_core.rules import Pack, RuleSchema, evaluate, load_library, parse_pack, trace
from sentinel_core.rules.library import features_text
from tests.bench.record import Limit, Measured
from tests.bench.timing import percentiles_us, time_each

ROUNDS = 20_000
RULES = 30
TARGET_P99_US = 300.0
"""With trace, in process."""
FIELDS = {
    "card": "c-1", "account": "a-1", "terminal": "t-1", "merchant": "m-1", "device": "d-1",
    "ip": "192.0.2.1", "amount": 1500.0, "currency": "EUR", "country": "SE", "channel": "ecommerce",
}  # fmt: skip
FEATURES = {
    "card_count_now_10m": 7.0, "amount_to_card_mean": 6.0, "device_cards_now_1d": 5.0,
    "terminal_fraud_count_28d": 2.0, "card_small_count_now_1h": 3.0, "card_count_30d": 40.0,
}  # fmt: skip


class _NoLists:
    def find(self, list_name: str, value: str, at_us: int) -> None:
        """Return no entry."""


def build_pack() -> Pack:
    """Parse the library's payment rules, repeated up to 30."""
    schema = schema_of("Transaction")
    names = parse_spec(load_yaml(features_text("payments"), "features.yaml"), schema).names
    shipped = load_library("payments").plain()
    rules = [shipped[n % len(shipped)] | {"id": f"rule-{n}"} for n in range(RULES)]
    return parse_pack(locate(rules, "pack.yaml"), RuleSchema(schema, names))


def measure() -> Measured:
    """Time each call alone."""
    pack = build_pack()
    vector = tuple(FEATURES.get(name, 0.0) for name in pack.schema.features)

    def alone(_turn: int) -> int:
        return len(evaluate(pack, FIELDS, vector, {}, _NoLists(), 0))

    def with_trace(turn: int) -> None:
        alone(turn)
        trace(pack, FIELDS, vector, {}, _NoLists(), 0)

    time_each(with_trace, range(1000))  # warm up
    without = percentiles_us(time_each(alone, range(ROUNDS)))
    traced = percentiles_us(time_each(with_trace, range(ROUNDS)))
    return Measured(
        {"rules": RULES, "hits": alone(0), "without_trace": without, "with_trace": traced},
        limits={"with_trace_p99_us": Limit(traced["p99_us"], TARGET_P99_US)},
        ratios={"with_trace_p99_over_limit": traced["p99_us"] / TARGET_P99_US},
    )
