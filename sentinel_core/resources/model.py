"""SentinelModel: a model artifact, named by its digest."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sentinel_core.ids import DIGEST_PATTERN
from sentinel_core.resources.metadata import (
    API_VERSION,
    ConfigMapKeyRef,
    Declaration,
    ResourceMetadata,
)

NOT_PROPOSED = f"sha256:{'0' * 64}"
"""Digest of a model for which nothing was proposed yet; no artifact has it, and compiling says so."""

ArtifactUri = Annotated[
    str,
    Field(
        description="Where the artifact lies, a folder or a tar: a file:/// URI, or a path, "
        "which counts from the manifest's folder.",
        max_length=1024,
        pattern=r"^(file:///\S+|[^:\s]+)$",  # without a scheme there is no colon
        examples=["file:///srv/models/card-fraud/12"],
    ),
]
Digest = Annotated[
    str,
    Field(
        description="SHA-256 of the artifact's manifest.json. Nothing else is ever loaded.",
        pattern=DIGEST_PATTERN.pattern,
        # That of the empty text.
        examples=["sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
    ),
]


class Signature(Declaration):
    """How to prove who made an artifact. Where it is given, the artifact must verify."""

    public_key_ref: ConfigMapKeyRef = Field(
        description="The ConfigMap that holds the signer's Ed25519 public key as PEM; it carries "
        "the label sentinel.dev/input=true."
    )


class Artifact(Declaration):
    """One immutable model artifact."""

    uri: ArtifactUri
    digest: Digest
    signature: Signature | None = Field(
        None, description="Whose signature the artifact must carry; absent asks for none."
    )


class SentinelModelSpec(Declaration):
    """What a SentinelModel declares."""

    artifact: Artifact = Field(description="The artifact that this model stands for.")


class SentinelModel(Declaration):
    """A model artifact that pipelines can name.

    A new artifact is a new digest: ``sentinel propose`` writes both fields of ``spec.artifact``.
    """

    api_version: Literal["sentinel.dev/v1alpha1"] = Field(
        description=f"Version of this schema: {API_VERSION}."
    )
    kind: Literal["SentinelModel"] = Field(description="SentinelModel.")
    metadata: ResourceMetadata = Field(description="Name, namespace and labels.")
    spec: SentinelModelSpec = Field(description="What is declared.")
