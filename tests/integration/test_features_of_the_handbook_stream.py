"""The serving kernel over the whole Handbook stream: online, offline and published values."""

from __future__ import annotations

import heapq
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sentinel_core.engine.observe import Observer
from sentinel_core.events import schema_of
from sentinel_core.events.table import EventTable, LabelTable, parse_events, parse_labels
from sentinel_core.features import FeatureSpec, parse_spec
from sentinel_core.features.offline import build_features
from sentinel_core.located import load_yaml
from sentinel_core.resources import load_manifest
from sentinel_pipelines.handbook.cache import default_cache_dir, load_or_generate

ROOT = Path(__file__).parents[2]

PUBLISHED = """
features:
  - {name: TX_AMOUNT, value: payload.amount}
  - {name: TX_DURING_WEEKEND, weekday_between: [5, 6]}
  - {name: TX_DURING_NIGHT, hour_between: [0, 6]}
"""
CARD = """
  - name: CUSTOMER_ID_NB_TX_%dDAY_WINDOW
    entity: card
    count: {}
    window: %dd
    include_self: true
  - name: CUSTOMER_ID_AVG_AMOUNT_%dDAY_WINDOW
    entity: card
    mean: payload.amount
    window: %dd
    include_self: true
"""
TERMINAL = """
  - name: TERMINAL_ID_NB_TX_%dDAY_WINDOW
    entity: terminal
    count: {}
    window: %dd
    delay: 7d
  - name: TERMINAL_ID_RISK_%dDAY_WINDOW
    entity: terminal
    rate: label.fraud
    window: %dd
    delay: 7d
    empty: 0
"""


def _published_spec() -> FeatureSpec:
    text = PUBLISHED
    for days in (1, 7, 30):
        text += CARD.replace("%d", str(days)) + TERMINAL.replace("%d", str(days))
    text = text.lower()  # names of features are lower case
    return parse_spec(load_yaml(text, "published.yaml"), schema_of("Transaction"))


def _sample_spec() -> FeatureSpec:
    manifest = load_manifest(ROOT / "manifests" / "samples" / "card-payments")
    config = next(d for d in manifest.config_maps if d.key[1] == "card-features")
    text = config.resource.data["features.yaml"]
    return parse_spec(load_yaml(text, "features.yaml"), schema_of("Transaction"))


@pytest.mark.slow
def test_the_published_features_come_out_equal_row_by_row(data: Path) -> None:
    raw = pq.read_table(data / "transactions" / "handbook_raw_2018-04-01_2018-08-14.parquet")
    published = pq.read_table(
        data / "transactions" / "handbook_transformed_2018-07-25_2018-08-14.parquet"
    )
    events, labels = _tables(raw)
    built = build_features(events, _published_spec(), labels, processes=2)
    row_of = {event_id: row for row, event_id in enumerate(events.ids)}
    rows = [row_of[str(i)] for i in published["TRANSACTION_ID"].to_pylist()]
    for index, name in enumerate(built.names):
        expected = published[name.upper()].to_numpy().astype(np.float64)
        assert float(np.abs(built.values[rows, index] - expected).max()) <= 1e-9, name


@pytest.mark.slow
def test_streamed_features_equal_batch_features_bit_for_bit_over_the_whole_stream() -> None:
    files = load_or_generate(default_cache_dir())
    events = parse_events(pq.read_table(files.events))
    labels = parse_labels(pq.read_table(files.labels))
    spec = _sample_spec()
    offline = build_features(events, spec, labels, processes=2)
    online = _stream(events, labels, spec)
    assert np.array_equal(offline.values.view(np.int64), online.view(np.int64))


def _stream(events: EventTable, labels: LabelTable, spec: FeatureSpec) -> np.ndarray:
    """Feed events one by one, and tell each label when it becomes known, as serving does."""
    observer = Observer([spec])
    values = np.empty((len(events), len(spec.names)))
    known: dict[str, list[tuple[int, str]]] = {}
    rows = zip(labels.event_ids, labels.known_at_us, labels.labels, strict=True)
    for event_id, known_at_us, label in rows:
        known.setdefault(event_id, []).append((known_at_us, label))
    waiting: list[tuple[int, int, str, int, dict[str, object], str]] = []
    names = list(events.columns)
    cells = zip(*(events.columns[name] for name in names), strict=True)
    for row, (time_us, row_cells) in enumerate(
        zip(events.occurred_at_us.tolist(), cells, strict=True)
    ):
        while waiting and waiting[0][0] <= time_us:
            known_at_us, order, event_id, event_us, fields, label = heapq.heappop(waiting)
            observer.label(
                "t",
                event_id,
                event_us,
                fields,
                known_at_us=known_at_us,
                order=order,
                label="fraud" if label == "fraud" else "legitimate",
            )
        fields = dict(zip(names, row_cells, strict=True))
        values[row] = observer.observe("t", time_us, fields).vectors[spec.digest]
        for known_at_us, label in known.get(events.ids[row], ()):
            heapq.heappush(waiting, (known_at_us, row, events.ids[row], time_us, fields, label))
    return values


def _tables(raw: pa.Table) -> tuple[EventTable, LabelTable]:
    times = raw["TX_DATETIME"].cast(pa.timestamp("us"))
    ids = raw["TRANSACTION_ID"].cast(pa.string())
    events = pa.table(
        {
            "id": ids,
            "type": ["Transaction"] * raw.num_rows,
            "occurred_at": times,
            "card": raw["CUSTOMER_ID"].cast(pa.string()),
            "terminal": raw["TERMINAL_ID"].cast(pa.string()),
            "amount": raw["TX_AMOUNT"],
            "currency": ["EUR"] * raw.num_rows,
        }
    )
    fraud = raw["TX_FRAUD"].to_numpy() == 1
    known_at = times.to_numpy()[fraud] + np.timedelta64(7, "D")
    labels = pa.table(
        {
            "event_id": ids.filter(pa.array(fraud)),
            "label": ["fraud"] * int(fraud.sum()),
            "known_at": pa.array(known_at, pa.timestamp("us")),
        }
    )
    return parse_events(events), parse_labels(labels)
