"""The file of API keys, taken up again whenever it changes: a rotated Secret needs no restart."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from sentinel_bentos.decision.auth import Caller, KeyedCallers, LocalCallers, load_keys
from sentinel_bentos.decision.settings import Settings
from sentinel_core.errors import ConfigurationError, SentinelError

POLL_SECONDS = 1.0
"""A change is seen this late at most. The kubelet brings one after a minute or so."""

_State = tuple[int, int, int]
_UNREAD: _State = (-1, -1, -1)

_log = logging.getLogger("sentinel.keys")


class KeyFile:
    """Callers whose keys stand in a file, as it is now.

    While there is no file nobody is let in, and a file that cannot be read leaves those in whose keys
    were read before: a slip in a Secret must not lock everybody out, and a missing one must not let
    anybody in.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: _State | None = _UNREAD
        self._callers = KeyedCallers(())
        self.read_again()

    def identify(self, headers: Mapping[str, str]) -> Caller:
        """Return the caller whose key the request carries. Raises as `Callers` says."""
        return self._callers.identify(headers)

    async def follow(self) -> NoReturn:
        """Take up every change of the file, until cancelled."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            # On a thread: reading a thousand keys takes a good part of a second.
            await asyncio.to_thread(self.read_again)

    def read_again(self) -> None:
        """Take up the file, if it is another one than before."""
        state = _state_of(self._path)
        if state == self._seen:
            return
        self._seen = state
        if state is None:
            self._callers = KeyedCallers(())
            _log.warning("There is no key file %s: nobody is let in.", self._path)
            return
        try:
            self._callers = load_keys(self._path)
        except SentinelError as error:
            kept = ", ".join(self._callers.names) or "none"
            _log.warning("The key file is not taken up; the keys stay (%s). %s", kept, error)
        else:
            _log.info("The keys are now %s.", ", ".join(self._callers.names))


def load_callers(settings: Settings) -> KeyFile | LocalCallers:
    """Return who may call, from the key file or, on loopback without one, everybody.

    Open to the network, a server starts without its key file and lets nobody in: the Secret may come
    later. On this machine a wrong name of the file is told at once.

    Raises
    ------
    ConfigurationError
        The server would be open to the network without keys; on loopback the file cannot be read.
        Retryable: no.
    InvalidDocumentError
        On loopback the file is no key file. Retryable: no.
    """
    if settings.api_keys_file is not None:
        if settings.on_loopback:
            load_keys(settings.api_keys_file)
        return KeyFile(settings.api_keys_file)
    if settings.on_loopback:
        return LocalCallers()
    raise ConfigurationError(
        f"A server on {settings.host} is open to the network and has no API keys.",
        user_action="Give it a key file (SENTINEL_API_KEYS_FILE), or let it listen on 127.0.0.1.",
    )


def _state_of(path: Path) -> _State | None:
    """Return what changes with a file, also where a link to it moves; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
