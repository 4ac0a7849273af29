"""The release: one immutable JSON document that holds everything a decision rests on.

Two servers that hold the same release decide alike, and a stored decision that names a release can be
recomputed from it. Whatever can change a decision is therefore inside, in full or by digest; where
it came from, who wrote it and its comments are not.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
)
from pydantic.alias_generators import to_camel

from sentinel_core.errors import ReleaseError
from sentinel_core.ids import DIGEST_PATTERN, canonical_json, digest_bytes

FORMAT: Final = "sentinel.dev/release/v1"
MAX_RELEASE_BYTES = 384 * 1024
"""Largest release. A ControllerRevision and the ConfigMap with stable and candidate hold it; etcd
refuses objects over 1.5 MiB and the API server ConfigMaps over 1 MiB, which two releases stay below."""

Digest = Annotated[str, Field(pattern=DIGEST_PATTERN.pattern)]


class _Part(BaseModel):
    """Frozen, camelCase in JSON, and nothing that is not declared."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        extra="forbid",
        strict=True,
        frozen=True,
        allow_inf_nan=False,
    )


class ModelFailure(_Part):
    """What a decision does without the model's answer.

    Attributes
    ----------
    score : in [0, 1], higher is riskier; given with ``Score`` only
    """

    action: Literal["Skip", "Score", "FailClosed"]
    score: float | None = None


class ReleaseModel(_Part):
    """A model that takes part, by the digest of its artifact.

    Attributes
    ----------
    name : of the signal
    model : name of the SentinelModel that declared the artifact
    uri : where the artifact lies; a relative path counts from the manifest's folder
    public_key : the signer's Ed25519 key as PEM; None asks for no signature
    deadline_ms : milliseconds after which the answer is dropped as late
    placement : whether the decision server loads the artifact itself, or calls the model's server
    store : name of the folder that says how to reach the artifact's store: in a cluster that of a
        mounted Secret
    grpc_url : where the model's server is called; given with ``Remote`` only
    """

    name: str
    model: str
    uri: str
    digest: Digest
    public_key: str | None = None
    deadline_ms: int
    on_failure: ModelFailure
    placement: Literal["Inline", "Remote"] = "Inline"
    store: str | None = None
    grpc_url: str | None = None

    @model_serializer(mode="wrap")
    def _write_new_fields_where_they_say_something(
        self, write: SerializerFunctionWrapHandler
    ) -> dict[str, Any]:
        """Leave out fields that came later and say what was meant before them.

        So a release that was stored by an earlier version keeps its digest.
        """
        said = {
            "placement": self.placement != "Inline",
            "store": self.store,
            "grpcUrl": self.grpc_url,
        }
        written: dict[str, Any] = write(self)
        return {name: value for name, value in written.items() if said.get(name, True)}


class ReleaseList(_Part):
    """A list, by digest: its rows are kept beside the release, for they may be many.

    Attributes
    ----------
    field : entity kind or string field of the event whose value is looked up
    cap : highest score in [0, 100] that a hit allows; trust lists only
    """

    name: str
    kind: Literal["block", "trust", "watch"]
    field: str
    cap: float | None = None
    digest: Digest


class Release(_Part):
    """A compiled pipeline.

    Parts are plain JSON, so that each room parses its own slice with the parser that checked it when
    the release was compiled.

    Attributes
    ----------
    features : the feature spec, as `sentinel_core.features.parse_spec` takes it
    signals : the profile of velocity and behaviour
    rules : the rule pack, as `sentinel_core.rules` takes it
    fusion : the fusion profile
    budget_ms : milliseconds that one decision may take in all
    split_by : kinds of entity by which events are split between two releases, first choice first;
        an event with none of them is split by its id
    """

    format: Literal["sentinel.dev/release/v1"] = "sentinel.dev/release/v1"
    pipeline: str
    namespace: str
    event: str
    features: dict[str, Any]
    features_digest: Digest
    models: Annotated[tuple[ReleaseModel, ...], Field(strict=False)] = ()
    signals: dict[str, Any]
    rules: list[Any]
    lists: Annotated[tuple[ReleaseList, ...], Field(strict=False)] = ()
    fusion: dict[str, Any]
    failure_policy: Literal["Open", "Review", "Closed"]
    budget_ms: int
    split_by: Annotated[tuple[str, ...], Field(strict=False)]

    @cached_property
    def canonical(self) -> bytes:
        """The document in the one form that its digest is taken over."""
        return canonical_json(self.model_dump(mode="json", by_alias=True))

    @cached_property
    def digest(self) -> str:
        """Name of the release by its content."""
        return digest_bytes(self.canonical)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy with other values; pydantic would give it this one's digest too."""
        copied = super().model_copy(update=update, deep=deep)
        for cached in ("canonical", "digest"):
            copied.__dict__.pop(cached, None)
        return copied


def read_release(data: bytes | str) -> Release:
    """Read a release that was written with `Release.canonical`.

    Raises
    ------
    ReleaseError
        ``ReleaseUnreadable``: the text is no release, or of a format that a newer version of
        Sentinel writes. Retryable: no.
    """
    try:
        return Release.model_validate_json(data)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in fault["loc"]) or "the document"
        raise ReleaseError(
            "ReleaseUnreadable",
            f"The text is no release of the format {FORMAT}: {where}: {fault['msg']}.",
            user_action="Compile it again with this version: sentinel release compile -f FOLDER.",
            digest=digest_bytes(data.encode() if isinstance(data, str) else data),
        ) from error
