"""Signatures: who vouches for an artifact.

Ed25519 (RFC 8032) over the bytes of manifest.json, which names every other file by digest. Keys are
PEM files and nothing is asked of a network, so that verification works in a closed cluster.
"""

from __future__ import annotations

import base64
import binascii
import os
from pathlib import Path
from typing import Literal

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from sentinel_core.artifacts.refusal import refuse
from sentinel_core.errors import ConfigurationError
from sentinel_core.ids import canonical_json, digest_bytes

MAX_SIGNATURE_BYTES = 4096
"""Fifteen times a signature file of this form (about 260 bytes)."""
PRIVATE_KEY_FILE = "model-signing.key"
PUBLIC_KEY_FILE = "model-signing.pub"
_KEY_ACTION = "Give an Ed25519 key in PEM form; `sentinel model keygen` makes a pair."


class Signature(BaseModel):
    """The SIGNATURE file."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True
    )

    algorithm: Literal["Ed25519"] = "Ed25519"
    key_id: str = Field(max_length=71)
    signature: str = Field(max_length=128)


def generate_key() -> tuple[bytes, bytes]:
    """Make a new pair of keys.

    Returns
    -------
    private, public : bytes
        PEM (PKCS 8 without a passphrase, and SubjectPublicKeyInfo).
    """
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return private, _public_pem(key.public_key())


def write_key_pair(folder: Path) -> tuple[Path, Path]:
    """Write a new pair of keys, the private one readable by its owner only.

    Raises
    ------
    ConfigurationError
        A key of that name is there already: it is never replaced, since what it signed would no
        longer verify.
    """
    private_path, public_path = folder / PRIVATE_KEY_FILE, folder / PUBLIC_KEY_FILE
    for path in (private_path, public_path):
        if path.exists():
            raise ConfigurationError(
                f"{path} exists already.", user_action="Name another folder for the new keys."
            )
    private, public = generate_key()
    folder.mkdir(parents=True, exist_ok=True)
    # O_EXCL: two runs at once must not each believe in their own key.
    handle = os.open(private_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(private)
    public_path.write_bytes(public)
    return private_path, public_path


def sign(manifest: bytes, private_key_pem: bytes) -> bytes:
    """Sign the bytes of manifest.json and return the bytes of SIGNATURE.

    Raises
    ------
    ArtifactError
        ``KeyInvalid``: not an Ed25519 private key. A retry does not help.
    """
    try:
        key = serialization.load_pem_private_key(private_key_pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise refuse(
            "KeyInvalid", f"The signing key cannot be read: {error}.", _KEY_ACTION
        ) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise refuse("KeyInvalid", "The signing key is not an Ed25519 key.", _KEY_ACTION)
    signature = Signature(
        key_id=_key_id(key.public_key()),
        signature=base64.b64encode(key.sign(manifest)).decode(),
    )
    return canonical_json(signature.model_dump(by_alias=True))


def verify(manifest: bytes, signature_file: bytes | None, public_key_pem: bytes) -> str:
    """Check SIGNATURE against the bytes of manifest.json.

    Returns
    -------
    str
        Digest of the public key that vouches for the artifact.

    Raises
    ------
    ArtifactError
        ``KeyInvalid``, ``SignatureMissing``, ``SignatureInvalid``. A retry does not help.
    """
    key = _load_public(public_key_pem)
    if signature_file is None:
        raise refuse(
            "SignatureMissing",
            "The artifact is not signed, but a public key is set for it.",
            "Sign the artifact when it is written, or take the key out of the resource.",
        )
    signature = _parse_signature(signature_file)
    if signature.key_id != _key_id(key):
        raise refuse(
            "SignatureInvalid",
            f"The artifact is signed with key {signature.key_id}, not with {_key_id(key)}.",
            "Set the public key that belongs to the signing key, or sign the artifact again.",
        )
    try:
        key.verify(base64.b64decode(signature.signature, validate=True), manifest)
    except (InvalidSignature, binascii.Error):
        raise refuse(
            "SignatureInvalid",
            "The signature is not one of this manifest.",
            "Sign the artifact again where it is built; until then trust nothing in it.",
        ) from None
    return signature.key_id


def _parse_signature(data: bytes) -> Signature:
    try:
        return Signature.model_validate_json(data, strict=True)
    except ValidationError as error:
        raise refuse(
            "SignatureInvalid",
            f"SIGNATURE is not a signature file: {error.error_count()} fault(s), first: "
            f"{error.errors(include_input=False)[0]['msg']}.",
        ) from None


def _load_public(pem: bytes) -> Ed25519PublicKey:
    try:
        key = serialization.load_pem_public_key(pem)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise refuse(
            "KeyInvalid", f"The public key cannot be read: {error}.", _KEY_ACTION
        ) from None
    if not isinstance(key, Ed25519PublicKey):
        raise refuse("KeyInvalid", "The public key is not an Ed25519 key.", _KEY_ACTION)
    return key


def _public_pem(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _key_id(key: Ed25519PublicKey) -> str:
    """Name a key by the digest of its DER form, which has one spelling where PEM has many."""
    return digest_bytes(
        key.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
