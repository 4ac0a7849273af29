"""The lock file that says which process writes a record."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from sentinel_core.errors import ConfigurationError, StoreLockedError

if TYPE_CHECKING:
    from pathlib import Path


class WriteLock:
    """Held from opening a record for writing until it is closed.

    The kernel gives the lock back when the process ends, however it ends. The file stays, since
    taking it away would let two processes lock two files of the same name. Assumes a local disk:
    network file systems do not all honour ``flock``.

    Raises
    ------
    StoreLockedError
        Another process holds it; the message names it. Retryable: once that process has ended.
    ConfigurationError
        The file cannot be made here. Retryable: no.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o640)
        except OSError as error:
            raise ConfigurationError(
                f"The lock file {path} cannot be opened: {error.strerror}.",
                user_action="Name a record in a folder that exists and that this user may write.",
            ) from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(self._descriptor, 32).decode().strip() or "unknown"
            os.close(self._descriptor)
            raise StoreLockedError(
                f"Process {holder} writes this record; its lock file is {path}.",
                user_action="Stop that process, or open the record read-only.",
            ) from error
        os.truncate(self._descriptor, 0)
        os.write(self._descriptor, f"{os.getpid()}\n".encode())

    def release(self) -> None:
        """Let another process write."""
        os.close(self._descriptor)
