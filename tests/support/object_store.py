"""A real S3 store: versitygw over a folder of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest

from tests.cluster.harness.daemon import Daemon, wait_for
from tests.support.missing import need_programs
from tests.support.ports import free_port

ACCESS_KEY_ID = "CANARYKEYID7Q"
SECRET_ACCESS_KEY = "canary+secret/9Zr4w"
"""Words that appear nowhere else, so that a message which shows one is found."""
BUCKET = "models"


@dataclass(frozen=True, slots=True)
class ObjectStore:
    """A running store with one bucket."""

    port: int
    root: Path
    daemon: Daemon

    @property
    def endpoint(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def put(self, key: str, data: bytes) -> str:
        """Put an object below the store, which takes every file of its folder for one."""
        path = self.root / BUCKET / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return f"s3://{BUCKET}/{key}"

    def keys_under(self, folder: str) -> list[str]:
        """Name the objects that are there, below a folder of the bucket."""
        bucket = self.root / BUCKET
        files = (path for path in (bucket / folder).rglob("*") if path.is_file())
        return sorted(path.relative_to(bucket).as_posix() for path in files)


def write_settings(folder: Path, endpoint: str | None, /, **changes: str | None) -> Path:
    """Write a store's settings as a mounted Secret has them; None leaves a file out."""
    files = {
        "endpoint": endpoint,
        "region": "us-east-1",
        "accessKeyId": ACCESS_KEY_ID,
        "secretAccessKey": SECRET_ACCESS_KEY,
    } | {name.replace("_", "."): value for name, value in changes.items()}
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in files.items():
        if value is not None:
            (folder / name).write_text(f"{value}\n")
    return folder


@contextmanager
def running_object_store(folder: Path) -> Iterator[ObjectStore]:
    """Run a store on a free port for as long as this is open."""
    root, port = folder / "root", free_port()
    (root / BUCKET).mkdir(parents=True)
    command = ["versitygw", "--quiet", "--port", f"127.0.0.1:{port}", "--health", "/health"]
    command += ["--access", ACCESS_KEY_ID, "--secret", SECRET_ACCESS_KEY]
    # Beside the data rather than in extended attributes, which not every file system has.
    sidecar = folder / "sidecar"
    sidecar.mkdir()
    command += ["posix", "--sidecar", str(sidecar), str(root)]
    daemon = Daemon(name="versitygw", command=command, folder=folder)
    daemon.start()
    try:
        wait_for(lambda: _healthy(port), "the object store answers", of=[daemon])
        yield ObjectStore(port, root, daemon)
    finally:
        daemon.stop()


def _healthy(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


@pytest.fixture(scope="session")
def object_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    """One store for the whole session; tests keep apart by keys of their own."""
    need_programs("versitygw")
    with running_object_store(tmp_path_factory.mktemp("object-store")) as running:
        yield running
