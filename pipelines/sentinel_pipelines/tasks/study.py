"""Reading and keeping: the stream, its features, the results of folds.

Everything is kept under the digest of what it was made from (data, feature spec, recipe, code, library
versions), so a repeated run finds what it would make again, and a changed one never finds the old.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

import sentinel_core.events
import sentinel_core.features
import sentinel_core.state
import sentinel_pipelines.steps
from sentinel_core.events.table import EventTable, LabelTable, parse_events, parse_labels
from sentinel_core.features import FeatureSpec
from sentinel_core.features.offline import build_features
from sentinel_core.ids import canonical_json
from sentinel_core.state import FeatureIs
from sentinel_pipelines.handbook.cache import StreamFiles
from sentinel_pipelines.handbook.protocol import Fold, JudgedPayments
from sentinel_pipelines.steps.table import TrainingTable
from sentinel_pipelines.steps.train import Recipe

Progress = Callable[[int, int], None]

_LIBRARIES = ("numpy", "scikit-learn", "skl2onnx", "onnxruntime")
"""Libraries that the bits of a trained model depend on."""


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """A stream with its features, ready to train, test and serve from.

    Attributes
    ----------
    selections : which events each ``where`` on a feature value selects; a history file needs them
    digest : of the data and the features
    """

    files: StreamFiles
    table: TrainingTable
    selections: dict[FeatureIs, np.ndarray]
    digest: str

    def events(self) -> EventTable:
        """Read the events of the stream."""
        return parse_events(pq.read_table(self.files.events))

    def labels(self) -> LabelTable:
        """Read what became known about them."""
        return parse_labels(pq.read_table(self.files.labels))


def load_study(
    files: StreamFiles,
    spec: FeatureSpec,
    cache_dir: Path,
    progress: Progress | None = None,
    *,
    fresh: bool = False,
) -> Study:
    """Return the stream's features, computing them by the serving kernel where they are not kept.

    They are cast to float32 once, here; training and serving see the same numbers.
    """
    parts = [files.events.parent.name, spec.digest, source_digest(_FEATURE_CODE)]
    digest = hashlib.sha256(canonical_json(parts)).hexdigest()
    folder = cache_dir / "features" / digest[:16]
    if fresh or not (folder / "done").exists():
        _compute(files, spec, folder, progress)
    raw = pq.read_table(files.raw)
    selections = {
        where: np.load(folder / f"{name}.npy") for where, name in _selection_names(spec).items()
    }
    rows = np.load(folder / "values.npy", mmap_mode="r")
    amounts = raw["TX_AMOUNT"].to_numpy()
    table = TrainingTable(spec, rows, JudgedPayments.from_stream(raw), amounts)
    return Study(files, table, selections, digest)


def fold_key(study: Study, recipe: Recipe, fold: Fold) -> str:
    """Name the result of a fold by all that it depends on."""
    versions = {name: importlib.metadata.version(name) for name in _LIBRARIES}
    code = source_digest(_TRAINING_CODE)
    parts = [study.digest, asdict(recipe), fold.start.isoformat(), versions, code]
    return hashlib.sha256(canonical_json(parts)).hexdigest()[:16]


def source_digest(folders: Iterable[Path]) -> str:
    """Name the source code of some folders by its content."""
    content = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.glob("*.py")):
            content.update(path.read_bytes())
    return content.hexdigest()


def _compute(
    files: StreamFiles, spec: FeatureSpec, folder: Path, progress: Progress | None
) -> None:
    events = parse_events(pq.read_table(files.events))
    labels = parse_labels(pq.read_table(files.labels))
    built = build_features(events, spec, labels, processes=os.cpu_count() or 1, progress=progress)
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "values.npy", built.values.astype(np.float32))
    for where, name in _selection_names(spec).items():
        np.save(folder / f"{name}.npy", built.selections[where])
    (folder / "done").touch()  # last: a killed run leaves no folder that counts as whole


def _selection_names(spec: FeatureSpec) -> dict[FeatureIs, str]:
    wheres = dict.fromkeys(f.where for f in spec.features if isinstance(f.where, FeatureIs))
    return {where: f"selection-{number}" for number, where in enumerate(wheres)}


_FEATURE_CODE = [
    Path(str(package.__file__)).parent
    for package in (sentinel_core.events, sentinel_core.features, sentinel_core.state)
]
_TRAINING_CODE = [Path(str(sentinel_pipelines.steps.__file__)).parent]
