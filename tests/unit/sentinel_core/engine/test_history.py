from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from sentinel_core.clock import DAY_US
from sentinel_core.engine.history import History, write_history
from sentinel_core.engine.observe import Observer
from sentinel_core.errors import InvalidTableError
from sentinel_core.events import schema_of
from sentinel_core.events.table import EventTable, LabelTable, parse_events, parse_labels
from sentinel_core.features import FeatureSpec, parse_spec
from sentinel_core.features.offline import arrival_selections, build_features
from sentinel_core.located import load_yaml
from tests.support.windows import SPEC, Step, random_steps

SPEC_OF_ALL = parse_spec(load_yaml(SPEC, "windows.yaml"), schema_of("Transaction"))
EPOCH_US = 1_500_000_000_000_000


def _tables(steps: list[Step]) -> tuple[EventTable, LabelTable]:
    events = [step for step in steps if step.label is None]
    labels = [step for step in steps if step.label is not None]
    time = pa.timestamp("us", tz="UTC")
    table = {
        "id": [e.event_id for e in events],
        "type": ["Transaction"] * len(events),
        "occurred_at": pa.array([e.time_us + EPOCH_US for e in events], time),
        "card": [e.card for e in events],
        "amount": [e.amount for e in events],
        "currency": ["EUR"] * len(events),
        "device": [e.device for e in events],
    }
    told = {
        "event_id": [step.event_id for step in labels],
        "label": [step.label for step in labels],
        "known_at": pa.array([step.known_at_us + EPOCH_US for step in labels], time),
    }
    return parse_events(pa.table(table)), parse_labels(pa.table(told))


def _written(folder: Path, spec: FeatureSpec, events: EventTable, labels: LabelTable) -> History:
    selections = arrival_selections(events, spec, labels)
    return History(write_history(folder, events, labels, selections, until_us=2**62))


def test_logs_loaded_by_column_answer_like_logs_that_observed_every_event(tmp_path: Path) -> None:
    steps = random_steps(6_000, 7)
    cut = 5_000
    events, _ = _tables(steps)
    head = [step for step in steps[:cut] if step.label is None]
    ids = {step.event_id for step in head}
    before, known = _tables([s for s in steps[:cut] if s.label is None or s.event_id in ids])
    observer = Observer([SPEC_OF_ALL])
    _written(tmp_path, SPEC_OF_ALL, before, known).load_into(observer.state, "t")
    # The whole stream, with the labels that the history has, is the oracle for what comes after.
    offline = build_features(events, SPEC_OF_ALL, known)
    row = len(before)
    seen = set(before.ids)
    for event in events.events("t", start=row):
        if event.id not in seen:
            vector = observer.observe("t", event.occurred_at_us, event.fields).vectors
            actual = np.array(vector[SPEC_OF_ALL.digest])
            assert np.array_equal(actual, offline.values[row], equal_nan=True)
        seen.add(event.id)
        row += 1


def test_an_event_of_the_history_is_found_by_its_id(tmp_path: Path) -> None:
    events, labels = _tables(random_steps(300, 8))
    history = _written(tmp_path, SPEC_OF_ALL, events, labels)
    found = history.find(events.ids[17])
    assert found is not None
    assert found.time_us == events.occurred_at_us[17]
    assert found.fields["card"] == events.columns["card"][17]
    assert history.find("nobody") is None


def test_events_and_labels_after_the_cut_are_left_out(tmp_path: Path) -> None:
    events, labels = _tables(random_steps(300, 9))
    cut = int(np.median(events.occurred_at_us))
    path = write_history(
        tmp_path, events, labels, arrival_selections(events, SPEC_OF_ALL, labels), until_us=cut
    )
    times = events.occurred_at_us.tolist()
    early = {i for i, time_us in zip(events.ids, times, strict=True) if time_us < cut}
    assert len(early) == History(path).row_count


def test_a_file_that_was_changed_is_refused(tmp_path: Path) -> None:
    events, labels = _tables(random_steps(50, 10))
    path = write_history(tmp_path, events, labels, {}, until_us=EPOCH_US + 1000 * DAY_US)
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(InvalidTableError):
        History(path)


def test_a_history_without_the_values_that_select_events_is_refused(tmp_path: Path) -> None:
    events, labels = _tables(random_steps(50, 11))
    path = write_history(tmp_path, events, labels, {}, until_us=EPOCH_US + 1000 * DAY_US)
    with pytest.raises(InvalidTableError, match="sentinel backfill"):
        History(path).load_into(Observer([SPEC_OF_ALL]).state, "t")
