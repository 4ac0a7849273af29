"""The one place that imports ONNX Runtime.

From 1.29 on its import alone starts telemetry, unless this variable is set before.
"""

from __future__ import annotations

import os
import platform
from functools import cache
from typing import Any

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy as np
import onnxruntime

__all__ = ["onnxruntime", "runtime_versions"]


@cache
def runtime_versions() -> dict[str, str]:
    """Name all that a model's bits depend on.

    Two decisions made under equal values must agree in every bit; under others a model agrees within
    1e-6. The vector instructions count, since both libraries pick their kernels by them.

    Returns
    -------
    dict
        ``onnxruntime``, ``numpy`` and ``cpu`` (architecture and instruction sets found).
    """
    config: Any = np.show_config(mode="dicts")
    simd = config.get("SIMD Extensions", {})
    found = sorted({*simd.get("baseline", ()), *simd.get("found", ())})
    return {
        "onnxruntime": onnxruntime.__version__,
        "numpy": np.__version__,
        "cpu": "+".join([platform.machine(), *found]),
    }
