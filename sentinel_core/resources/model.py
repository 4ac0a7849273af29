"""SentinelModel: a model artifact, named by its digest."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from sentinel_core.ids import DIGEST_PATTERN
from sentinel_core.resources.cross_field import CrossField
from sentinel_core.resources.metadata import (
    API_VERSION,
    ConfigMapKeyRef,
    Declaration,
    ResourceMetadata,
    SecretRef,
    Suspend,
)
from sentinel_core.resources.server import Server

NOT_PROPOSED = f"sha256:{'0' * 64}"
"""Digest of a model for which nothing was proposed yet; no artifact has it, and compiling says so."""

REMOTE_SCHEMES = ("s3://", "http://", "https://")

ArtifactUri = Annotated[
    str,
    Field(
        description="Where the artifact lies: a tar under s3://BUCKET/KEY, http:// or https://; on a "
        "laptop also a folder or tar as file:/// or as a path, which counts from the manifest's "
        "folder.",
        max_length=1024,
        # A bucket has 3 to 63 of a-z, 0-9, . and - (S3's rules for names); a URL carries no
        # user or password, which would be shown to whoever may read the resource. A path has no
        # colon, so that a misspelt scheme is no path.
        pattern=r"^(s3://[a-z0-9][-.a-z0-9]{1,61}[a-z0-9]/\S+|https?://[^/@\s]+/\S+|file:///\S+|[^:\s]+)$",
        examples=["s3://models/card-fraud/card-fraud-0123456789ab.tar"],
    ),
]
Digest = Annotated[
    str,
    Field(
        description="SHA-256 of the artifact's manifest.json. Nothing else is ever loaded.",
        max_length=71,
        pattern=DIGEST_PATTERN.pattern,
        # That of the empty text.
        examples=["sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
    ),
]


def grpc_url(namespace: str, name: str) -> str:
    """Return where gRPC clients in a cluster call a model's server.

    It is the name of all its pods: the client asks each in turn, so that every pod gets its share.
    """
    return f"dns:///{name}-model-pods.{namespace}.svc:3001"


class Signature(Declaration):
    """How to prove who made an artifact. Where it is given, the artifact must verify."""

    public_key_ref: ConfigMapKeyRef = Field(
        description="The ConfigMap that holds the signer's Ed25519 public key as PEM; it carries "
        "the label sentinel.dev/input=true."
    )


class Artifact(Declaration):
    """One immutable model artifact."""

    cross_field: ClassVar[tuple[CrossField, ...]] = (
        CrossField(
            field="storeSecretRef",
            message="an artifact in S3 needs storeSecretRef, a Secret with at least the key endpoint",
            cel="!self.uri.startsWith('s3://') || has(self.storeSecretRef)",
            holds=lambda artifact: (
                not artifact.uri.startswith("s3://") or artifact.store_secret_ref is not None
            ),
        ),
        CrossField(
            field="storeSecretRef",
            message="storeSecretRef goes with s3://, http:// and https:// only; remove it",
            cel="!has(self.storeSecretRef) || self.uri.matches('^(s3|https?)://')",
            holds=lambda artifact: artifact.store_secret_ref is None or artifact.is_remote,
        ),
    )

    uri: ArtifactUri
    digest: Digest
    store_secret_ref: SecretRef | None = Field(
        None,
        description="The Secret that says how to reach the store. Its keys are endpoint, region, "
        "accessKeyId, secretAccessKey and ca.crt; each may be absent, but for the endpoint of S3.",
    )
    signature: Signature | None = Field(
        None, description="Whose signature the artifact must carry; absent asks for none."
    )

    @property
    def is_remote(self) -> bool:
        """Whether the artifact lies in a store, and not in a file of this machine."""
        return self.uri.startswith(REMOTE_SCHEMES)

    @property
    def store(self) -> str | None:
        """Name of the Secret that says how to reach the store."""
        return self.store_secret_ref.name if self.store_secret_ref else None

    def is_same(self, uri: str, digest: str, store: str | None) -> bool:
        """Tell whether this is the artifact that was proven, at the place where it was proven.

        The same digest elsewhere is not: whoever has to fetch it may not find it there.
        """
        return (self.uri, self.digest, self.store) == (uri, digest, store)


class SentinelModelSpec(Declaration):
    """What a SentinelModel declares."""

    artifact: Artifact = Field(description="The artifact that this model stands for.")
    server: Server | None = Field(
        None,
        description="Pods that serve the model over the Open Inference Protocol; absent means none, "
        "and the model is ready once its artifact is proven.",
    )
    suspend: Suspend = False


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
