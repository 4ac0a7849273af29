"""Bring a tar from a store to this machine, and read it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from sentinel_core.artifacts.contents import Limits, read_contents, too_large
from sentinel_core.artifacts.stores.answers import OK, refused_by
from sentinel_core.artifacts.stores.budget import Budget, Deadline, within
from sentinel_core.artifacts.stores.exchange import Request, exchange


def download(
    make_request: Callable[[], Request], limits: Limits, budget: Budget, scratch: Path | None
) -> dict[str, bytes]:
    """Stream a tar into a file, and take the files out of it; the file is gone afterwards.

    Parameters
    ----------
    make_request : callable
        Called for each attempt, since a signature holds for minutes only.
    scratch : Path or None
        The folder for the file; None takes that of the system.

    Raises
    ------
    ArtifactError
        As `ArtifactStore.read` has it.
    """
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=scratch) as folder:
        tar = Path(folder) / "artifact.tar"

        def attempt(deadline: Deadline) -> None:
            _stream(make_request(), tar, limits, budget, deadline)

        within(budget, attempt)
        return read_contents(tar, limits)


def _stream(
    request: Request, path: Path, limits: Limits, budget: Budget, deadline: Deadline
) -> None:
    with exchange(request, budget, deadline) as answer:
        if answer.status != OK:
            raise refused_by(answer, request.shown)
        if (answer.announced_bytes or 0) > limits.max_tar_bytes:
            raise too_large(request.shown, limits.max_total_bytes)
        received_bytes = 0
        with path.open("wb") as file:
            for chunk in answer.chunks():
                received_bytes += len(chunk)
                if received_bytes > limits.max_tar_bytes:
                    raise too_large(request.shown, limits.max_total_bytes)
                file.write(chunk)
