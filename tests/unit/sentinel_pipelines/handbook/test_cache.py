"""A stream is generated once, and is never half there."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sentinel_core.errors import ConfigurationError
from sentinel_pipelines.handbook.cache import default_cache_dir, load_or_generate
from sentinel_pipelines.handbook.generator import StreamParameters, generate_stream
from sentinel_pipelines.handbook.tables import build_events, build_labels

SMALL = StreamParameters(customers=20, terminals=100, radius=15, days=20)


class Recorder:
    """Counts how often the generator told its progress."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, done: int, total: int) -> None:
        self.calls += 1


def test_the_files_hold_the_generated_tables(tmp_path):
    files = load_or_generate(tmp_path, parameters=SMALL)
    stream = generate_stream(SMALL)
    assert stream.equals(pq.read_table(files.raw))
    assert build_events(stream).equals(pq.read_table(files.events))
    assert build_labels(stream).equals(pq.read_table(files.labels))


def test_a_second_run_reads_what_the_first_wrote(tmp_path):
    first = load_or_generate(tmp_path, parameters=SMALL)
    recorder = Recorder()
    assert first == load_or_generate(tmp_path, recorder, SMALL)
    assert recorder.calls == 0


def test_other_parameters_have_a_folder_of_their_own(tmp_path):
    small = load_or_generate(tmp_path, parameters=SMALL)
    other = load_or_generate(
        tmp_path, parameters=StreamParameters(customers=21, terminals=100, radius=15, days=20)
    )
    assert small.raw.parent != other.raw.parent


def test_a_missing_file_is_made_again(tmp_path):
    files = load_or_generate(tmp_path, parameters=SMALL)
    files.labels.unlink()
    load_or_generate(tmp_path, parameters=SMALL)
    assert files.are_there()


def test_an_interrupted_run_leaves_no_file(tmp_path):
    def interrupt(done: int, total: int) -> None:
        if done == total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load_or_generate(tmp_path, interrupt, SMALL)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_nothing_but_the_three_files_is_left(tmp_path):
    files = load_or_generate(tmp_path, parameters=SMALL)
    assert sorted(path.name for path in files.raw.parent.iterdir()) == [
        "events.parquet",
        "labels.parquet",
        "raw.parquet",
    ]


def test_a_folder_that_cannot_be_written_is_refused_with_what_to_do(tmp_path):
    taken = tmp_path / "taken"
    taken.write_text("a file, not a folder")
    with pytest.raises(ConfigurationError, match="Set SENTINEL_CACHE"):
        load_or_generate(taken, parameters=SMALL)


def test_the_cache_stands_where_the_environment_says():
    assert Path("/elsewhere") == default_cache_dir({"SENTINEL_CACHE": "/elsewhere"})


def test_the_cache_stands_in_the_home_folder_where_nothing_is_said():
    assert Path.home() / ".cache" / "sentinel" == default_cache_dir({})
