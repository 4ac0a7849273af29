"""The words by which an artifact is refused.

Status conditions, runbooks and tests name these reasons, so a reason is never renamed, and each
check has its own.
"""

from __future__ import annotations

from typing import Literal

from sentinel_core.errors import ArtifactError

RefusalReason = Literal[
    "ArtifactConflict",
    "ArtifactMissing",
    "ArtifactTooLarge",
    "DigestMismatch",
    "DuplicateFile",
    "ExplainerInvalid",
    "ExternalData",
    "ForbiddenDomain",
    "ForbiddenFile",
    "ForbiddenOperator",
    "KeyInvalid",
    "ManifestInvalid",
    "MissingFile",
    "NotAnArtifact",
    "NotFinite",
    "NotOnnx",
    "PathEscape",
    "ProbeInvalid",
    "ProbeMismatch",
    "ProofFailed",
    "SchemaMismatch",
    "SecretNotFound",
    "SignatureInvalid",
    "SignatureMissing",
    "StoreDenied",
    "StoreMisconfigured",
    "StoreUnreachable",
    "StoreUntrusted",
    "Truncated",
    "UnlistedFile",
    "UnsupportedOpset",
    "UnsupportedStore",
]

REBUILD = "Build the artifact again with `sentinel train`, or fetch it again from its registry."
"""What to do about an artifact whose bytes are not what its writer wrote."""
UPLOAD_AGAIN = "Upload or copy the artifact again: it broke off on its way."
"""What to do about an artifact that ends early."""


def refuse(reason: RefusalReason, message: str, user_action: str = REBUILD) -> ArtifactError:
    """Build the error for a refused artifact.

    A function rather than the class, so that the type checker holds every reason to the list above.
    """
    return ArtifactError(reason, message, user_action=user_action)
