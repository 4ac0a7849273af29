"""Small models and artifacts, made by hand so that each part can be bent."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper

from sentinel_core.artifacts.calibration import UNCALIBRATED
from sentinel_core.artifacts.manifest import (
    FeatureSpecRef,
    ManifestFields,
    Metric,
    ModelInput,
    TrainingData,
)
from sentinel_core.artifacts.probe import Probe
from sentinel_core.artifacts.runtime import onnxruntime
from sentinel_core.artifacts.trees import LEAF, TreeEnsemble
from sentinel_core.artifacts.write import pack_files, write_artifact
from sentinel_core.ids import digest_bytes

FEATURES = ("amount", "card_count_1d", "terminal_risk_28d")


def random_trees(rng, feature_count=3, tree_count=4, max_splits=6):
    """Grow random trees; thresholds are small integers, so that rows can hit them exactly."""
    nodes = {
        key: [] for key in ("feature", "threshold", "left", "right", "missing", "value", "cover")
    }
    roots = []

    def add(cover):
        for key, value in zip(nodes, (LEAF, 0.0, 0, 0, False, rng.normal(), cover), strict=True):
            nodes[key].append(value)
        return len(nodes["feature"]) - 1

    for _ in range(tree_count):
        roots.append(add(float(rng.integers(50, 500))))
        leaves = [roots[-1]]
        for _ in range(rng.integers(0, max_splits + 1)):
            parent = leaves.pop(rng.integers(len(leaves)))
            share = rng.uniform(0.05, 0.95)
            cover = nodes["cover"][parent]
            nodes["feature"][parent] = int(rng.integers(feature_count))
            nodes["threshold"][parent] = float(rng.integers(-3, 4))
            nodes["missing"][parent] = bool(rng.integers(2))
            nodes["left"][parent], nodes["right"][parent] = (
                add(share * cover),
                add((1 - share) * cover),
            )
            leaves += [nodes["left"][parent], nodes["right"][parent]]
    return TreeEnsemble(
        feature=np.array(nodes["feature"], np.int32),
        threshold=np.array(nodes["threshold"], np.float32),
        left=np.array(nodes["left"], np.int32),
        right=np.array(nodes["right"], np.int32),
        missing_left=np.array(nodes["missing"], np.bool_),
        value=np.array(nodes["value"], np.float32).astype(np.float64),
        cover=np.array(nodes["cover"], np.float64),
        roots=np.array(roots, np.int32),
        base=np.asarray(np.float32(rng.normal()), np.float64),
    )


def random_rows(rng, count, feature_count=3):
    """Draw rows whose values lie on thresholds as often as beside them; a fifth is missing."""
    rows = rng.integers(-8, 9, (count, feature_count)).astype(np.float32) / np.float32(2)
    rows[rng.random(rows.shape) < 0.2] = np.nan
    return rows


def tree_node(trees, input_name):
    """Write the trees as one TreeEnsembleRegressor node."""
    count = len(trees.feature)
    tree_of = np.zeros(count, dtype=int)
    waiting = [(int(root), tree) for tree, root in enumerate(trees.roots)]
    while waiting:
        node, tree = waiting.pop()
        tree_of[node] = tree
        if trees.feature[node] != LEAF:
            waiting += [(int(trees.left[node]), tree), (int(trees.right[node]), tree)]
    leaf = trees.feature == LEAF
    order = np.argsort(tree_of, kind="stable")
    own_id = np.arange(count)
    return helper.make_node(
        "TreeEnsembleRegressor", [input_name], ["margin"], domain="ai.onnx.ml", n_targets=1,
        base_values=[float(trees.base)],
        nodes_treeids=tree_of[order].tolist(), nodes_nodeids=own_id[order].tolist(),
        nodes_featureids=np.where(leaf, 0, trees.feature)[order].tolist(),
        nodes_modes=np.where(leaf, "LEAF", "BRANCH_LEQ")[order].tolist(),
        nodes_values=trees.threshold[order].tolist(),
        nodes_truenodeids=np.where(leaf, 0, trees.left)[order].tolist(),
        nodes_falsenodeids=np.where(leaf, 0, trees.right)[order].tolist(),
        nodes_missing_value_tracks_true=trees.missing_left[order].astype(int).tolist(),
        target_treeids=tree_of[leaf].tolist(), target_nodeids=own_id[leaf].tolist(),
        target_ids=[0] * int(leaf.sum()), target_weights=trees.value[leaf].tolist(),
        post_transform="NONE",
    )  # fmt: skip


def tree_model(trees, feature_count=3):
    """Write a whole served graph: trees in float64, then a sigmoid."""
    nodes = [
        helper.make_node("Cast", ["features"], ["wide"], to=TensorProto.DOUBLE),
        tree_node(trees, "wide"),
        helper.make_node("Sigmoid", ["margin"], ["probability"]),
    ]
    return make_model(nodes, feature_count)


def make_model(nodes, feature_count=3, **graph_parts):
    """Make a model of float32 (rows, features) to margin and probability (rows, 1)."""
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["rows", feature_count])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", 1])
            for name in ("margin", "probability")
        ],
        **graph_parts,
    )
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def make_fields(features=FEATURES, **changes):
    """Fill in a manifest's fields."""
    given = {
        "name": "card-fraud",
        "version": "1",
        "feature_spec": FeatureSpecRef(digest=digest_bytes(b"spec")),
        "inputs": tuple(ModelInput(name=name, history="_" in name) for name in features),
        "calibration": UNCALIBRATED,
        "training_data": TrainingData(
            digest=digest_bytes(b"data"),
            since=datetime(2018, 4, 1, tzinfo=UTC),
            until=datetime(2018, 7, 1, tzinfo=UTC),
            rows=1000,
            frauds=10,
        ),
        "metrics": {"AUC": Metric(value=0.9, low=0.88, high=0.92, method="95 %, by day")},
    }
    return ManifestFields(**given | changes)


def make_probe(model, rows):
    """Run a model's bytes over rows and keep the answers."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    margin, probability = session.run(["margin", "probability"], {"features": rows})
    return Probe.of(rows, margin.reshape(-1), probability.reshape(-1))


def write_small_artifact(directory: Path, *, private_key_pem=None, seed=7, **fields):
    """Write a sound artifact of random trees and return its digest."""
    rng = np.random.default_rng(seed)
    trees = random_trees(rng)
    model = tree_model(trees).SerializeToString()
    return write_artifact(
        directory,
        model=model,
        fields=make_fields(**fields),
        probe=make_probe(model, random_rows(rng, 16)),
        card="# card-fraud\n",
        explainer=trees,
        private_key_pem=private_key_pem,
    )


def pack_tar(directory):
    """Pack an artifact's folder as `pack_files` packs its files."""
    paths = (p for p in directory.rglob("*") if p.is_file())
    return pack_files({p.relative_to(directory).as_posix(): p.read_bytes() for p in paths})
