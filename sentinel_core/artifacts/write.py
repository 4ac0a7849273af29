"""Write an artifact: a folder that appears whole or not at all."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from sentinel_core.artifacts.arrays import array_to_bytes
from sentinel_core.artifacts.folder import write_folder
from sentinel_core.artifacts.manifest import (
    CARD_FILE,
    MANIFEST_FILE,
    MODEL_FILE,
    PROBE_FILE,
    SIGNATURE_FILE,
    FileEntry,
    Manifest,
    ManifestFields,
)
from sentinel_core.artifacts.probe import Probe
from sentinel_core.artifacts.sign import sign
from sentinel_core.artifacts.trees import EXPLAINER_FOLDER, TreeEnsemble
from sentinel_core.errors import ConfigurationError
from sentinel_core.ids import digest_bytes


def write_artifact(  # noqa: PLR0913 - by keyword only, one for each file
    directory: Path,
    *,
    model: bytes,
    fields: ManifestFields,
    probe: Probe,
    card: str,
    explainer: TreeEnsemble | None = None,
    private_key_pem: bytes | None = None,
) -> str:
    """Write the files, the manifest that names them, and its signature.

    Parameters
    ----------
    directory : Path
        Where the artifact will be; it must not exist.
    model : bytes
        ONNX, as `onnx_check.check_model` takes it.
    card : str
        The model card, Markdown.
    explainer : TreeEnsemble or None
        The trees that the graph serves; None for a model that has none.
    private_key_pem : bytes or None
        Ed25519; without it the artifact is not signed.

    Returns
    -------
    str
        The artifact's digest: that of manifest.json.

    Raises
    ------
    ConfigurationError
        The directory exists: an artifact is never changed, since a release names its content.
    ArtifactError
        ``KeyInvalid``.
    """
    files = {
        MODEL_FILE: model,
        PROBE_FILE: probe.to_bytes(),
        CARD_FILE: card.encode(),
        **_explainer_files(explainer),
    }
    manifest = build_manifest(fields, files).to_bytes()
    files[MANIFEST_FILE] = manifest
    if private_key_pem is not None:
        files[SIGNATURE_FILE] = sign(manifest, private_key_pem)
    try:
        write_folder(directory, files)
    except FileExistsError:
        raise ConfigurationError(
            f"{directory} exists already; an artifact is never changed.",
            user_action="Name a folder that does not exist, such as one with the new version.",
        ) from None
    return digest_bytes(manifest)


def build_manifest(fields: ManifestFields, files: Mapping[str, bytes]) -> Manifest:
    """Add the digests of the files to what the trainer says about the model."""
    entries = {
        path: FileEntry(sha256=digest_bytes(data).removeprefix("sha256:"), size_bytes=len(data))
        for path, data in files.items()
    }
    return Manifest(
        **{name: getattr(fields, name) for name in type(fields).model_fields}, files=entries
    )


def pack_files(files: Mapping[str, bytes]) -> bytes:
    """Pack the files of an artifact as a tar with the same bytes on every machine.

    Names are sorted; owners, times and modes are fixed (USTAR, so that no field carries more).
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in sorted(files.items()):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            member.mode = 0o644
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def _explainer_files(explainer: TreeEnsemble | None) -> dict[str, bytes]:
    if explainer is None:
        return {}
    return {
        f"{EXPLAINER_FOLDER}/{name}.npy": array_to_bytes(np.asarray(array))
        for name, array in explainer.to_arrays().items()
    }
