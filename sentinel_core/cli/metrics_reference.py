"""The page of metrics, docs/reference/metrics.md, written from the classes that declare them.

Run as ``python -m sentinel_core.cli.metrics_reference [--check] FILE``, with every extra installed.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from sentinel_core.generated import write_files

_HEAD = """\
# Metrics

Written from the code by `./task gen:metrics`; do not edit. Servers answer `GET /metrics` on port 3002,
the operator on port 8080. Every label has a closed set of values: none comes from a request, so that
nobody can make time series without bound. Times are in seconds; of a histogram there are `_bucket`,
`_count` and `_sum`.

A server's NetworkPolicy lets only the operator's namespace in to 3002. For a Prometheus elsewhere apply
a NetworkPolicy that selects `sentinel.dev/role: server` and allows 3002 from its namespace: policies add
up.
"""
_SOURCES = {
    "Decision server": "sentinel_core.telemetry:DecisionMetrics",
    "Model server": "sentinel_core.telemetry:ModelServerMetrics",
    # By name: the core does not import what stands on it.
    "Operator": "sentinel_operator.metrics:OperatorMetrics",
}


def render_metrics() -> str:
    """Write every metric with its type, its labels and what it counts, as Markdown."""
    return "\n".join([_HEAD, *(part for item in _SOURCES.items() for part in _section(*item))])


def main(arguments: list[str] | None = None) -> int:
    """Write the page, or check that it is up to date."""
    parser = argparse.ArgumentParser(prog="python -m sentinel_core.cli.metrics_reference")
    parser.add_argument("--check", action="store_true", help="fail when FILE is stale")
    parser.add_argument("file", metavar="FILE", type=Path)
    options = parser.parse_args(arguments)
    return write_files({options.file: render_metrics()}, check=options.check, task="gen:metrics")


def _section(title: str, source: str) -> Iterator[str]:
    module, _, name = source.partition(":")
    declared = getattr(importlib.import_module(module), name)(CollectorRegistry())
    yield f"## {title}\n"
    yield "| metric | type | labels | what it says |\n|---|---|---|---|"
    for value in vars(declared).values():
        if not isinstance(value, CollectorRegistry):
            yield from _rows(value)
    yield ""


def _rows(collector: Any) -> Iterator[str]:
    """Yield a row for each metric; the library has no public name for labels."""
    for family in collector.collect():
        declared = getattr(family, "_labelnames", ()) or getattr(collector, "_labelnames", ())
        labels: tuple[str, ...] = declared
        name = f"{family.name}_total" if family.type == "counter" else family.name
        shown = ", ".join(f"`{label}`" for label in labels) or "-"
        yield f"| `{name}` | {family.type} | {shown} | {family.documentation} |"


if __name__ == "__main__":
    sys.exit(main())
