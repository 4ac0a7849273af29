"""``sentinel features`` and ``sentinel backfill``: files in, files out, faults in words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from sentinel_core.engine.history import History
from sentinel_core.ids import digest_bytes
from tests.support.event_files import brute_force, event_rows, label_rows, write_rows
from tests.support.windows import SPEC, random_steps

STEPS = random_steps(340, 31)


@pytest.fixture
def files(tmp_path):
    (tmp_path / "spec.yaml").write_text(SPEC)
    write_rows(tmp_path / "events.csv", event_rows(STEPS))
    write_rows(tmp_path / "labels.csv", label_rows(STEPS))
    return tmp_path


def test_the_stream_has_300_rows_and_a_repeated_one():
    rows = event_rows(STEPS)
    assert len(rows) >= 300
    assert len({row["id"] for row in rows}) < len(rows)


@pytest.mark.parametrize("ending", ["parquet", "csv", "ndjson"])
def test_features_equal_brute_force_whatever_the_format(sentinel, files, ending):
    events = write_rows(files / f"e.{ending}", event_rows(STEPS))
    labels = write_rows(files / f"l.{ending}", label_rows(STEPS))
    out = files / "features.parquet"
    ran = sentinel(
        "features", events, "--labels", labels, "--spec", files / "spec.yaml", "--out", out
    )
    assert (ran.code, ran.out) == (0, "")
    table = pq.read_table(out)
    names = tuple(table.column_names[1:])
    assert table["id"].to_pylist() == [row["id"] for row in event_rows(STEPS)]
    actual = np.column_stack([table[n].to_numpy(zero_copy_only=False) for n in names])
    np.testing.assert_array_equal(actual, np.array(brute_force(STEPS, names)))


def test_processes_do_not_change_a_bit(sentinel, files):
    spec = SPEC + "  - {name: device_cards_1d, entity: device, distinct: card, window: 1d}\n"
    (files / "spec.yaml").write_text(spec)
    tables = []
    for processes in (1, 2):
        out = files / f"{processes}.parquet"
        ran = sentinel(
            "features", files / "events.csv", "--labels", files / "labels.csv",
            "--spec", files / "spec.yaml", "--out", out, "--processes", processes,
        )  # fmt: skip
        assert ran.code == 0
        tables.append(pq.read_table(out))
    assert tables[0].equals(tables[1])


def test_what_was_written_is_said_on_standard_error(sentinel, files):
    out = files / "features.parquet"
    ran = sentinel("features", files / "events.csv", "--spec", files / "spec.yaml", "--out", out)
    features = SPEC.count("name:")
    assert f"{len(event_rows(STEPS))} events, {features} features: {out}" in ran.err


REFUSED = {
    "a bad cell": (
        "events.csv",
        "id,type,occurred_at,amount,currency\na,Transaction,2018-08-29T12:00:00Z,x,EUR\n",
        "row 1, amount: is not a number",
    ),
    "a bad file": ("events.csv", "", "events.csv cannot be read"),
    "a bad spec": ("spec.yaml", "features: [{name: a, cuont: {}}]", "spec.yaml:1:22"),
    "a spec that is not UTF-8": ("spec.yaml", b"\xff\xfe", "the file is not UTF-8"),
    "a label of no event": (
        "labels.csv",
        "event_id,label,known_at\nnobody,fraud,2018-08-29T12:00:00Z\n",
        "nobody is not in the events",
    ),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED.keys())
def test_bad_input_is_refused_in_words_and_nothing_is_written(sentinel, files, case):
    name, content, words = case
    (files / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    out = files / "features.parquet"
    ran = sentinel(
        "features", files / "events.csv", "--labels", files / "labels.csv",
        "--spec", files / "spec.yaml", "--out", out,
    )  # fmt: skip
    assert (ran.code, out.exists()) == (1, False)
    assert words in ran.err
    assert "Traceback" not in ran.err


def test_a_folder_that_is_not_there_is_named(sentinel, files):
    out = files / "nowhere" / "features.parquet"
    ran = sentinel("features", files / "events.csv", "--spec", files / "spec.yaml", "--out", out)
    assert ran.code == 1
    assert str(out) in ran.err
    assert "Check the path" in ran.err


def test_a_file_that_is_not_there_is_wrong_usage(sentinel, files):
    ran = sentinel("features", files / "no.csv", "--spec", files / "spec.yaml", "--out", "x")
    assert ran.code == 2
    assert "does not exist" in ran.err


def backfill(sentinel, files, *more):
    return sentinel(
        "backfill", files / "events.csv", "--labels", files / "labels.csv",
        "--spec", files / "spec.yaml", "--out", files / "history", *more,
    )  # fmt: skip


def test_backfill_prints_the_path_of_a_file_named_by_its_digest(sentinel, files):
    ran = backfill(sentinel, files)
    path = Path(ran.out.strip())
    assert (ran.code, path.parent) == (0, files / "history")
    assert path.stem == digest_bytes(path.read_bytes()).removeprefix("sha256:")
    assert History(path).row_count == len({row["id"] for row in event_rows(STEPS)})


def test_backfill_leaves_out_what_came_from_a_time_on(sentinel, files):
    times = sorted(row["occurred_at"] for row in {r["id"]: r for r in event_rows(STEPS)}.values())
    ran = backfill(sentinel, files, "--until", times[100])
    assert History(Path(ran.out.strip())).row_count == sum(time < times[100] for time in times)


@pytest.mark.parametrize(
    ("until", "words"), [("tomorrow", "is not a time"), ("2018-08-29T12:00:00", "has no zone")]
)
def test_backfill_refuses_a_time_that_is_none(sentinel, files, until, words):
    ran = backfill(sentinel, files, "--until", until)
    assert (ran.code, words in ran.err) == (2, True)
    assert not (files / "history").exists()
