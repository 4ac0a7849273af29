"""Random streams of `tests.support.windows` as files of events and labels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sentinel_core.clock import format_us
from tests.support.windows import Past, Step, expected

EPOCH_US = 1_500_000_000_000_000
"""2017-07-14T02:40:00Z; the streams begin 400 days after it."""


def event_rows(steps: list[Step]) -> list[dict[str, Any]]:
    """Return the events of a stream as rows, repeated ones included."""
    return [
        {
            "id": step.event_id,
            "type": "Transaction",
            "occurred_at": format_us(step.time_us + EPOCH_US),
            "card": step.card,
            "device": step.device,
            "amount": step.amount,
            "currency": "EUR",
        }
        for step in steps
        if step.label is None
    ]


def label_rows(steps: list[Step]) -> list[dict[str, Any]]:
    """Return the labels of a stream as rows."""
    return [
        {
            "event_id": step.event_id,
            "label": step.label,
            "known_at": format_us(step.known_at_us + EPOCH_US),
        }
        for step in steps
        if step.label is not None
    ]


def write_rows(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Write rows in the format of a file's ending; empty cells are left out where they can be."""
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".csv":
        lines = [",".join("" if v is None else str(v) for v in row.values()) for row in rows]
        path.write_text("\n".join([",".join(rows[0]), *lines]) + "\n")
    else:
        present = [{k: v for k, v in row.items() if v is not None} for row in rows]
        path.write_text("".join(f"{json.dumps(row)}\n" for row in present))
    return path


def brute_force(steps: list[Step], names: tuple[str, ...]) -> list[list[float]]:
    """Compute every feature of every event row by looking at all that came before.

    In a file a label rules from its ``known_at`` on, wherever its row stands.
    """
    index_of = {name: i for i, name in enumerate(names)}
    labels = [step for step in steps if step.label is not None]
    pasts: dict[str, Past] = {}
    vectors: dict[str, list[float]] = {}
    for step in steps:
        if step.label is not None or step.event_id in vectors:
            continue
        past = pasts.setdefault(step.card, Past())
        vector = vectors[step.event_id] = expected(past, step, index_of)
        past.labels[len(past.times)] = [
            (label.known_at_us, order, str(label.label))
            for order, label in enumerate(labels)
            if label.event_id == step.event_id
        ]
        past.times.append(step.time_us)
        past.amounts.append(round(step.amount * 10_000))
        past.devices.append(step.device)
        past.high_z.append(vector[index_of["z_30d"]] > 1)
    return [vectors[step.event_id] for step in steps if step.label is None]
