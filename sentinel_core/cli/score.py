"""``sentinel score``: send events to a decision server and show its answers."""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from sentinel_core.cli.main import EXIT_REFUSED
from sentinel_core.errors import InvalidRequestError, NotReadyError, Problem

LEAST_POINTS_SHOWN = 0.1
"""Reasons below it are counted on one line; --json shows them all."""
_TIMEOUT_SECONDS = 10
"""Longer than the longest budget that a pipeline may set."""


def score(
    events: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", allow_dash=True, help="An event as JSON, or NDJSON; - reads stdin."
        ),
    ],
    url: Annotated[
        str, typer.Option(help="Where the decision server listens.")
    ] = "http://127.0.0.1:3000",
    api_key_file: Annotated[
        Path | None,
        typer.Option("--api-key-file", exists=True, dir_okay=False, help="File with the API key."),
    ] = None,
    explain: Annotated[bool, typer.Option(help="Ask for contributions in every answer.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print answers as NDJSON.")] = False,
) -> None:
    """Send events for a decision and print score, level, outcome and reasons.

    Exit code 1 when an event was refused.

    Example: sentinel score payment.json

    Example: sentinel score --explain --json - < payments.ndjson
    """
    key = api_key_file.read_text().strip() if api_key_file else None
    refused = False
    for event in _events(events):
        answer, status = _post(f"{url}/api/v1/score?explain={str(explain).lower()}", event, key)
        refused |= status >= 400
        typer.echo(json.dumps(answer) if as_json else render(answer))
    if refused:
        raise typer.Exit(EXIT_REFUSED)


def render(answer: dict[str, Any]) -> str:
    """Write an answer, or a problem, as a person reads it."""
    if "outcome" not in answer:
        faults = [f"  {e['location']}: {e['message']}" for e in answer.get("errors", [])]
        return "\n".join([f"refused: {answer.get('detail', answer.get('title'))}", *faults])
    shown = "none" if answer["score"] is None else f"{answer['score']:.1f}"
    lines = [f"{answer['event_id']}: {answer['outcome']}, score {shown}, {answer['level']}"]
    shown_reasons = [r for r in answer["reasons"] if abs(r["points"]) >= LEAST_POINTS_SHOWN]
    lines += [f"  {r['points']:6.1f}  {r['text']}" for r in shown_reasons]
    rest = len(answer["reasons"]) - len(shown_reasons)
    if rest:
        lines.append(f"          ({rest} more, of less than {LEAST_POINTS_SHOWN} points each)")
    return "\n".join(lines)


def _events(path: Path) -> Iterator[Any]:
    data = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    lines = [(number, line) for number, line in enumerate(data.split(b"\n"), 1) if line.strip()]
    if not lines:
        raise _unreadable(f"{path}", "holds no event", "write one JSON object per line")
    try:
        yield json.loads(data)
    except ValueError:  # not JSON as a whole, or not UTF-8
        for number, line in lines:
            try:
                yield json.loads(line)
            except ValueError as error:
                hint = "write one JSON object per line"
                raise _unreadable(f"{path}:{number}", str(error), hint) from error


def _unreadable(place: str, message: str, hint: str) -> InvalidRequestError:
    return InvalidRequestError(
        "The file is neither JSON nor NDJSON.",
        (Problem(place, message, hint),),
        user_action="Correct the file.",
    )


def _post(url: str, event: Any, key: str | None) -> tuple[dict[str, Any], int]:
    headers = {"Content-Type": "application/json"} | ({"X-API-Key": key} if key else {})
    if not url.startswith(("http://", "https://")):
        raise typer.BadParameter("--url starts with http:// or https://")
    request = urllib.request.Request(url, json.dumps(event).encode(), headers)  # noqa: S310 - checked
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as response:  # noqa: S310  # nosec B310 - checked
            return _answer(response.read(), url), response.status
    except urllib.error.HTTPError as error:
        return _answer(error.read(), url), error.code
    except OSError as error:  # URLError is one, and so is a timeout while the answer is read
        raise NotReadyError(
            f"No decision server answers at {url}: {getattr(error, 'reason', error)}.",
            user_action="Start one with sentinel up -f DIR.",
        ) from error


def _answer(data: bytes, url: str) -> dict[str, Any]:
    try:
        answer = json.loads(data)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise NotReadyError(
            f"What answers at {url} is no decision server.",
            user_action="Give the address of one with --url.",
        )
    return answer
