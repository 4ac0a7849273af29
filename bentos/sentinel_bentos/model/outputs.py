"""What a model gives: which outputs there are, which were asked for, and their values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sentinel_core.artifacts.session import LoadedModel
from sentinel_core.errors import InvalidRequestError, Problem
from sentinel_core.oip.tensors import BASE_VALUE, CONTRIBUTIONS, MARGIN, PROBABILITY, Rows

DEFAULT_OUTPUTS = (PROBABILITY, MARGIN)
MAX_ROWS = 10_000
"""Of one request. They take 50 ms for a model of 400 trees."""
MAX_EXPLAINED_ROWS = 100
"""Of one request that asks for contributions, of which each row takes as long as 500 rows scored."""

Outputs = dict[str, Rows]


def offered_outputs(model: LoadedModel) -> dict[str, list[int]]:
    """Return the shape of each output that the model can give; -1 is the number of rows."""
    shapes = {name: [-1] for name in DEFAULT_OUTPUTS}
    if model.explainer is not None:
        shapes |= {CONTRIBUTIONS: [-1, model.feature_count], BASE_VALUE: [1]}
    return shapes


def check_wanted(names: Sequence[str], model: LoadedModel) -> tuple[str, ...]:
    """Hold the wanted outputs against what the model can give; none are the default ones.

    Raises
    ------
    InvalidRequestError
        One is not there, or is named twice. Retryable: no.
    """
    if not names:
        return DEFAULT_OUTPUTS
    offered = offered_outputs(model)
    for name in names:
        if name not in offered:
            raise refuse_request("outputs", f"the model has no output {name[:64]!r}", _hint(model))
    if len(set(names)) != len(names):
        raise refuse_request("outputs", "an output is named twice", "Name each once.")
    return tuple(names)


def compute_outputs(model: LoadedModel, rows: Rows, wanted: tuple[str, ...]) -> Outputs:
    """Score rows, and explain them where contributions are wanted.

    Raises
    ------
    ArtifactError
        ``NotFinite``: the model has no usable answer for some row. Retryable: no.
    """
    margin, probability = model.predict(rows)
    found = {PROBABILITY: probability, MARGIN: margin}
    if wanted is DEFAULT_OUTPUTS:
        return found
    if model.explainer is not None:
        found[BASE_VALUE] = np.array([model.explainer.base], dtype=np.float32)
        if CONTRIBUTIONS in wanted:
            each = [model.explainer.contributions(row) for row in rows]
            found[CONTRIBUTIONS] = np.array(each, dtype=np.float32)
    return {name: found[name] for name in wanted}


def refuse_request(location: str, message: str, hint: str) -> InvalidRequestError:
    """Build the refusal of a request with one fault."""
    return InvalidRequestError(
        "The request is not valid.", (Problem(location, message, hint),), user_action="Correct it."
    )


def _hint(model: LoadedModel) -> str:
    if model.explainer is None:
        return (
            f"It has {', '.join(offered_outputs(model))}; a model without trees is not explained."
        )
    return f"It has {', '.join(offered_outputs(model))}."
