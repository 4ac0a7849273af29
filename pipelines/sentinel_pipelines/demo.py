"""The main job on one machine, step by step, as a newcomer sees it.

It calls the same functions and the same commands that the steps name, and prints what it did; nothing
is prepared for it.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
import typer
from rich.console import Console

from sentinel_core.artifacts.read import read_artifact
from sentinel_core.cli.progress import progress_bar
from sentinel_core.cli.score import render
from sentinel_core.clock import to_us
from sentinel_core.engine.history import write_history
from sentinel_core.errors import NotReadyError
from sentinel_pipelines.cli import print_figures
from sentinel_pipelines.flows.card_fraud import Trained, train_card_fraud
from sentinel_pipelines.handbook.cache import default_cache_dir
from sentinel_pipelines.handbook.protocol import TEST_FOLDS
from sentinel_pipelines.tasks.proposal import Proposal, find_model, propose

NOW = datetime(2018, 8, 29, 12, tzinfo=UTC)
"""Where history and labels end: in the first test week of the served model."""
PAYMENTS = 500
RETRIES = 6
"""Attempts at a call that is answered 503, over some three seconds."""
READY_SECONDS = 120
"""Longest wait for the server: ten times what building and loading take on two cores."""

_KINDS = {
    0: "a legitimate payment",
    1: "fraud: an amount over 220",
    2: "fraud: a compromised terminal",
    3: "fraud: stolen card data",
}
"""What the stream's own column says of a payment; nobody but the demo reads it."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running ``sentinel up``."""

    process: subprocess.Popen[str]
    url: str
    admin_url: str


class Ports(NamedTuple):
    """Where the server is to listen."""

    http: int
    grpc: int
    admin: int


def run_demo(folder: Path, sample: Path, ports: Ports, *, stay: bool) -> None:
    """Run every step, then stay up until Ctrl-C unless told not to.

    Raises
    ------
    NotReadyError
        The decision server did not come up. Retryable: yes.
    """
    started = time.perf_counter()
    console = Console()
    folder.mkdir(parents=True, exist_ok=True)

    console.rule("1-2  Make the stream, train, evaluate, export, report")
    manifests = _copy(sample, folder)
    trained = _train(manifests, folder)
    print_figures(trained.results)
    console.print(f"Report: {trained.report}")

    console.rule("3  Serve the pipeline from its manifest, with history")
    digest = read_artifact(trained.artifact).digest
    proposal = Proposal(trained.artifact.resolve().as_uri(), digest)
    propose(find_model(manifests, None), proposal)
    history = _history(trained, folder)
    with _serve(manifests, folder, history, ports) as server:
        console.rule(f"4  Decide the next {PAYMENTS} payments over HTTP")
        answers = _decide(trained, server, console)
        console.rule("5  Recompute every decision from the record")
        _replay(server, answers, console)
        console.rule()
        _say_what_next(server, folder, console)
        console.print(f"All this took {time.perf_counter() - started:.0f} s.")
        if stay:
            _wait(console)


def _copy(sample: Path, folder: Path) -> Path:
    """Copy the sample: a model is proposed in one's own manifests, not in the project's."""
    manifests = folder / "manifests"
    shutil.rmtree(manifests, ignore_errors=True)
    shutil.copytree(sample, manifests)
    return manifests


def _train(manifests: Path, folder: Path) -> Trained:
    with progress_bar("Payments of customers") as stream, progress_bar("Features") as features:
        return train_card_fraud(
            manifests,
            default_cache_dir(),
            folder / "report.html",
            start=TEST_FOLDS[0].start,
            count=len(TEST_FOLDS),
            progress={"stream": stream, "features": features},
        )


def _history(trained: Trained, folder: Path) -> Path:
    study = trained.study
    target = folder / "history"
    shutil.rmtree(target, ignore_errors=True)
    return write_history(
        target, study.events(), study.labels(), study.selections, until_us=to_us(NOW)
    )


