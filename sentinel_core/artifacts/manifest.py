"""The manifest: what an artifact says about its model, and the digests of its files.

Needs no numpy and no ONNX, so that whoever only reads manifests (the release compiler, the operator)
stays small. Every text and every collection is bounded: a manifest is read before it is trusted.
"""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel

from sentinel_core.artifacts.calibration import Calibration
from sentinel_core.artifacts.refusal import refuse
from sentinel_core.ids import DIGEST_PATTERN, canonical_json

MAX_MANIFEST_BYTES = 1024 * 1024
"""About 60 times the manifest of a model with 30 features of 20 bins; 512 features of 64 bins fit."""
MAX_FEATURES = 512
"""Over ten times the widest published feature set for card payments (the Handbook uses 15)."""
MAX_FILES = 64
"""An artifact of this format has 12."""
MODEL_FILE = "model.onnx"
MANIFEST_FILE = "manifest.json"
CARD_FILE = "card.md"
PROBE_FILE = "probe.json"
SIGNATURE_FILE = "SIGNATURE"
REQUIRED_FILES = (MODEL_FILE, CARD_FILE, PROBE_FILE)
FILE_NAME = re.compile(
    r"^[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*(/[A-Za-z0-9][A-Za-z0-9_.-]*)?$"
)
"""A file of the artifact, or of one folder in it; no name that any system reads as a path elsewhere."""

Digest = Annotated[str, StringConstraints(pattern=DIGEST_PATTERN.pattern)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=128)]
Text = Annotated[str, StringConstraints(max_length=1024)]
FileName = Annotated[str, StringConstraints(pattern=FILE_NAME.pattern, max_length=128)]
ModelName = Annotated[
    str, StringConstraints(pattern=r"^[a-z]([-a-z0-9]*[a-z0-9])?$", max_length=63)
]
Number = Annotated[float, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=2**53)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class _Part(BaseModel):
    """Frozen, camelCase in JSON, and nothing that is not declared."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True
    )


class FeatureSpecRef(_Part):
    """The feature spec that the model was fitted on, by its content."""

    digest: Digest


class ModelInput(_Part):
    """One column of the model's matrix.

    ``history`` marks a feature that is read from entity logs: where those are lost, the model stays
    silent rather than reading a value that was never there in training.
    """

    name: Name
    dtype: Literal["float32"] = "float32"
    history: bool = False


class ModelOutput(_Part):
    """One output: ``margin`` in log-odds before calibration, or ``probability`` in [0, 1] after it."""

    name: Literal["margin", "probability"]
    dtype: Literal["float32"] = "float32"


class TrainingData(_Part):
    """Which rows the model was fitted on. ``from`` is included, ``to`` is not."""

    digest: Digest
    since: AwareDatetime = Field(alias="from")
    until: AwareDatetime = Field(alias="to")
    rows: Count
    frauds: Count

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.since >= self.until:
            raise ValueError("'from' must be before 'to'")
        if self.frauds > self.rows:
            raise ValueError("there are more frauds than rows")
        return self


class Metric(_Part):
    """A measured figure with its interval.

    ``method`` says how the interval was made (such as "95 %, bootstrap over days"), since an interval
    without that cannot be compared.
    """

    value: Number
    low: Number
    high: Number
    method: Text


class ThresholdRow(_Part):
    """What a bound on the probability would have done on the evaluation rows."""

    threshold: Share
    alerts: Count
    precision: Share
    recall: Share
    false_positive_rate: Share


class Distribution(_Part):
    """How one feature, or the probability, was spread in training; what drift is measured against.

    ``counts[i]`` holds the rows in [edges[i], edges[i+1]), the last bin its upper edge too; values
    beyond the edges belong to the outer bins. ``missing`` counts NaN.
    """

    edges: tuple[Number, ...] = Field(min_length=2, max_length=129)
    counts: tuple[Count, ...] = Field(min_length=1, max_length=128)
    missing: Count = 0

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(self.edges) != len(self.counts) + 1:
            raise ValueError("there must be one edge more than counts")
        if any(a >= b for a, b in zip(self.edges, self.edges[1:], strict=False)):
            raise ValueError("edges must increase")
        return self


class FileEntry(_Part):
    """A file by its content."""

    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    size_bytes: Annotated[int, Field(ge=0, le=2**40)] = Field(alias="bytes")


class ManifestFields(_Part):
    """All of a manifest but its files: what the one who trains a model fills in.

    Attributes
    ----------
    inputs : in the order of the model's columns
    calibration : how the graph makes the probability of the margin
    thresholds : by increasing threshold
    references : by feature name, and ``probability``
    lineage : what the model was made by (code revision, flow run, seed, parent digest)
    runtime : versions of the libraries in training, by name
    """

    schema_version: Literal[1] = 1
    name: ModelName
    version: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$")]
    task: Literal["BinaryClassification"] = "BinaryClassification"
    format: Literal["onnx"] = "onnx"
    feature_spec: FeatureSpecRef
    inputs: tuple[ModelInput, ...] = Field(min_length=1, max_length=MAX_FEATURES)
    outputs: tuple[ModelOutput, ModelOutput] = (
        ModelOutput(name="margin"),
        ModelOutput(name="probability"),
    )
    calibration: Calibration
    training_data: TrainingData
    metrics: dict[Name, Metric] = Field(max_length=64)
    thresholds: tuple[ThresholdRow, ...] = Field(default=(), max_length=256)
    references: dict[Name, Distribution] = Field(default_factory=dict, max_length=MAX_FEATURES + 1)
    lineage: dict[Name, Text] = Field(default_factory=dict, max_length=64)
    runtime: dict[Name, Text] = Field(default_factory=dict, max_length=64)

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [item.name for item in self.inputs]
        if len(set(names)) != len(names):
            raise ValueError("two inputs have the same name")
        if {output.name for output in self.outputs} != {"margin", "probability"}:
            raise ValueError("outputs must be margin and probability")
        unknown = self.references.keys() - {*names, "probability"}
        if unknown:
            raise ValueError(f"references name no input: {sorted(unknown)}")
        return self

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the inputs, in the order of the model's columns."""
        return tuple(item.name for item in self.inputs)

    @property
    def needs_history(self) -> bool:
        """Whether any input is read from entity logs."""
        return any(item.history for item in self.inputs)


