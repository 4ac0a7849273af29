"""``sentinel up``: decide on this machine, from the same manifests that a cluster takes."""

from __future__ import annotations

import ipaddress
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from sentinel_bentos.build import Bento, find_or_build
from sentinel_bentos.manifests import StateFolders, project
from sentinel_bentos.process import Addresses, ServeProcess
from sentinel_bentos.supervise import follow_manifests, wait_until_ready
from sentinel_core.cli.release import ManifestOption, PipelineOption
from sentinel_core.errors import ConfigurationError
from sentinel_core.release import Compiled, compile_here

DEFAULT_STATE = Path(".sentinel")


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def up(
    manifest: ManifestOption,
    *,
    pipeline: PipelineOption = None,
    state: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", file_okay=False,
            help="Where record, artifacts and releases are kept; default .sentinel/PIPELINE.",
        ),
    ] = None,
    history: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", exists=True,
            help="Events and labels from before, which fill the entity logs.",
        ),
    ] = None,
    api_keys: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", exists=True, dir_okay=False,
            help="Digests of API keys; needed unless the host is this machine alone.",
        ),
    ] = None,
    host: Annotated[
        str,
        typer.Option(metavar="ADDRESS", callback=_address, help="Address to listen on."),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the API.")] = 3000,
    grpc_port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port of the same over gRPC.")
    ] = 3001,
    admin_port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port of probes, metrics and /served.")
    ] = 3002,
) -> None:  # fmt: skip
    """Serve a pipeline on this machine until Ctrl-C, and follow changes of its manifests.

    A change that is not valid is told with file:line:column, and the server keeps what it has.

    Exit codes: 0 stopped, 1 refused or the server ended by itself, 2 wrong usage, 75 try again.

    Example: sentinel up -f manifests/samples/logins

    Example: sentinel up -f payments --history history.parquet --port 8080
    """
    stopping = _stop_on_signals()
    addresses = Addresses(host, port, admin_port)
    compile_again = _compiler(manifest, pipeline)
    compiled = compile_again()
    folders = StateFolders((state or DEFAULT_STATE / compiled.release.pipeline).absolute())
    for one in (port, grpc_port, admin_port):
        _require_free(host, one)
    project(compiled, manifest, folders)
    typer.echo(f"Compiled {compiled.release.pipeline}: release {compiled.release.digest}")
    console = Console()
    bento = _find_bento(console, folders)
    settings = _settings(folders, addresses, grpc_port, history, api_keys)
    server = ServeProcess(bento, folders.bentoml_home, addresses, settings, folders.log)
    try:
        with console.status("Starting the server"):
            wait_until_ready(server, addresses, stopping)
        if not stopping.is_set():
            _greet(addresses, grpc_port, folders)
            recompile = _recompile(compile_again, manifest, folders)
            follow_manifests(server, addresses, manifest, recompile, stopping)
    finally:
        server.stop()
    typer.echo("Stopped.")


def _find_bento(console: Console, folders: StateFolders) -> Bento:
    with console.status("Building the Bento (about ten seconds, once)"):
        bento, built = find_or_build(folders.bentoml_home)
    typer.echo(f"{'Built' if built else 'Found'} the Bento {bento.tag}")
    return bento


def _stop_on_signals() -> threading.Event:
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    return stopping


def _require_free(host: str, port: int) -> None:
    """Refuse a port on which a program listens.

    The server itself would not notice another Sentinel there: both share the port by design, and
    the kernel would deal out requests between the two.
    """
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConfigurationError(
                f"The port {port} of {host} cannot be opened: {error.strerror}.",
                user_action="Stop the program that uses it, or give other ports: see --help.",
            ) from error


def _settings(
    folders: StateFolders,
    addresses: Addresses,
    grpc_port: int,
    history: Path | None,
    api_keys: Path | None,
) -> dict[str, str]:
    settings = {
        "SENTINEL_RELEASE_DIR": str(folders.releases),
        "SENTINEL_STATE_DIR": str(folders.state),
        "SENTINEL_HOST": addresses.host,
        "SENTINEL_HTTP_PORT": str(addresses.port),
        "SENTINEL_GRPC_PORT": str(grpc_port),
    }
    if history is not None:
        settings["SENTINEL_HISTORY"] = str(history.absolute())
    if api_keys is not None:
        settings["SENTINEL_API_KEYS_FILE"] = str(api_keys.absolute())
    return settings


def _compiler(manifest: Path, pipeline: str | None) -> Callable[[], Compiled]:
    """Return what compiles the manifests and says once what of them has no effect here."""
    said: set[str] = set()

    def compile_again() -> Compiled:
        here = compile_here(manifest, pipeline)
        for line in here.passed_over:
            if line not in said:
                typer.echo(line)
        said.update(here.passed_over)
        return here.compiled

    return compile_again


def _recompile(
    compile_again: Callable[[], Compiled], manifest: Path, folders: StateFolders
) -> Callable[[], str]:
    def recompile() -> str:
        compiled = compile_again()
        project(compiled, manifest, folders)
        return compiled.release.digest

    return recompile


def _greet(addresses: Addresses, grpc_port: int, folders: StateFolders) -> None:
    typer.echo(f"Ready. Score:  POST {addresses.url}/api/v1/score")
    typer.echo(f"       gRPC:   sentinel.v1.DecisionService on port {grpc_port}")
    typer.echo(f"       Try it: {addresses.url}/docs")
    typer.echo(
        f"       Serves: {addresses.admin_url}/served   Metrics: {addresses.admin_url}/metrics"
    )
    typer.echo(f"       Log:    {folders.log}")
    typer.echo("Ctrl-C stops it.")