@contextlib.contextmanager
def _serve(manifests: Path, folder: Path, history: Path, ports: Ports) -> Iterator[Server]:
    """Run ``sentinel up`` on a record of its own, and stop it at the end."""
    state = folder / "state"
    for stale in ("record.db", "record.db-wal", "record.db-shm"):
        (state / stale).unlink(missing_ok=True)
    command = [
        sys.executable, "-m", "sentinel_core.cli", "up",
        "-f", str(manifests), "--state", str(state), "--history", str(history),
        "--port", str(ports.http), "--grpc-port", str(ports.grpc), "--admin-port", str(ports.admin),
    ]  # fmt: skip
    typer.echo(" ".join(["$ sentinel", *command[3:]]))
    # A group of its own, so that Ctrl-C reaches the demo first and the server is stopped in order.
    process = subprocess.Popen(command, text=True, start_new_session=True)  # noqa: S603 - our own command
    server = Server(process, f"http://127.0.0.1:{ports.http}", f"http://127.0.0.1:{ports.admin}")
    try:
        _await_ready(server)
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _await_ready(server: Server) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and server.process.poll() is None:
        with contextlib.suppress(OSError):
            _send("GET", f"{server.url}/ready", None)
            return
        time.sleep(0.2)
    raise NotReadyError(
        "The decision server did not come up.", user_action="Read its messages above."
    )


def _decide(trained: Trained, server: Server, console: Console) -> dict[str, dict[str, Any]]:
    """Post the next payments one by one; show a legitimate one and a fraud of each kind."""
    events = trained.study.events()
    first = int((events.occurred_at_us < to_us(NOW)).sum())
    kinds = pq.read_table(trained.study.files.raw, columns=["TX_FRAUD_SCENARIO"])
    scenario = kinds["TX_FRAUD_SCENARIO"].slice(first, PAYMENTS).to_pylist()
    answers: dict[str, dict[str, Any]] = {}
    shown: set[int] = set()
    with progress_bar("Payments") as advance:
        for number, event in enumerate(events.events("default", first, first + PAYMENTS)):
            url = f"{server.url}/api/v1/score?explain={str(scenario[number] not in shown).lower()}"
            answer = _call("POST", url, event.body)
            answers[event.id] = answer
            advance(number + 1, PAYMENTS)
            if scenario[number] not in shown:
                shown.add(scenario[number])
                card, terminal = event.entities["card"], event.entities["terminal"]
                fields = event.fields
                console.print(
                    f"\n[bold]{_KINDS[scenario[number]]}[/bold]: {fields['amount']:.2f} EUR, "
                    f"card {card} at terminal {terminal}"
                )
                console.print(render(answer), markup=False, highlight=False)
    counts = {
        outcome: sum(a["outcome"] == outcome for a in answers.values())
        for outcome in ("approve", "review", "block")
    }
    console.print(f"\n{PAYMENTS} decisions: " + ", ".join(f"{n} {o}" for o, n in counts.items()))
    return answers


def _replay(server: Server, answers: dict[str, dict[str, Any]], console: Console) -> None:
    equal = 0
    with progress_bar("Replay") as advance:
        for number, answer in enumerate(answers.values()):
            replay = _call("POST", f"{server.url}/api/v1/decisions/{answer['id']}/replay", {})
            equal += replay["equal"] and replay["proved"] == "bits"
            advance(number + 1, len(answers))
    console.print(f"{equal} of {len(answers)} decisions came out equal, to the bit.")


def _say_what_next(server: Server, folder: Path, console: Console) -> None:
    console.print(
        f"""API pages: {server.url}/docs and {server.url}/redoc
What is served: {server.admin_url}/served
Try next, while this is up:
  edit a rule in {folder}/manifests/rules.yaml and watch it being taken up without a restart
  .venv/bin/sentinel replay --all --state {folder}/state
  .venv/bin/sentinel evaluate handbook --start 2018-07-11 --folds 4
  open {folder}/report.html""",
        highlight=False,
    )


def _wait(console: Console) -> None:
    console.print("Up until Ctrl-C.")
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    stopping.wait()


def _call(method: str, url: str, body: Any = None) -> dict[str, Any]:
    """Call the server, and again where it says that a retry helps, as any client should."""
    for attempt in range(RETRIES):
        try:
            return _send(method, url, body)
        except urllib.error.HTTPError as error:
            if error.code != HTTPStatus.SERVICE_UNAVAILABLE or attempt == RETRIES - 1:
                raise
            time.sleep(0.1 * 2**attempt)
    raise AssertionError  # the last attempt returned or raised


def _send(method: str, url: str, body: Any) -> dict[str, Any]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(  # noqa: S310 - loopback
        url, data, {"Content-Type": "application/json"}, method=method
    )
    with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310  # nosec B310 - loopback
        answer: dict[str, Any] = json.load(response)
    return answer
