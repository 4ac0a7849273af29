"""The graph that serves: trees, calibration and the logistic, from float32 rows to float32 answers.

Between input and output everything is float64: a sum of 400 float32 leaves drifts by 1e-5, as much as
the explanations may differ from the margin, and ONNX Runtime's float32 sigmoid gives 0 below 1e-8,
which would tie the smallest probabilities. tests/bench/bench_model.py times it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from sentinel_core.artifacts.calibration import Affine, Beta, Calibration, PiecewiseLinear

OPSET = 21
ML_OPSET = 3
IR_VERSION = 10
"""Of ONNX 1.17; `onnx_check` states what is served."""
LANES = 8
"""Copies of a row's margin in the exponential.

ONNX Runtime's exp takes other instructions for a row inside a vector register than for one left over
at the end, and they differ in the last bit. Each row filling a register (8 float64 in AVX-512, the
widest there is) gives one row the same bits alone and in a batch.
"""
INPUT = "features"


class GraphBuilder:
    """Nodes and constants of a graph under construction."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []

    def node(
        self, operator: str, *inputs: str, output: str | None = None, **attributes: Any
    ) -> str:
        """Add a node and return the name of its output."""
        name = output or f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def constant(self, value: Any, dtype: type = np.float64) -> str:
        """Add a constant and return its name."""
        name = f"constant_{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name


def build_graph(trees: dict[str, Any], feature_count: int, calibration: Calibration) -> Any:
    """Build the model: trees, then calibration.

    Parameters
    ----------
    trees : dict
        Attributes of a TreeEnsembleRegressor with one target.

    Returns
    -------
    onnx.ModelProto
        Input ``features`` (rows, feature_count) float32; outputs ``margin`` and ``probability``
        (rows, 1) float32.
    """
    graph = GraphBuilder()
    wide = graph.node("Cast", INPUT, to=TensorProto.DOUBLE)
    graph.node(
        "TreeEnsembleRegressor", wide, output="margin", domain="ai.onnx.ml", n_targets=1, **trees
    )
    _add_calibration(graph, calibration)
    proto = helper.make_graph(
        graph.nodes,
        "sentinel",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["rows", feature_count])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", 1])
            for name in ("margin", "probability")
        ],
        graph.initializers,
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
    return helper.make_model(
        proto, opset_imports=opsets, ir_version=IR_VERSION, producer_name="sentinel"
    )


def _add_calibration(graph: GraphBuilder, calibration: Calibration) -> None:
    margin = graph.node("Cast", "margin", to=TensorProto.DOUBLE)
    if isinstance(calibration, PiecewiseLinear):
        margin = _add_piecewise(graph, margin, calibration)
    lanes = graph.node("Mul", margin, graph.constant(np.ones((1, LANES))))
    if isinstance(calibration, Affine):
        lanes = graph.node("Mul", lanes, graph.constant(calibration.a))
        lanes = graph.node("Add", lanes, graph.constant(calibration.b))
    elif isinstance(calibration, Beta):
        lanes = _add_beta(graph, lanes, calibration)
    spread = _add_logistic(graph, lanes)
    one = graph.node("ReduceMax", spread, graph.constant([1], np.int64), keepdims=1)
    graph.node("Cast", one, output="probability", to=TensorProto.FLOAT)


def _add_logistic(graph: GraphBuilder, log_odds: str) -> str:
    """Add 1 / (1 + exp(-q)).

    Not the operator Sigmoid: ONNX Runtime computes it as 1 - sigmoid(-q) where q < 0, which has steps
    of 2e-16 however small the probability; this form keeps all digits, and an exp that overflows
    gives the right 0.
    """
    one = graph.constant(1.0)
    return graph.node(
        "Div", one, graph.node("Add", graph.node("Exp", graph.node("Neg", log_odds)), one)
    )


def _add_beta(graph: GraphBuilder, margin: str, calibration: Beta) -> str:
    """Add a ln p - b ln(1 - p) + c, in the form that neither overflows nor cancels."""
    zero, one = graph.constant(0.0), graph.constant(1.0)
    small = graph.node("Exp", graph.node("Neg", graph.node("Abs", margin)))
    softplus = graph.node("Log", graph.node("Add", small, one))
    log_p = graph.node("Sub", graph.node("Min", margin, zero), softplus)
    minus_log_q = graph.node("Add", graph.node("Max", margin, zero), softplus)
    rising = graph.node("Mul", log_p, graph.constant(calibration.a))
    falling = graph.node("Mul", minus_log_q, graph.constant(calibration.b))
    both = graph.node("Add", rising, falling)
    return graph.node("Add", both, graph.constant(calibration.c))


def _add_piecewise(graph: GraphBuilder, margin: str, calibration: PiecewiseLinear) -> str:
    """Add up what each piece contributes; the outer pieces have no outer end.

    By CumSum, whose every step is an output and so adds in one order; ReduceSum adds a lone row in
    another order than a row of a batch.
    """
    knots = np.array([m for m, _ in calibration.points])
    lower = np.zeros(len(knots) - 1)
    upper = np.diff(knots)
    # Beyond any margin, and far from where float64 loses digits of the difference.
    lower[0], upper[-1] = -1e9, 1e9
    beyond = graph.node("Sub", margin, graph.constant(knots[None, :-1]))
    inside = graph.node("Max", beyond, graph.constant(lower[None, :]))
    inside = graph.node("Min", inside, graph.constant(upper[None, :]))
    terms = graph.node("Mul", inside, graph.constant(np.array(calibration.slopes)[None, :]))
    sums = graph.node("CumSum", terms, graph.constant(1, np.int64))
    total = graph.node("Gather", sums, graph.constant([len(upper) - 1], np.int64), axis=1)
    return graph.node("Add", total, graph.constant(calibration.points[0][1]))
