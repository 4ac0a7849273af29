"""Time the model stage: one row, a batch, an explanation, a load.

Run it alone on the machine, with one thread: ``OMP_NUM_THREADS=1 python tests/bench/bench_model.py
--json model.json``. The model is trained on made-up numbers: 400 trees of 31 leaves over 30 features,
a tenth of the values missing.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from sentinel_core.artifacts.calibration import Affine
from sentinel_core.artifacts.read import read_artifact
from sentinel_core.artifacts.runtime import runtime_versions
from sentinel_core.artifacts.session import LoadedModel
from sentinel_core.artifacts.write import write_artifact
from sentinel_core.clock import SystemClock
from sentinel_core.signals.model import ModelSignal, OnFailure
from sentinel_pipelines.steps.export import export_classifier, largest_difference
from tests.support.artifacts import make_fields, make_probe

ROWS, FEATURES, TREES, LEAVES = 60_000, 30, 400, 31
CALIBRATION = Affine(a=1.1, b=-0.2)
TARGET_ONE_ROW_P99_US = 50.0
TARGET_EXPLAIN_P99_US = 10_000.0


def make_data():
    """Draw features and a label that depends on three of them."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(ROWS, FEATURES)).astype(np.float32)
    values[rng.random(values.shape) < 0.1] = np.nan
    known = np.nan_to_num(values)
    noise = rng.normal(size=ROWS) / 2
    return values, known[:, 0] + known[:, 1] * known[:, 2] + noise > 2.6


def percentiles(call, arguments):
    """Call once for each argument; return p50 and p99 in microseconds."""
    times_ns = []
    for argument in arguments:
        start = time.perf_counter_ns()
        call(argument)
        times_ns.append(time.perf_counter_ns() - start)
    p50, p99 = np.percentile(times_ns, [50, 99]) / 1000
    return {"p50_us": round(float(p50), 1), "p99_us": round(float(p99), 1)}


def seconds(call):
    """Time one call."""
    start = time.perf_counter()
    call()
    return round(time.perf_counter() - start, 4)


def write(folder, exported, rows):
    """Write the artifact that is measured."""
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


def measure(rounds):
    """Train, export, write, load, and time each use."""
    rows, labels = make_data()
    classifier = HistGradientBoostingClassifier(
        max_iter=TREES, max_leaf_nodes=LEAVES, early_stopping=False
    ).fit(rows, labels)
    exported = export_classifier(classifier, CALIBRATION)
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "model"
        names = write(folder, exported, rows)
        load_seconds = seconds(lambda: LoadedModel(read_artifact(folder)))
        model = LoadedModel(read_artifact(folder))
        artifact_bytes = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
    signal = ModelSignal(
        "fraud", model, feature_names=names, deadline_us=1_000_000, on_failure=OnFailure(),
        clock=SystemClock(), phrases={},
    )  # fmt: skip
    vectors = [tuple(map(float, row)) for row in rows[:rounds]]
    batch = rows[:1000].astype(np.float64)
    warm = vectors[:200]
    percentiles(lambda v: signal.evaluate(v, history_lost=False), warm)
    one = percentiles(model.predict_one, rows[:rounds])
    evaluate = percentiles(lambda v: signal.evaluate(v, history_lost=False), vectors)
    explain = percentiles(signal.explain, vectors[: rounds // 10])
    many = percentiles(lambda _: signal.evaluate_many(batch, history_lost=False), range(20))
    return {
        "model": {"trees": TREES, "leaves": LEAVES, "features": FEATURES},
        "predict_one": one,
        "signal_evaluate": evaluate,
        "signal_explain": explain,
        "batch_of_1000_us_per_row": round(many["p50_us"] / 1000, 2),
        "load_seconds": load_seconds,
        "artifact_bytes": artifact_bytes,
        "largest_difference_10000_rows": largest_difference(
            exported, classifier, CALIBRATION, rows[:10_000]
        ),
        "targets": {
            "predict_one_p99_us": TARGET_ONE_ROW_P99_US,
            "signal_explain_p99_us": TARGET_EXPLAIN_P99_US,
        },
        "machine": {
            "cores": os.cpu_count(), "python": platform.python_version(), **runtime_versions(),
        },
    }  # fmt: skip


def main():
    """Print the figures, and write them where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--rounds", type=int, default=10_000, help="single rows to time")
    options = parser.parse_args()
    text = json.dumps(measure(options.rounds), indent=2)
    print(text)
    if options.json:
        options.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
