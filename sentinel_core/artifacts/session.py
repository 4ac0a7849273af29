"""A model that is loaded and has proved itself on its probe."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from sentinel_core.artifacts.arrays import bytes_to_array
from sentinel_core.artifacts.explain import TreeExplainer
from sentinel_core.artifacts.manifest import PROBE_FILE, Manifest
from sentinel_core.artifacts.onnx_check import OUTPUTS, REEXPORT, check_model
from sentinel_core.artifacts.probe import Probe, parse_probe
from sentinel_core.artifacts.read import Artifact
from sentinel_core.artifacts.refusal import refuse
from sentinel_core.artifacts.runtime import onnxruntime
from sentinel_core.artifacts.trees import EXPLAINER_FOLDER
from sentinel_core.errors import ArtifactError

Rows = npt.NDArray[np.float32]
_LOG_ERRORS = 3
"""ONNX Runtime's severity scale: 0 verbose to 4 fatal."""


class LoadedModel:
    """A model of an artifact, ready to score.

    One thread: for single rows a second one costs 12 to 40 % more and spins on a core that the
    decision server needs. Calls from several threads are safe.

    Parameters
    ----------
    artifact : Artifact
        As `read_artifact` checked it.

    Raises
    ------
    ArtifactError
        Any reason of `onnx_check.check_model`; ``ProbeInvalid``, ``ProbeMismatch``, ``NotFinite``,
        ``ExplainerInvalid``. A retry does not help.
    """

    def __init__(self, artifact: Artifact) -> None:
        self.digest = artifact.digest
        self.manifest: Manifest = artifact.manifest
        self.feature_count = len(artifact.manifest.inputs)
        self._input = check_model(artifact.model, self.feature_count)
        self._run = _open_session(artifact.model).run
        probe = parse_probe(artifact.files[PROBE_FILE])
        self.explainer = _load_explainer(artifact.files, self.feature_count)
        self._check_probe(probe)

    def predict_one(self, row: Rows) -> tuple[float, float]:
        """Score one row.

        Parameters
        ----------
        row : (features,) float32
            In the order of the manifest's inputs; NaN where missing.

        Returns
        -------
        margin, probability : float
            Log-odds before calibration, and the calibrated probability in [0, 1].

        Raises
        ------
        ArtifactError
            ``NotFinite``: the model gave NaN or left [0, 1]. A retry does not help.
        """
        margins, probabilities = self._run(OUTPUTS, {self._input: row.reshape(1, -1)})
        margin, probability = float(margins.item()), float(probabilities.item())
        # NaN fails both comparisons.
        if not (0.0 <= probability <= 1.0 and abs(margin) < np.inf):
            raise _not_finite()
        return margin, probability

    def predict(self, rows: Rows) -> tuple[Rows, Rows]:
        """Score many rows, each with the bits that `predict_one` gives it.

        Equal bits hold for graphs whose rows take the same instructions alone and together, as
        those of `sentinel train` do (a test proves it).

        Parameters
        ----------
        rows : (n, features) float32

        Returns
        -------
        margin, probability : (n,) float32

        Raises
        ------
        ArtifactError
            ``NotFinite``: some row has no usable answer. A retry does not help.
        """
        margins, probabilities = self._run(OUTPUTS, {self._input: rows})
        margin, probability = margins.reshape(-1), probabilities.reshape(-1)
        if not (len(margin) == len(probability) == len(rows)):
            raise refuse(
                "SchemaMismatch", "The model does not give one answer for each row.", REEXPORT
            )
        if not _are_usable(margin, probability):
            raise _not_finite()
        return margin, probability

    def _check_probe(self, probe: Probe) -> None:
        rows = probe.matrix()
        if rows.shape[1] != self.feature_count:
            raise refuse(
                "SchemaMismatch",
                f"A probe row has {rows.shape[1]} values; the manifest has {self.feature_count}.",
            )
        try:
            margin, probability = self.predict(rows)
        except ArtifactError:
            raise
        except Exception as error:  # noqa: BLE001 - the runtime's errors share no other base
            raise _unusable(error) from None
        _compare(margin, probe.margin, probe.margin_tolerance, "margin")
        _compare(probability, probe.probability, probe.probability_tolerance, "probability")
        if self.explainer is not None:
            sums = [self.explainer.base + self.explainer.contributions(row).sum() for row in rows]
            _compare(np.array(sums), probe.margin, probe.margin_tolerance, "sum of contributions")


def _are_usable(margin: Rows, probability: Rows) -> bool:
    """Tell whether every margin is finite and every probability in [0, 1]."""
    if len(margin) == 1:
        # As `predict_one` has it: the reductions below would take half of a row's time.
        return 0.0 <= probability.item() <= 1.0 and abs(margin.item()) < np.inf
    in_range = ((probability >= 0) & (probability <= 1)).all()
    return bool(in_range and np.isfinite(margin).all())


def _open_session(model: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = _LOG_ERRORS
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001 - the runtime's errors share no other base
        raise _unusable(error) from None


def _load_explainer(files: Mapping[str, bytes], feature_count: int) -> TreeExplainer | None:
    prefix = f"{EXPLAINER_FOLDER}/"
    arrays = {
        path.removeprefix(prefix).removesuffix(".npy"): bytes_to_array(data, path)
        for path, data in files.items()
        if path.startswith(prefix)
    }
    return TreeExplainer.from_arrays(arrays, feature_count) if arrays else None


def _compare(
    actual: npt.NDArray[np.floating], expected: tuple[float, ...], tolerance: float, name: str
) -> None:
    difference = np.abs(actual.astype(np.float64) - np.array(expected))
    worst = int(difference.argmax())
    if not difference[worst] <= tolerance:
        raise refuse(
            "ProbeMismatch",
            f"The {name} of probe row {worst} is {actual[worst]:.9g}, not {expected[worst]:.9g} "
            f"(tolerance {tolerance:g}).",
            "Export the model again with the runtime that serves it, and compare their versions.",
        )


def _not_finite() -> Exception:
    return refuse(
        "NotFinite",
        "The model gave a margin that is not finite or a probability outside [0, 1].",
        "Look at the features of this event; train without infinite values.",
    )


def _unusable(error: Exception) -> Exception:
    first_line = str(error).partition("\n")[0][:512]
    return refuse("NotOnnx", f"ONNX Runtime does not take the model: {first_line}.", REEXPORT)
