"""A proxy before a real API server that fails calls of the operator, each as it is told to."""

from __future__ import annotations

import asyncio
import re
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import aiohttp
import yaml
from aiohttp import web

from tests.support.api_session import credentials, open_session

FaultKind = Literal["refused", "lost", "cut", "unanswered", "throttled", "conflict", "hook"]
"""``refused``, ``throttled`` and ``conflict`` answer 500, 429 and 409 in the API server's place.
``lost`` has the call done and answers 500, ``cut`` has it done and ends the connection,
``unanswered`` has it done and never answers. ``hook`` calls something first and then passes it on."""
SAID = {"refused": 500, "throttled": 429, "conflict": 409, "lost": 500}
SESSION = web.AppKey("session", aiohttp.ClientSession)
_PATH = re.compile(r"^/apis?/.*?/namespaces/(?P<namespace>[^/]+)/(?P<plural>[^/]+)(?P<name>/.+)?$")
_HOP_BY_HOP = {"transfer-encoding", "content-length", "content-encoding", "connection"}


@dataclass(slots=True)
class Script:
    """What happens to the calls of one namespace.

    Attributes
    ----------
    calls : what was called so far, such as ``PATCH deployments``
    at : index of the call that fails; None for none
    """

    calls: list[str] = field(default_factory=list)
    at: int | None = None
    kind: FaultKind = "refused"
    hook: Callable[[], None] = lambda: None


@dataclass(slots=True)
class FaultyApi:
    """Reconciling calls by namespace; lists, watches and the Lease pass untouched."""

    url: str
    context: ssl.SSLContext
    scripts: dict[str, Script] = field(default_factory=dict)

    def script(self, namespace: str) -> Script:
        """Return what happens to a namespace's calls, to be read and written."""
        return self.scripts.setdefault(namespace, Script())

    def fail(
        self,
        namespace: str,
        at: int | None,
        kind: FaultKind,
        hook: Callable[[], None] | None = None,
    ) -> None:
        """Begin to count a namespace's calls anew, and have one fail."""
        self.scripts[namespace] = Script(at=at, kind=kind, hook=hook or (lambda: None))

    async def serve(self, application: web.Application) -> None:
        async with open_session(self.context, limit=0, auto_decompress=False) as session:
            application[SESSION] = session
            yield

    async def handle(self, request: web.Request) -> web.StreamResponse:
        fault = self._fault_of(request)
        if fault is not None and fault.kind == "hook":
            await asyncio.to_thread(fault.hook)
        elif fault is not None and fault.kind not in ("lost", "cut", "unanswered"):
            return _say(SAID[fault.kind])
        body = await request.read()
        headers = {
            k: v for k, v in request.headers.items() if k.lower() not in ("host", "connection")
        }
        session = request.app[SESSION]
        async with session.request(
            request.method, self.url + request.raw_path, data=body or None, headers=headers,
            timeout=aiohttp.ClientTimeout(total=None),
        ) as answer:  # fmt: skip
            if fault is not None and fault.kind != "hook":
                await answer.read()
                return await _undo_answer(fault.kind, request)
            return await _pass_on(request, answer)

    def _fault_of(self, request: web.Request) -> Script | None:
        found = _PATH.match(request.path)
        if found is None or found["plural"] == "leases" or "watch" in request.query:
            return None
        if request.method == "GET" and found["name"] is None:
            return None
        script = self.script(found["namespace"])
        script.calls.append(f"{request.method} {found['plural']}")
        return script if len(script.calls) - 1 == script.at else None


def _say(code: int) -> web.Response:
    body = {"kind": "Status", "apiVersion": "v1", "code": code, "message": "said by the proxy"}
    headers = {"Retry-After": "1"} if code == 429 else {}
    return web.json_response(body, status=code, headers=headers)


async def _undo_answer(kind: FaultKind, request: web.Request) -> web.StreamResponse:
    if kind == "lost":
        return _say(500)
    if kind == "unanswered":
        await asyncio.sleep(3600)
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def _pass_on(request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    headers = {k: v for k, v in answer.headers.items() if k.lower() not in _HOP_BY_HOP}
    encoding = answer.headers.get("Content-Encoding")
    if encoding:
        headers["Content-Encoding"] = encoding
    passed = web.StreamResponse(status=answer.status, headers=headers)
    # Whoever asked may be gone by now: killed, or out of patience.
    with suppress(ConnectionError):
        await passed.prepare(request)
        async for chunk in answer.content.iter_any():
            await passed.write(chunk)
        await passed.write_eof()
    return passed


@contextmanager
def faulty_api(kubeconfig: Path, target: Path) -> Iterator[FaultyApi]:
    """Run such a proxy, and write a kubeconfig that leads to it, without TLS."""
    proxy = FaultyApi(*credentials(kubeconfig))
    started: Future[tuple[int, Callable[[], None]]] = Future()
    # asyncio.run cancels what is still being answered in the end.
    thread = threading.Thread(target=lambda: asyncio.run(_run(proxy, started)), daemon=True)
    thread.start()
    port, stop = started.result(timeout=30)
    _write_kubeconfig(kubeconfig, target, port)
    try:
        yield proxy
    finally:
        stop()
        thread.join()


async def _run(proxy: FaultyApi, started: Future[tuple[int, Callable[[], None]]]) -> None:
    application = web.Application(client_max_size=16 * 1024 * 1024)
    application.cleanup_ctx.append(proxy.serve)
    application.router.add_route("*", "/{path:.*}", proxy.handle)
    runner = web.AppRunner(application, handle_signals=False, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    port = runner.addresses[0][1]
    started.set_result((port, lambda: loop.call_soon_threadsafe(ended.set)))
    await ended.wait()
    await runner.cleanup()


def _write_kubeconfig(source: Path, target: Path, port: int) -> None:
    config = yaml.safe_load(source.read_text())
    config["clusters"][0]["cluster"] = {"server": f"http://127.0.0.1:{port}"}
    config["users"][0]["user"] = {}
    target.write_text(yaml.safe_dump(config))
