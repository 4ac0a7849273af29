"""From a fitted classifier to the ONNX graph that serves, and to the trees that explain it."""

from __future__ import annotations

import copy
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import HistGradientBoostingClassifier

from sentinel_core.artifacts.calibrate import calibrate
from sentinel_core.artifacts.calibration import Calibration
from sentinel_core.artifacts.runtime import onnxruntime
from sentinel_core.artifacts.trees import LEAF, TreeEnsemble
from sentinel_core.errors import ConfigurationError
from sentinel_pipelines.steps.export_graph import INPUT, ML_OPSET, OPSET, build_graph

PARITY_LIMIT = 1e-6
"""Largest difference in probability between the training library and the served graph."""


@dataclass(frozen=True, slots=True)
class ExportedModel:
    """A classifier as it will be served.

    Attributes
    ----------
    model : bytes
        ONNX: ``features`` (rows, n) float32 to ``margin`` and ``probability`` (rows, 1) float32.
    trees : TreeEnsemble
        Read back from ``model``, with the training covers.
    """

    model: bytes
    trees: TreeEnsemble


def export_classifier(
    classifier: HistGradientBoostingClassifier, calibration: Calibration
) -> ExportedModel:
    """Export a binary classifier and its calibration as one graph.

    Parameters
    ----------
    classifier : HistGradientBoostingClassifier
        Fitted on float32 rows, two classes of which the second is fraud, no categorical features.

    Raises
    ------
    ConfigurationError
        The classifier is not of that kind.
    """
    _check_classifier(classifier)
    rounded = _round_thresholds(classifier)
    feature_count = int(classifier.n_features_in_)
    attributes = _tree_attributes(rounded, feature_count)
    model = build_graph(attributes, feature_count, calibration).SerializeToString()
    return ExportedModel(model, _read_trees(attributes, rounded))


def largest_difference(
    exported: ExportedModel,
    classifier: HistGradientBoostingClassifier,
    calibration: Calibration,
    rows: npt.NDArray[np.float32],
) -> float:
    """Compare the served probabilities with the training library's, calibrated in numpy.

    Parameters
    ----------
    rows : (n, features) float32
        At least 10,000 rows that the model was not chosen for; `PARITY_LIMIT` is the bound.

    Returns
    -------
    float
        Largest absolute difference in probability.
    """
    session = onnxruntime.InferenceSession(exported.model, providers=["CPUExecutionProvider"])
    (served,) = session.run(["probability"], {INPUT: rows})
    trained = calibrate(calibration, classifier.decision_function(rows))
    return float(np.abs(served.reshape(-1).astype(np.float64) - trained).max())


def _check_classifier(classifier: HistGradientBoostingClassifier) -> None:
    action = "Train a binary HistGradientBoostingClassifier on numbers."
    if len(classifier.classes_) != 2:
        raise ConfigurationError("The classifier does not have two classes.", user_action=action)
    categorical = getattr(classifier, "is_categorical_", None)
    if categorical is not None and np.any(categorical):
        raise ConfigurationError("The classifier has categorical features.", user_action=action)


def _round_thresholds(
    classifier: HistGradientBoostingClassifier,
) -> HistGradientBoostingClassifier:
    """Return a copy whose thresholds are float32, each rounded down.

    The graph holds float32. For a float32 x and t' the largest float32 that is not above t,
    x <= t and x <= t' are the same; rounded to nearest, t' may lie above an x that t is below of.
    """
    rounded = copy.deepcopy(classifier)
    for (predictor,) in rounded._predictors:  # noqa: SLF001 - no public way to the nodes
        predictor.nodes["num_threshold"] = round_down(predictor.nodes["num_threshold"])
    return rounded


def round_down(thresholds: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Return for each number the largest float32 that is not above it.

    Examples
    --------
    >>> float(round_down(np.array([0.1]))[0]) <= 0.1 < float(np.float32(0.1))
    True
    """
    nearest = thresholds.astype(np.float32)
    below = np.nextafter(nearest, np.float32(-np.inf))
    return np.where(nearest.astype(np.float64) > thresholds, below, nearest)


def _tree_attributes(
    classifier: HistGradientBoostingClassifier, feature_count: int
) -> dict[str, Any]:
    """Let skl2onnx write the trees, and take them as the attributes of a regressor.

    The classifier form would answer a label and two columns; the regressor answers the margin.
    """
    with warnings.catch_warnings():
        # skl2onnx 1.20 writes booleans where protobuf 7 will take integers only.
        warnings.filterwarnings("ignore", r".*ints: Expected an int", DeprecationWarning)
        converted = to_onnx(
            classifier,
            initial_types=[(INPUT, FloatTensorType([None, feature_count]))],
            options={id(classifier): {"raw_scores": True, "zipmap": False}},
            target_opset={"": OPSET, "ai.onnx.ml": ML_OPSET},
        )
    (node,) = (n for n in converted.graph.node if n.op_type == "TreeEnsembleClassifier")
    return {
        attribute.name.replace("class_", "target_"): helper.get_attribute_value(attribute)
        for attribute in node.attribute
        if not attribute.name.startswith("classlabels")
    }


def _read_trees(
    attributes: dict[str, Any], classifier: HistGradientBoostingClassifier
) -> TreeEnsemble:
    """Read the trees back out of what the graph holds; only the covers come from the classifier."""
    tree_ids = np.array(attributes["nodes_treeids"])
    node_ids = np.array(attributes["nodes_nodeids"])
    roots = np.flatnonzero(node_ids == 0)
    first = roots[tree_ids]
    leaf = np.array(attributes["nodes_modes"]) == b"LEAF"
    value = np.zeros(len(tree_ids))
    targets = np.array(attributes["target_treeids"]), np.array(attributes["target_nodeids"])
    value[roots[targets[0]] + targets[1]] = attributes["target_weights"]
    predictors = classifier._predictors  # noqa: SLF001 - no public way to the covers
    trees = TreeEnsemble(
        feature=np.where(leaf, LEAF, attributes["nodes_featureids"]).astype(np.int32),
        threshold=np.array(attributes["nodes_values"], dtype=np.float32),
        left=(first + attributes["nodes_truenodeids"]).astype(np.int32),
        right=(first + attributes["nodes_falsenodeids"]).astype(np.int32),
        missing_left=np.array(attributes["nodes_missing_value_tracks_true"], dtype=np.bool_),
        value=value,
        cover=np.concatenate([p.nodes["count"] for (p,) in predictors]).astype(np.float64),
        roots=roots.astype(np.int32),
        base=np.asarray(attributes["base_values"][0], dtype=np.float64),
    )
    trees.check()
    return trees
