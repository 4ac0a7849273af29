"""The ``fusion:`` block of a pipeline."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from sentinel_core.fusion.noisy_or import NoisyOr
from sentinel_core.fusion.seed_v1 import SeedV1
from sentinel_core.fusion.stream_seed import StreamSeed
from sentinel_core.fusion.weighted import Weighted
from sentinel_core.located import Located, problem, refusal
from sentinel_core.resources.faults import parse_block

FusionProfile = Annotated[NoisyOr | Weighted | SeedV1 | StreamSeed, Field(discriminator="method")]
"""How signals and rule hits become one score, a level and an outcome."""

METHODS: dict[str, type[NoisyOr | Weighted | SeedV1 | StreamSeed]] = {
    "NoisyOr": NoisyOr,
    "Weighted": Weighted,
    "SeedV1": SeedV1,
    "StreamSeed": StreamSeed,
}


def parse_fusion(document: Located, at: str = "") -> FusionProfile:
    """Read a ``fusion:`` block; without a method it is NoisyOr.

    Parameters
    ----------
    at : str
        Dotted path of the block in its document, put before the names in messages.

    Raises
    ------
    InvalidDocumentError
        With every fault at its place. Retryable: no.
    """
    given = document.value.get("method") if isinstance(document.value, dict) else None
    name = "NoisyOr" if given is None else given.value
    if name not in METHODS:
        message = f"there is no fusion method {name}"
        raise refusal([problem(document.at(["method"]), message, f"use {', '.join(METHODS)}")])
    return parse_block(document, METHODS[name], at)
