"""Where a generated stream is kept, so that seconds of drawing are spent once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sentinel_core.errors import ConfigurationError
from sentinel_core.ids import canonical_json
from sentinel_pipelines.handbook.generator import (
    PUBLISHED_STREAM,
    StreamParameters,
    generate_stream,
)
from sentinel_pipelines.handbook.payments import Progress
from sentinel_pipelines.handbook.tables import build_events, build_labels

_SOURCES = ("population.py", "payments.py", "frauds.py", "generator.py", "tables.py")
"""The modules that decide what is in the files."""


@dataclass(frozen=True, slots=True)
class StreamFiles:
    """One stream on disk, in three Parquet files whose rows stand in order of arrival.

    Attributes
    ----------
    raw : with the published columns
    events, labels : in the form that Sentinel reads
    """

    raw: Path
    events: Path
    labels: Path

    @classmethod
    def within(cls, folder: Path) -> StreamFiles:
        """Name the files of a folder, whether they are there or not."""
        return cls(*(folder / f"{name}.parquet" for name in ("raw", "events", "labels")))

    def are_there(self) -> bool:
        """Whether all three are there; each is whole, since it was renamed when written."""
        return all(path.exists() for path in (self.raw, self.events, self.labels))


def default_cache_dir(environment: Mapping[str, str] = os.environ) -> Path:
    """Return ``$SENTINEL_CACHE``, or ``~/.cache/sentinel`` where it is unset or empty."""
    return Path(environment.get("SENTINEL_CACHE") or "~/.cache/sentinel").expanduser()


def load_or_generate(
    cache_dir: Path,
    progress: Progress | None = None,
    parameters: StreamParameters = PUBLISHED_STREAM,
) -> StreamFiles:
    """Return the stream's files, generating them where they are missing.

    The folder is named by the parameters, the code that generates and NumPy's version (whose sort
    orders payments of the same second): another stream never takes the place of this one. Two
    processes may do this at once; both write the same.

    Raises
    ------
    ConfigurationError
        The folder cannot be written. Retryable: no.
    """
    folder = cache_dir / "handbook" / _digest(parameters)
    files = StreamFiles.within(folder)
    if not files.are_there():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _write(files, generate_stream(parameters, progress))
        except OSError as error:
            message = f"The stream cannot be kept in {cache_dir}: {error.strerror or error}."
            action = "Set SENTINEL_CACHE to a folder that can be written, with 200 MB free."
            raise ConfigurationError(message, user_action=action) from error
    return files


def _write(files: StreamFiles, stream: pa.Table) -> None:
    tables = {
        files.raw: stream,
        files.events: build_events(stream),
        files.labels: build_labels(stream),
    }
    with TemporaryDirectory(dir=files.raw.parent) as unfinished:
        for path, table in tables.items():
            written = Path(unfinished) / path.name
            pq.write_table(table, written)
            written.replace(path)


def _digest(parameters: StreamParameters) -> str:
    """Return 16 hexadecimal digits that name the content of the files."""
    values = asdict(parameters) | {"start": parameters.start.isoformat(), "numpy": np.__version__}
    content = sha256(canonical_json(values))
    for name in _SOURCES:
        content.update(Path(__file__).with_name(name).read_bytes())
    return content.hexdigest()[:16]