class Manifest(ManifestFields):
    """A whole manifest: the fields and every file of the artifact but itself and SIGNATURE."""

    files: dict[FileName, FileEntry] = Field(min_length=len(REQUIRED_FILES), max_length=MAX_FILES)

    @model_validator(mode="after")
    def _check_files(self) -> Self:
        if {MANIFEST_FILE, SIGNATURE_FILE} & self.files.keys():
            raise ValueError("files must not list manifest.json or SIGNATURE")
        missing = set(REQUIRED_FILES) - self.files.keys()
        if missing:
            raise ValueError(f"files must list {', '.join(sorted(missing))}")
        return self

    def to_bytes(self) -> bytes:
        """Write the manifest in the one form that its digest is taken over."""
        return canonical_json(self.model_dump(mode="json", by_alias=True))


def parse_manifest(data: bytes) -> Manifest:
    """Parse manifest.json, all faults at once.

    Only the canonical form is taken: that rules out doubled keys, NaN, and two files of one meaning
    with two digests.

    Raises
    ------
    ArtifactError
        ``ManifestInvalid``. A retry does not help.
    """
    try:
        plain = json.loads(data, parse_constant=_refuse_constant)
        canonical = canonical_json(plain)
        manifest = Manifest.model_validate_json(data, strict=True)
    except ValidationError as error:
        raise refuse("ManifestInvalid", f"manifest.json is not valid: {_faults(error)}.") from None
    except (ValueError, RecursionError) as error:
        raise refuse("ManifestInvalid", f"manifest.json is not valid JSON: {error}.") from None
    if canonical != data:
        raise refuse("ManifestInvalid", "manifest.json is not canonical JSON.")
    return manifest


def _refuse_constant(text: str) -> Any:
    raise ValueError(f"{text} is not a JSON number")


def _faults(error: ValidationError) -> str:
    """Name each fault by its place; the input itself is left out, since it may be huge."""
    return "; ".join(
        f"{'.'.join(str(part)[:128] for part in fault['loc']) or 'manifest'}: {fault['msg'][:256]}"
        for fault in error.errors(include_input=False, include_url=False)[:20]
    )
