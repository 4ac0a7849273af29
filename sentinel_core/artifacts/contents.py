"""Take the files out of a directory or a tar, refusing all that is not a plain, small file in it."""

from __future__ import annotations

import os
import stat
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

from sentinel_core.artifacts.manifest import (
    FILE_NAME,
    MANIFEST_FILE,
    MAX_FILES,
    MAX_MANIFEST_BYTES,
    SIGNATURE_FILE,
)
from sentinel_core.artifacts.refusal import UPLOAD_AGAIN, refuse
from sentinel_core.artifacts.sign import MAX_SIGNATURE_BYTES
from sentinel_core.errors import ArtifactError

_MAX_ENTRIES = 2 * MAX_FILES
"""Files and folders of an archive; an artifact has one folder."""
_OPEN_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
"""O_NONBLOCK keeps a named pipe from holding the reader for ever."""
_EXTENSIONS = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
_MAX_EXTENSION_BYTES = 64 * 1024
"""Of one header that extends the next; names and attributes take some hundred bytes."""
_HEADER_FAULTS = (tarfile.TarError, ValueError, RecursionError)
"""What the library raises for headers that it cannot follow: ValueError for numbers that are none,
RecursionError for headers that extend headers that extend headers."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of an artifact is read before it is refused.

    The defaults are 64 times the largest model of our own benchmark (400 trees of 31 leaves with
    their explainer arrays: 2 MB). Refusing a tar of 127 MiB was measured to take 127 MiB of memory
    at its peak (from 38 to 165 MiB resident): its files, and no second copy of them.
    """

    max_file_bytes: int = 64 * 1024 * 1024
    max_total_bytes: int = 128 * 1024 * 1024

    @property
    def max_tar_bytes(self) -> int:
        """The limit for a tar: headers and padding are under 4 KiB an entry even with long names."""
        return self.max_total_bytes + 4096 * _MAX_ENTRIES

    def of(self, name: str) -> int:
        """Return the limit for one file."""
        own = {MANIFEST_FILE: MAX_MANIFEST_BYTES, SIGNATURE_FILE: MAX_SIGNATURE_BYTES}
        return min(own.get(name, self.max_file_bytes), self.max_file_bytes)


def read_contents(path: Path, limits: Limits) -> dict[str, bytes]:
    """Read every file of an artifact into memory, once.

    Raises
    ------
    ArtifactError
        ``ArtifactMissing``, ``StoreDenied``, ``StoreUnreachable`` (the disk failed; a retry may
        help), ``NotAnArtifact``, or why a file was refused.
    """
    try:
        if path.is_dir():
            return _collect(_walk_directory(path, limits), limits)
        return _collect(_walk_tar(path, limits), limits)
    except FileNotFoundError:
        raise refuse(
            "ArtifactMissing", f"There is no artifact at {path}.", "Check the artifact's URI."
        ) from None
    except PermissionError:
        raise refuse(
            "StoreDenied",
            f"{path} may not be read by this user.",
            "Give the user that serves the right to read it.",
        ) from None
    except OSError as error:
        raise refuse(
            "StoreUnreachable",
            f"{path} cannot be read: {error.strerror or error}.",
            "Check the volume, then try again.",
        ) from None


def _collect(entries: Iterator[tuple[str, bytes]], limits: Limits) -> dict[str, bytes]:
    contents: dict[str, bytes] = {}
    total_bytes = 0
    for name, data in entries:
        _check_name(name, contents)
        total_bytes += len(data)
        if total_bytes > limits.max_total_bytes:
            raise too_large("The artifact", limits.max_total_bytes)
        if len(contents) >= MAX_FILES + 2:
            raise refuse("ArtifactTooLarge", f"There are more than {MAX_FILES} files.")
        contents[name] = data
    return contents


def _check_name(name: str, contents: Mapping[str, bytes]) -> None:
    """Hold that the files can be written to a folder, each in its own place."""
    if not FILE_NAME.fullmatch(name):
        raise refuse("ForbiddenFile", f"{name[:128]!r} is not a name for a file of an artifact.")
    folder = name.partition("/")[0]
    taken = folder in contents or any(other.startswith(f"{name}/") for other in contents)
    if name in contents or taken:
        raise refuse("DuplicateFile", f"{name} is there twice, as a file or as a folder.")


def _walk_directory(root: Path, limits: Limits) -> Iterator[tuple[str, bytes]]:
    """Yield files of a directory and of the folders in it, never by way of a link."""
    seen = 0
    folders = [root]
    while folders:
        folder = folders.pop()
        with os.scandir(folder) as entries:
            for entry in entries:
                seen += 1
                if seen > _MAX_ENTRIES:
                    raise refuse("ArtifactTooLarge", f"There are more than {_MAX_ENTRIES} entries.")
                name = Path(entry.path).relative_to(root).as_posix()
                if entry.is_symlink():
                    raise _not_plain(name, "a link")
                if entry.is_dir(follow_symlinks=False):
                    folders.append(Path(entry.path))
                else:
                    yield name, _read_plain_file(Path(entry.path), name, limits.of(name))


