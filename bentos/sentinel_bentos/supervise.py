"""Staying with a server that was started: until it is ready, and while its manifests change."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import typer
import watchfiles

from sentinel_bentos.process import Addresses, ServeProcess
from sentinel_core.errors import SentinelError
from sentinel_core.resources.manifest import SUFFIXES

POLL_SECONDS = 0.2
CONFIRM_SECONDS = 30
"""Until a server that was given a release must say what became of it; loading takes up to 20 s."""
ASK_SECONDS = 5


class ServerEndedError(SentinelError):
    """The server ended, or refused to start. Retryable: no."""

    code = "server_ended"


def wait_until_ready(server: ServeProcess, addresses: Addresses, stopping: threading.Event) -> None:
    """Wait until the server decides, or until it is told to stop.

    Raises
    ------
    ServerEndedError
        It ended, or it says that it cannot serve. Retryable: no.
    """
    while not stopping.wait(POLL_SECONDS):
        _require_running(server)
        served = ask(f"{addresses.admin_url}/served") or {}
        if served.get("stable") and ask(f"{addresses.url}/ready"):
            return
        if served.get("state") == "Refused":
            raise ServerEndedError(
                f"The server cannot start ({served['reason']}): {served['message']}",
                user_action="Then start it again.",
            )


def follow_manifests(
    server: ServeProcess,
    addresses: Addresses,
    manifest: Path,
    recompile: Callable[[], str],
    stopping: threading.Event,
) -> None:
    """Give the server every valid change of its manifests, until it is told to stop.

    Parameters
    ----------
    recompile : callable
        Compiles the manifests, hands the release to the server and returns its digest; raises
        `SentinelError` where they are refused, and then has changed nothing.

    Raises
    ------
    ServerEndedError
        The server ended by itself. Retryable: no.
    """
    folder = manifest if manifest.is_dir() else manifest.parent
    watched = watchfiles.watch(
        folder,
        watch_filter=lambda _, path: path.endswith(SUFFIXES),
        stop_event=stopping,
        rust_timeout=int(POLL_SECONDS * 1000),
        yield_on_timeout=True,
        recursive=False,
        raise_interrupt=False,
    )
    for changes in watched:
        _require_running(server)
        if changes:
            _follow_change(addresses, recompile)


def ask(url: str) -> dict[str, Any] | None:
    """Return the JSON that a URL of our own server answers with, or None where it does not yet."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=ASK_SECONDS)
    try:
        connection.request("GET", parts.path)
        answer = connection.getresponse()
        if answer.status != http.client.OK:
            return None
        found: dict[str, Any] = json.loads(answer.read())
    except (OSError, http.client.HTTPException):
        return None  # not listening yet, or ending; the caller asks again
    else:
        return found
    finally:
        connection.close()


def _follow_change(addresses: Addresses, recompile: Callable[[], str]) -> None:
    before = (ask(f"{addresses.admin_url}/served") or {}).get("stable")
    try:
        digest = recompile()
    except SentinelError as error:
        typer.echo(f"{error}\nThe server keeps the release {before}.", err=True)
        return
    if digest != before:
        typer.echo(_confirm(addresses, digest))


def _confirm(addresses: Addresses, digest: str) -> str:
    """Return what became of a release that the server was given."""
    until = time.monotonic() + CONFIRM_SECONDS
    while time.monotonic() < until:
        served = ask(f"{addresses.admin_url}/served") or {}
        if served.get("stable") == digest:
            return f"Serving the release {digest}"
        if served.get("state") == "Refused":
            return f"The release {digest} is refused ({served['reason']}): {served['message']}"
        time.sleep(POLL_SECONDS)
    return f"The server does not say what became of the release {digest}; see its log."


def _require_running(server: ServeProcess) -> None:
    if server.exit_code is not None:
        lines = "\n".join(f"  {line}" for line in server.last_lines())
        raise ServerEndedError(
            f"The server ended with code {server.exit_code}. Its last lines:\n{lines}\n",
            user_action="Mend what they name and start it again.",
        )
