"""Time 30 rules over one payment, with and without a trace.

Run it alone on the machine: ``python tests/bench/bench_rules.py --json rules.json``. The rules are
those of the payment library, taken again under other ids until there are 30; the payment makes 8 of
them hit, more than payments do.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from pathlib import Path

from sentinel_core.events import schema_of
from sentinel_core.features.parse import parse_spec
from sentinel_core.located import load_yaml, locate
from sentinel_core.rules import RuleSchema, evaluate, load_library, parse_pack, trace
from sentinel_core.rules.library import features_text

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


def build_pack():
    """Parse the library's payment rules, repeated up to 30."""
    schema = schema_of("Transaction")
    names = parse_spec(load_yaml(features_text("payments"), "features.yaml"), schema).names
    shipped = load_library("payments").plain()
    rules = [shipped[n % len(shipped)] | {"id": f"rule-{n}"} for n in range(RULES)]
    return parse_pack(locate(rules, "pack.yaml"), RuleSchema(schema, names))


def measure(call, rounds):
    """Return p50 and p99 of one call in microseconds."""
    times_ns = []
    for _ in range(rounds):
        start = time.perf_counter_ns()
        call()
        times_ns.append(time.perf_counter_ns() - start)
    times_ns.sort()
    return {
        "p50_us": times_ns[rounds // 2] / 1000,
        "p99_us": times_ns[rounds * 99 // 100] / 1000,
    }


def main() -> int:
    """Print the figures, write them where asked, and fail above the target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--rounds", type=int, default=20_000)
    options = parser.parse_args()
    pack = build_pack()
    vector = tuple(FEATURES.get(name, 0.0) for name in pack.schema.features)
    facts = (FIELDS, vector, {}, _NoLists(), 0)

    def with_trace():
        return evaluate(pack, *facts), trace(pack, *facts)

    measure(with_trace, 1000)  # warm up
    figures = {
        "bench": "rules",
        "rules": RULES,
        "hits": len(evaluate(pack, *facts)),
        "rounds": options.rounds,
        "python": platform.python_version(),
        "without_trace": measure(lambda: evaluate(pack, *facts), options.rounds),
        "with_trace": measure(with_trace, options.rounds),
        "target_with_trace_p99_us": TARGET_P99_US,
    }
    text = json.dumps(figures, indent=2)
    print(text)
    if options.json:
        options.json.write_text(text + "\n")
    return 0 if figures["with_trace"]["p99_us"] <= TARGET_P99_US else 1


if __name__ == "__main__":
    sys.exit(main())
