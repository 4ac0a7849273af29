"""Time the model stage: one row, a batch, an explanation, a load.

The model is trained on made-up numbers: 400 trees of 31 leaves over 30 features, a tenth of the values
missing. Beside one row of ours stands a bare call of ONNX Runtime on the same row.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from sentinel_core.artifacts.calibration import Affine
from sentinel_core.artifacts.onnx_check import OUTPUTS
from sentinel_core.artifacts.read import read_artifact
from sentinel_core.artifacts.runtime import onnxruntime
from sentinel_core.artifacts.session import LoadedModel
from sentinel_core.artifacts.write import write_artifact
from sentinel_core.clock import SystemClock
from sentinel_core.signals.inline import InlineModel
from sentinel_core.signals.model import ModelUse, OnFailure
from sentinel_pipelines.steps.export import export_classifier, largest_difference
from tests.bench.record import Limit, Measured
from tests.bench.timing import percentiles_us, time_each
from tests.support.artifacts import make_fields, make_probe

ROWS, FEATURES, TREES, LEAVES = 60_000, 30, 400, 31
TIMED = 10_000
MODEL_BATCH = 1000
CALIBRATION = Affine(a=1.1, b=-0.2)
TARGET_ONE_ROW_P99_US = 50.0
TARGET_EXPLAIN_P99_US = 10_000.0
TARGET_DIFFERENCE = 1e-6
"""Of probabilities, over 10,000 rows."""


def make_data() -> tuple[Any, Any]:
    """Draw features and a label that depends on three of them."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(ROWS, FEATURES)).astype(np.float32)
    values[rng.random(values.shape) < 0.1] = np.nan
    known = np.nan_to_num(values)
    noise = rng.normal(size=ROWS) / 2
    return values, known[:, 0] + known[:, 1] * known[:, 2] + noise > 2.6


def write(folder: Path, exported: Any, rows: Any) -> tuple[str, ...]:
    """Write the artifact that is measured; return its inputs."""
    names = tuple(f"f_{n}" for n in range(FEATURES))
    write_artifact(
        folder,
        model=exported.model,
        fields=make_fields(names, calibration=CALIBRATION),
        probe=make_probe(exported.model, rows[:64]),
        card="# bench\n",
        explainer=exported.trees,
    )
    return names


def bare_session(model: bytes) -> Callable[[Any], object]:
    """Return a bare call of ONNX Runtime on one row, with one thread as ours."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0].name
    return lambda row: session.run(OUTPUTS, {entry: row})


def measure() -> Measured:
    """Train, export, write, load, and time each use."""
    rows, labels = make_data()
    classifier = HistGradientBoostingClassifier(
        max_iter=TREES, max_leaf_nodes=LEAVES, early_stopping=False
    ).fit(rows, labels)
    exported = export_classifier(classifier, CALIBRATION)
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "model"
        names = write(folder, exported, rows)
        started = time.perf_counter()
        model = LoadedModel(read_artifact(folder))
        load_seconds = time.perf_counter() - started
        artifact_bytes = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
    use = ModelUse(
        "fraud", model.manifest, feature_names=names, deadline_us=1_000_000,
        on_failure=OnFailure(), phrases={},
    )  # fmt: skip
    signal = InlineModel(use, model, SystemClock())
    difference = largest_difference(exported, classifier, CALIBRATION, rows[:10_000])
    figures = _timed(signal, rows, bare_session(exported.model)) | {
        "trees": TREES,
        "leaves": LEAVES,
        "features": FEATURES,
        "load_seconds": round(load_seconds, 3),
        "artifact_bytes": artifact_bytes,
    }
    ours, bare = figures["predict_one"], figures["bare_onnxruntime"]
    return Measured(
        figures,
        limits={
            "predict_one_p99_us": Limit(ours["p99_us"], TARGET_ONE_ROW_P99_US),
            "explain_p99_us": Limit(figures["explain"]["p99_us"], TARGET_EXPLAIN_P99_US),
            "largest_difference_to_training": Limit(difference, TARGET_DIFFERENCE),
        },
        ratios={
            f"predict_one_{p}_over_bare_onnxruntime": ours[f"{p}_us"] / bare[f"{p}_us"]
            for p in ("p50", "p99")
        },
    )


def _timed(signal: InlineModel, rows: Any, bare: Callable[[Any], object]) -> dict[str, Any]:
    """Time ours and the bare session in turns, so that both see the same machine.

    Each has another row's turn: the second to score a row would find the row's tree nodes in the cache.
    """
    model = signal.model
    vectors = [tuple(map(float, row)) for row in rows[:TIMED]]
    batch = rows[:MODEL_BATCH].astype(np.float32)
    time_each(lambda v: signal.evaluate(v, history_lost=False), vectors[:200])  # warm up
    ours_ns, bare_ns = [], []
    for row, other in zip(rows[:TIMED], rows[TIMED : 2 * TIMED], strict=True):
        ours_ns += time_each(model.predict_one, [row])
        bare_ns += time_each(bare, [other.reshape(1, -1)])
    many = percentiles_us(time_each(lambda _: model.predict(batch), range(20)))
    return {
        "predict_one": percentiles_us(ours_ns),
        "bare_onnxruntime": percentiles_us(bare_ns),
        "evaluate": percentiles_us(
            time_each(lambda v: signal.evaluate(v, history_lost=False), vectors)
        ),
        "explain": percentiles_us(time_each(signal.explain, vectors[: TIMED // 10])),
        "batch_of_1000_us_per_row": round(many["p50_us"] / MODEL_BATCH, 2),
    }
