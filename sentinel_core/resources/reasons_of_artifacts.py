"""Reasons for which an artifact is not proven: its store, its bytes, its content, its proof."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sentinel_core.resources.reason import ReasonDoc

_REBUILD = "Build the artifact again with sentinel train, or fetch it again, and propose it."
_REEXPORT = "Export the model again with sentinel train, and propose it."
_JOB_LOG = "kubectl logs -l sentinel.dev/resource=NAME,sentinel.dev/role=proof"


def _refused(summary: str, user_action: str = _REBUILD, *, retryable: bool = False) -> ReasonDoc:
    return ReasonDoc("artifact", summary, user_action, retryable=retryable)


_STORE: Final[Mapping[str, ReasonDoc]] = {
    "ArtifactMissing": _refused(
        "There is nothing at the artifact's URI.",
        "Correct spec.artifact.uri, or upload the artifact: sentinel propose --to writes both.",
        retryable=True,
    ),
    "ArtifactConflict": _refused(
        "Another artifact lies in the store under the name that an upload would take.",
        "Give the model a new version and propose it again.",
    ),
    "StoreUnreachable": _refused(
        "The artifact's store does not answer, or breaks off; it was tried several times.",
        "Check the endpoint in the Secret of storeSecretRef, and that spec.server.networkPolicy.egress "
        "names the store.",
        retryable=True,
    ),
    "StoreDenied": _refused(
        "The store refuses the keys.",
        "Put keys that may read the artifact into the Secret of storeSecretRef.",
        retryable=True,
    ),
    "StoreUntrusted": _refused(
        "The store's certificate is of an authority that is not trusted, or of another name.",
        "Put the certificate of the authority into the key ca.crt of the Secret of storeSecretRef.",
        retryable=True,
    ),
    "StoreMisconfigured": _refused(
        "The settings of the store are incomplete or wrong, or it answers with a redirect.",
        "Correct the key that the message names in the Secret of storeSecretRef.",
        retryable=True,
    ),
    "UnsupportedStore": _refused(
        "The URI is of a kind that cannot be read here: in a cluster, a file or a path.",
        "Upload the artifact and declare it with sentinel propose --to s3://BUCKET/PREFIX.",
    ),
    "SecretNotFound": _refused(
        "A Secret that the resource names is not in its namespace.",
        "Create it with kubectl create secret generic, or correct the reference.",
        retryable=True,
    ),
}

_BYTES: Final[Mapping[str, ReasonDoc]] = {
    "DigestMismatch": _refused(
        "What lies at the URI is not the artifact that the digest names.",
        "Set uri and digest of one artifact: sentinel propose writes both.",
    ),
    "SignatureMissing": _refused(
        "A public key is named for the model, but its artifact is not signed.",
        "Train it again with sentinel train, which signs, and propose it; or take publicKeyRef out.",
    ),
    "SignatureInvalid": _refused(
        "The signature is damaged, of another key, or of another artifact.",
        "Name the key that belongs to it in publicKeyRef; or train it again, which signs it.",
    ),
    "KeyInvalid": _refused(
        "The named public key is no Ed25519 key in PEM.",
        "Put the file that sentinel model keygen calls public into the ConfigMap of publicKeyRef.",
    ),
    "NotAnArtifact": _refused("There is no manifest.json, or the file is no uncompressed tar."),
    "ManifestInvalid": _refused("The artifact's manifest.json is not valid."),
    "Truncated": _refused("The artifact ends early."),
    "MissingFile": _refused("The artifact's manifest lists a file that is not there."),
    "UnlistedFile": _refused("There is a file that the artifact's manifest does not list."),
    "DuplicateFile": _refused("The artifact has a file twice."),
    "ForbiddenFile": _refused("The artifact has something other than plain files."),
    "PathEscape": _refused("A name in the tar points out of the artifact."),
    "ArtifactTooLarge": _refused(
        "The artifact has too many files, nodes or bytes; the limits guard the memory of servers.",
        "Train a smaller model.",
    ),
}

_CONTENT: Final[Mapping[str, ReasonDoc]] = {
    "NotOnnx": _refused("The model is no ONNX graph, or ONNX Runtime does not take it.", _REEXPORT),
    "UnsupportedOpset": _refused(
        "The model asks for a newer operator set or format than is served.", _REEXPORT
    ),
    "ForbiddenDomain": _refused(
        "The model uses operators outside ai.onnx and ai.onnx.ml.", _REEXPORT
    ),
    "ForbiddenOperator": _refused(
        "The model uses an operator that may run without end, or carries a training graph.",
        _REEXPORT,
    ),
    "ExternalData": _refused("The model keeps some of its data in another file.", _REEXPORT),
    "SchemaMismatch": _refused(
        "Inputs or outputs of the model are not those of its manifest.", _REEXPORT
    ),
    "ProbeInvalid": _refused("The artifact's probe.json cannot be read."),
    "ProbeMismatch": _refused(
        "The model does not give the outputs that the artifact records for its probe.",
        "Train and export it with the runtime versions that serve it, and propose it.",
    ),
    "NotFinite": _refused(
        "The model gave an infinite or missing value, or a probability outside [0, 1].",
        "Train the model again and look at its inputs; then propose it.",
    ),
    "ExplainerInvalid": _refused("The arrays that explain the model do not belong to it."),
}

_PROOF: Final[Mapping[str, ReasonDoc]] = {
    "ProofTimedOut": _refused(
        "The proof did not end within its time.",
        f"Look for what it waits for: {_JOB_LOG}. It is tried again by itself.",
        retryable=True,
    ),
    "ProofFailed": _refused(
        "The proof ended without a verdict, or met an error that it did not expect.",
        f"Look into its log: {_JOB_LOG}. If the cause is not there, please report it.",
        retryable=True,
    ),
    "ArtifactNotLoaded": _refused(
        "A pod could not load an artifact that was proven before.",
        "Look at the message, which is that of the pod; deleting the pod makes it try again.",
        retryable=True,
    ),
}

ARTIFACT_REASONS: Final[Mapping[str, ReasonDoc]] = {**_STORE, **_BYTES, **_CONTENT, **_PROOF}
