"""Images of single programs, written without any image tool: one layer, as an OCI archive."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.setup.cache import program
from tests.setup.versions import METRICS_SERVER

PAUSE = "sentinel.local/pause:1"
BUSYBOX = "sentinel.local/busybox:1"
METRICS = f"sentinel.local/metrics-server:{METRICS_SERVER}"
USER = "65532"
_OCI = "application/vnd.oci.image"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def write_pause_image(target: Path) -> Path:
    """Write the image that holds a pod's namespaces open while its containers come and go."""
    return write_image(target, PAUSE, {"pause": program("pause")}, entrypoint=["/pause"])


def write_busybox_image(target: Path) -> Path:
    """Write an image with a shell, an HTTP server and name look-up, for tests of the cluster."""
    busybox = program("busybox")
    listed = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True)
    applets = {f"bin/{name}": "busybox" for name in listed.stdout.split() if name != "busybox"}
    return write_image(target, BUSYBOX, {"bin/busybox": busybox}, links=applets)


def write_metrics_image(target: Path) -> Path:
    """Write the image of metrics-server."""
    files = {"metrics-server": program("metrics-server")}
    return write_image(target, METRICS, files, entrypoint=["/metrics-server"])


def write_image(
    target: Path,
    name: str,
    files: Mapping[str, Path],
    *,
    entrypoint: Sequence[str] = (),
    links: Mapping[str, str] | None = None,
) -> Path:
    """Write an image whose user is nobody.

    Parameters
    ----------
    target : OCI archive to write
    files : path in the image to the program that shall be there
    entrypoint : none, where each container says its command
    links : path in the image to what it points at
    """
    layer = _layer(files, links or {})
    config = _json(
        {
            "architecture": _ARCHITECTURES[platform.machine()],
            "os": "linux",
            "config": {"Entrypoint": list(entrypoint), "Env": ["PATH=/bin"], "User": USER},
            "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
        }
    )
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": f"{_OCI}.manifest.v1+json",
            "config": _descriptor("config.v1+json", config),
            "layers": [_descriptor("layer.v1.tar", layer)],
        }
    )
    named = {"annotations": {"io.containerd.image.name": name}}
    index = {"schemaVersion": 2, "manifests": [_descriptor("manifest.v1+json", manifest) | named]}
    target.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(target, "w") as archive:
        _add(archive, "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
        _add(archive, "index.json", _json(index))
        for blob in (config, manifest, layer):
            _add(archive, f"blobs/{_digest(blob).replace(':', '/')}", blob)
    return target


def _layer(files: Mapping[str, Path], links: Mapping[str, str]) -> bytes:
    """Return a tar of programs; without times and owners, so that equal programs give equal layers."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as layer:
        for name, path in files.items():
            _add(layer, name, path.read_bytes(), mode=0o755)
        for name, destination in links.items():
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, destination
            layer.addfile(link)
    return buffer.getvalue()


def _add(archive: tarfile.TarFile, name: str, content: bytes, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    archive.addfile(entry, io.BytesIO(content))


def _descriptor(kind: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": f"{_OCI}.{kind}", "digest": _digest(content), "size": len(content)}


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document).encode()