def _read_plain_file(path: Path, name: str, limit_bytes: int) -> bytes:
    """Read one file by a handle that was proven to be a plain file.

    The checks are made on the open handle: a name checked first could be another file by then.
    """
    try:
        handle = os.open(path, _OPEN_FLAGS | os.O_NOFOLLOW)
    except OSError as error:
        if isinstance(error, FileNotFoundError | PermissionError):
            raise
        raise _not_plain(name, "a link or a device") from None
    data = _read_handle(handle, name, limit_bytes)
    if len(data) > limit_bytes:
        raise too_large(name, limit_bytes)
    return data


def _read_handle(handle: int, name: str, limit_bytes: int) -> bytes:
    """Read at most one byte more than the limit, and close the handle."""
    with os.fdopen(handle, "rb") as file:
        _check_plain(handle, name)
        return file.read(limit_bytes + 1)


def _check_plain(handle: int, name: str) -> os.stat_result:
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode):
        raise _not_plain(name, "a device or a pipe")
    return found


class _Header(tarfile.TarInfo):
    """A header of a tar that is refused before what extends it fills the memory."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        header = super().frombuf(buf, encoding, errors)
        if header.size < 0:  # as a length to read it would mean the whole rest
            raise tarfile.ReadError("a header has a size below 0")
        if header.type in _EXTENSIONS and header.size > _MAX_EXTENSION_BYTES:
            raise too_large("A header of the tar", _MAX_EXTENSION_BYTES)
        return header


def _walk_tar(path: Path, limits: Limits) -> Iterator[tuple[str, bytes]]:
    """Yield the files of a tar; nothing is ever unpacked to disk."""
    with os.fdopen(os.open(path, _OPEN_FLAGS), "rb") as file:
        size_bytes = _check_plain(file.fileno(), path.name).st_size
        if size_bytes > limits.max_tar_bytes:
            raise too_large(path.name, limits.max_total_bytes)
        try:
            yield from _walk_members(file, size_bytes, limits)
        except _HEADER_FAULTS as error:
            raise refuse(
                "NotAnArtifact", f"The file is not an uncompressed tar: {error}."
            ) from None


def _walk_members(file: BinaryIO, size_bytes: int, limits: Limits) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=file, mode="r:", tarinfo=_Header) as archive:
        _check_tar_end(file, size_bytes)
        for count, member in enumerate(archive):
            if count >= _MAX_ENTRIES:
                raise refuse("ArtifactTooLarge", f"There are more than {_MAX_ENTRIES} entries.")
            name = _member_name(member)
            if not member.isdir():
                yield name, _read_member(archive, member, name, limits)


def _check_tar_end(file: BinaryIO, size_bytes: int) -> None:
    """Refuse a tar without the two empty blocks at its end (POSIX.1-2001, pax).

    The library takes a cut header for the end of the archive.
    """
    file.seek(max(0, size_bytes - 2 * tarfile.BLOCKSIZE))
    if size_bytes % tarfile.BLOCKSIZE or any(file.read(2 * tarfile.BLOCKSIZE)):
        raise refuse("Truncated", "The tar breaks off before its end mark.", UPLOAD_AGAIN)


def _member_name(member: tarfile.TarInfo) -> str:
    """Return the name within the artifact, or refuse one that any system could read as elsewhere."""
    name = member.name
    parts = name.split("/")
    if name.startswith("/") or ".." in parts or "\\" in name or "\0" in name or ":" in name:
        raise refuse("PathEscape", f"{name[:128]!r} points out of the artifact.")
    return "/".join(part for part in parts if part not in ("", "."))


def _read_member(
    archive: tarfile.TarFile, member: tarfile.TarInfo, name: str, limits: Limits
) -> bytes:
    if not member.isreg() or member.issparse():
        raise _not_plain(name, "a link, a device or a sparse file")
    limit_bytes = limits.of(name)
    if member.size > limit_bytes:
        raise too_large(name, limit_bytes)
    file = archive.extractfile(member)
    assert file is not None, "a regular member always has contents"
    data = file.read()
    if len(data) != member.size:
        raise refuse(
            "Truncated", f"{name} ends after {len(data)} of {member.size} bytes.", UPLOAD_AGAIN
        )
    return data


def _not_plain(name: str, what: str) -> Exception:
    return refuse("ForbiddenFile", f"{name} is {what}; an artifact holds plain files only.")


def too_large(name: str, limit_bytes: int) -> ArtifactError:
    """Build the refusal of a file, or of a whole artifact, that is over its limit."""
    return refuse(
        "ArtifactTooLarge",
        f"{name} is over its limit of {limit_bytes} bytes.",
        "Train a smaller model; the limits guard the memory of the serving pods.",
    )
