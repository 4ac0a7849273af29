"""How a decision server is given its releases: a folder that changes all at once.

In a cluster the folder is a mounted ConfigMap, on a laptop ``sentinel up`` writes it. Either way it
has the form that the kubelet gives a volume: files stand in a folder of their own, ``..data`` is a
symbolic link to it, and a change is a new folder and one rename of the link. A reader that follows
the link once sees one state, never half of two.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from sentinel_core.errors import NotReadyError, ReleaseError
from sentinel_core.ids import canonical_json, digest_bytes
from sentinel_core.release.document import Release, read_release

STABLE_FILE = "stable.json"
CANDIDATE_FILE = "candidate.json"
SPLIT_FILE = "split.json"
FILES = (STABLE_FILE, CANDIDATE_FILE, SPLIT_FILE)
LIST_FILE = re.compile(r"list-([0-9a-f]{64})\.json")
"""Name of a file with the rows of a list: the digest is in the name. Beside the releases and not in a
folder, since a ConfigMap has none."""
MAX_CONFIG_MAP_BYTES = 1024 * 1024
"""All values of a ConfigMap together; the API server refuses more (Kubernetes, MaxSecretSize)."""

_LINK = "..data"
_READ_ATTEMPTS = 1000
"""Reads take microseconds and swaps seconds; so many swaps in a row are a writer gone wrong."""


class _Split(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    percent: float = Field(ge=0, le=100)


@dataclass(frozen=True, slots=True)
class Projection:
    """What a decision server is to serve.

    Attributes
    ----------
    candidate : None where there is none, or where it could not be read
    candidate_error : why the candidate could not be read; the stable release is served all the same
    percent : share of the traffic that the candidate gets, in [0, 100]
    blobs : what lies beside the releases as the rows of lists, by digest; see `rows_of`
    """

    stable: Release
    candidate: Release | None
    candidate_error: ReleaseError | None
    percent: float
    blobs: Mapping[str, bytes]


def projection_files(
    stable: Release,
    candidate: Release | None = None,
    percent: float = 0.0,
    blobs: Mapping[str, bytes] | None = None,
) -> dict[str, bytes]:
    """Return the files that hold two releases, the rows of their lists and the split, by name.

    They are also the keys of the ConfigMap that a cluster projects. Parameters are those of
    `write_projection`.
    """
    files = {STABLE_FILE: stable.canonical, SPLIT_FILE: canonical_json({"percent": percent})}
    if candidate is not None:
        files[CANDIDATE_FILE] = candidate.canonical
    return files | {list_file(digest): data for digest, data in (blobs or {}).items()}


def list_file(digest: str) -> str:
    """Return the name of the file that holds the rows of a list."""
    return f"list-{digest.removeprefix('sha256:')}.json"


def config_map_data(files: Mapping[str, bytes]) -> dict[str, str]:
    """Return the files of a projection as the data of a ConfigMap.

    Raises
    ------
    ReleaseError
        ``ProjectionTooLarge``: a ConfigMap does not hold them. Retryable: no.
    """
    size_bytes = sum(map(len, files.values()))
    if size_bytes > MAX_CONFIG_MAP_BYTES:
        rows_bytes = sum(len(data) for name, data in files.items() if LIST_FILE.fullmatch(name))
        raise ReleaseError(
            "ProjectionTooLarge",
            f"Releases and lists together have {size_bytes} bytes, {rows_bytes} of them rows of "
            f"lists, and a ConfigMap holds {MAX_CONFIG_MAP_BYTES}.",
            user_action="Shorten the lists: drop entries that have expired, or give what many of "
            "them share a rule.",
        )
    return {name: data.decode() for name, data in files.items()}


def write_projection(
    directory: Path,
    stable: Release,
    candidate: Release | None = None,
    percent: float = 0.0,
    blobs: Mapping[str, bytes] | None = None,
) -> None:
    """Give the servers that read a folder their releases, in one step.

    One process at a time may write a folder; any number may read it.

    Parameters
    ----------
    directory : Path
        Made where it does not exist.
    percent : float
        Share of the traffic that the candidate gets, in [0, 100].
    blobs : mapping
        Rows of the lists that the two releases name, by digest.

    Raises
    ------
    OSError
        The disk refused. The folder still holds what it held before. Retryable: once the disk takes
        writes again.
    """
    directory.mkdir(parents=True, exist_ok=True)
    files = projection_files(stable, candidate, percent, blobs)
    # Two leading dots, as the kubelet has it: no name of a file begins so.
    folder = Path(tempfile.mkdtemp(prefix="..", dir=directory))
    folder.chmod(0o755)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    _link(directory / _LINK, folder.name)
    for name in files:
        _link(directory / name, f"{_LINK}/{name}")
    _remove_others(directory, folder, files)


def read_projection(directory: Path) -> Projection:
    """Read what a decision server is to serve.

    Raises
    ------
    NotReadyError
        The folder holds no stable release yet. Retryable: yes.
    ReleaseError
        The stable release or the split is unreadable. Retryable: no.
    """
    for _ in range(_READ_ATTEMPTS):
        files = _read_files(directory)
        if files is not None:
            return _parse_files(files, directory)
    raise NotReadyError(
        f"The releases in {directory} change faster than they can be read.",
        user_action="Stop all but one of the processes that write there.",
    )


def rows_of(blobs: Mapping[str, bytes], digest: str) -> bytes:
    """Return the rows of a list from what was read with its release.

    Raises
    ------
    ReleaseError
        ``ListMissing``: there are none of this digest; ``ListDamaged``: they are not what the digest
        names. Retryable: no.
    """
    data = blobs.get(digest)
    if data is None:
        raise ReleaseError(
            "ListMissing",
            f"The rows of the list {digest} do not lie beside the release.",
            user_action="Start the server from its manifest again, which writes them.",
        )
    if digest_bytes(data) != digest:
        raise ReleaseError(
            "ListDamaged",
            f"The file of the list {digest} holds something else.",
            user_action="Remove the file and start the server from its manifest again.",
        )
    return data


def _read_files(directory: Path) -> dict[str, bytes] | None:
    """Return the files of one state, or None where the state changed during the read."""
    target = _target(directory)
    files = {}
    try:
        for path in (directory / target).iterdir():
            if path.name in FILES or LIST_FILE.fullmatch(path.name):
                files[path.name] = path.read_bytes()
    except FileNotFoundError:
        pass  # the folder is being removed: the link tells
    # Folders are removed only after the link has left them, so an unmoved link means a whole state.
    return files if _target(directory) == target else None


def _target(directory: Path) -> str:
    try:
        return str((directory / _LINK).readlink())
    except FileNotFoundError as error:
        raise _not_ready(directory) from error


def _parse_files(files: dict[str, bytes], directory: Path) -> Projection:
    if STABLE_FILE not in files:
        raise _not_ready(directory)
    candidate, candidate_error = None, None
    if CANDIDATE_FILE in files:
        try:
            candidate = read_release(files[CANDIDATE_FILE])
        except ReleaseError as error:
            candidate_error = error
    return Projection(
        stable=read_release(files[STABLE_FILE]),
        candidate=candidate,
        candidate_error=candidate_error,
        percent=_percent(files.get(SPLIT_FILE)),
        blobs=_blobs(files),
    )


def _blobs(files: Mapping[str, bytes]) -> dict[str, bytes]:
    named = ((LIST_FILE.fullmatch(name), data) for name, data in files.items())
    return {f"sha256:{found[1]}": data for found, data in named if found}


def _percent(data: bytes | None) -> float:
    if data is None:
        return 0.0
    try:
        return _Split.model_validate(json.loads(data)).percent
    except ValueError as error:  # not JSON, or pydantic's ValidationError, which is a ValueError
        raise ReleaseError(
            "SplitUnreadable",
            f"{SPLIT_FILE} is not a share of the traffic.",
            user_action='Write {"percent": 0} to 100 into it.',
        ) from error


def _not_ready(directory: Path) -> NotReadyError:
    return NotReadyError(
        f"There is no stable release in {directory} yet.",
        user_action="Wait for it to be written, or start with sentinel up -f FOLDER.",
    )


def _link(link: Path, target: str) -> None:
    """Point a symbolic link somewhere, by a rename, so that it is never missing."""
    if link.is_symlink() and str(link.readlink()) == target:
        return
    partial = link.with_name(f"..{link.name}_tmp")
    partial.unlink(missing_ok=True)
    partial.symlink_to(target)
    partial.replace(link)


def _remove_others(directory: Path, current: Path, names: Collection[str]) -> None:
    """Remove the folder that was current, what a writer that died has left, and links to nothing."""
    for path in directory.iterdir():
        if path.is_symlink():
            if path.name != _LINK and path.name not in names:
                path.unlink()
        elif path.name.startswith("..") and path != current:
            shutil.rmtree(path)
