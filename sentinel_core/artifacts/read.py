"""Read an artifact: every check on its bytes before anything is made of them.

An artifact is read once, into memory, and what was checked there is what is loaded: a file that
changes on disk afterwards changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sentinel_core.artifacts.contents import Limits, read_contents
from sentinel_core.artifacts.manifest import (
    MANIFEST_FILE,
    MODEL_FILE,
    SIGNATURE_FILE,
    Manifest,
    parse_manifest,
)
from sentinel_core.artifacts.refusal import refuse
from sentinel_core.artifacts.sign import verify
from sentinel_core.ids import digest_bytes

DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Artifact:
    """A checked artifact, in memory.

    Attributes
    ----------
    digest : SHA-256 of manifest.json, which names the artifact
    files : contents by path, without manifest.json and SIGNATURE
    signed_by : digest of the public key that was verified; None where no key was given
    """

    digest: str
    manifest: Manifest
    files: Mapping[str, bytes]
    signed_by: str | None

    @property
    def model(self) -> bytes:
        """The bytes of model.onnx."""
        return self.files[MODEL_FILE]


def read_artifact(
    path: Path,
    expected_digest: str | None = None,
    public_key_pem: bytes | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Artifact:
    """Read a directory or a tar and check everything that can be checked without loading it.

    In order: sizes and names, the digest, the signature (before the manifest is parsed, so that a
    forged one never reaches the parser), the manifest, and the digest of every file.

    Parameters
    ----------
    path : Path
        Directory, or uncompressed tar.
    expected_digest : str or None
        What a release names. None trusts whatever is there, which only an inspection does.
    public_key_pem : bytes or None
        When given, the signature must verify.

    Raises
    ------
    ArtifactError
        With the reason. A retry helps only for ``StoreUnreachable``.
    """
    return check_contents(read_contents(path, limits), str(path), expected_digest, public_key_pem)


def check_contents(
    contents: Mapping[str, bytes],
    where: str,
    expected_digest: str | None = None,
    public_key_pem: bytes | None = None,
) -> Artifact:
    """Check the files of an artifact that are in memory, as `read_artifact` does.

    Parameters
    ----------
    contents : Mapping
        By path, as `ArtifactStore.read` has read them.
    where : str
        Where they were read from, for messages.

    Raises
    ------
    ArtifactError
        With the reason. A retry does not help.
    """
    manifest_bytes = contents.get(MANIFEST_FILE)
    if manifest_bytes is None:
        raise refuse("NotAnArtifact", f"{where} holds no manifest.json.")
    digest = _check_digest(manifest_bytes, expected_digest)
    signed_by = None
    if public_key_pem is not None:
        signed_by = verify(manifest_bytes, contents.get(SIGNATURE_FILE), public_key_pem)
    manifest = parse_manifest(manifest_bytes)
    files = {n: d for n, d in contents.items() if n not in (MANIFEST_FILE, SIGNATURE_FILE)}
    _check_files(manifest, files)
    return Artifact(digest, manifest, files, signed_by)


def _check_digest(manifest_bytes: bytes, expected: str | None) -> str:
    digest = digest_bytes(manifest_bytes)
    if expected is not None and digest != expected:
        raise refuse(
            "DigestMismatch",
            f"The artifact is {digest}, not {expected}.",
            "Set the digest of the artifact that is meant, or fetch that artifact again.",
        )
    return digest


def _check_files(manifest: Manifest, contents: Mapping[str, bytes]) -> None:
    """Hold the files against the manifest: none more, none fewer, none other."""
    unlisted = sorted(contents.keys() - manifest.files.keys())
    if unlisted:
        raise refuse("UnlistedFile", f"The manifest does not list {', '.join(unlisted[:5])}.")
    for path, entry in manifest.files.items():
        data = contents.get(path)
        if data is None:
            raise refuse("MissingFile", f"{path} is listed in the manifest but is not there.")
        if len(data) != entry.size_bytes:
            raise refuse(
                "Truncated" if len(data) < entry.size_bytes else "DigestMismatch",
                f"{path} has {len(data)} bytes; the manifest says {entry.size_bytes}.",
            )
        if digest_bytes(data) != f"sha256:{entry.sha256}":
            raise refuse("DigestMismatch", f"{path} is not the file that the manifest names.")
