"""The probe: rows with the outputs that the trainer saw, run again at every load."""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from sentinel_core.artifacts.manifest import MAX_FEATURES
from sentinel_core.artifacts.refusal import refuse
from sentinel_core.ids import canonical_json

Number = Annotated[float, Field(allow_inf_nan=False)]

PROBABILITY_TOLERANCE = 1e-6
"""What two runtimes may differ by; a replay on another runtime holds models to the same."""
MARGIN_TOLERANCE = 1e-5
"""What contributions may differ from the margin by; a float32 margin of 20 has steps of 2e-6."""


class Probe(BaseModel):
    """Rows and what the model answered for them when it was written.

    ``inputs`` holds null where a value is missing. The tolerances bound what a probe may forgive, so
    that an artifact cannot wave itself through.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True
    )

    inputs: tuple[Annotated[tuple[Number | None, ...], Field(max_length=MAX_FEATURES)], ...] = (
        Field(min_length=1, max_length=64)
    )
    margin: tuple[Number, ...]
    probability: tuple[Annotated[float, Field(ge=0.0, le=1.0)], ...]
    margin_tolerance: float = Field(default=MARGIN_TOLERANCE, gt=0.0, le=1e-4)
    probability_tolerance: float = Field(default=PROBABILITY_TOLERANCE, gt=0.0, le=1e-5)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not len(self.inputs) == len(self.margin) == len(self.probability):
            raise ValueError("inputs, margin and probability differ in length")
        if len({len(row) for row in self.inputs}) != 1:
            raise ValueError("rows differ in length")
        return self

    @classmethod
    def of(
        cls,
        rows: npt.NDArray[np.float32],
        margin: npt.NDArray[np.float32],
        probability: npt.NDArray[np.float32],
    ) -> Self:
        """Build from the model's own answers.

        Parameters
        ----------
        rows : (n, features) float32
            At most 64 rows; NaN where missing, no infinities.
        margin, probability : (n,) float32
        """
        return cls(
            inputs=tuple(
                tuple(None if np.isnan(value) else float(value) for value in row) for row in rows
            ),
            margin=tuple(map(float, margin)),
            probability=tuple(map(float, probability)),
        )

    def matrix(self) -> npt.NDArray[np.float32]:
        """Return the rows, float32 of shape (n, features), NaN where missing."""
        rows = [[np.nan if value is None else value for value in row] for row in self.inputs]
        return np.array(rows, dtype=np.float32)

    def to_bytes(self) -> bytes:
        """Write probe.json."""
        return canonical_json(self.model_dump(mode="json", by_alias=True))


def parse_probe(data: bytes) -> Probe:
    """Parse probe.json.

    Raises
    ------
    ArtifactError
        ``ProbeInvalid``. A retry does not help.
    """
    try:
        return Probe.model_validate_json(data, strict=True)
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, fault["loc"]))
        raise refuse("ProbeInvalid", f"probe.json: {place}: {fault['msg']}.") from None
