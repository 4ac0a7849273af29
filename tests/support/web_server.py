"""A web server of the standard library over a folder, with TLS where it has a certificate."""

from __future__ import annotations

import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.cluster.harness.certificates import Identity

DENIED_FOLDER = "denied"
MOVED_FOLDER = "moved"
POLL_SECONDS = 0.01
"""How soon the server sees that it shall end."""


class FolderHandler(SimpleHTTPRequestHandler):
    """Serves files; what is under ``denied`` may not be read, what is under ``moved`` is elsewhere."""

    def do_GET(self) -> None:
        """Answer with the file."""
        first = self.path.strip("/").partition("/")[0]
        if first == DENIED_FOLDER:
            self.send_error(403)
        elif first == MOVED_FOLDER:
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix(f"/{MOVED_FOLDER}"))
            self.end_headers()
        else:
            super().do_GET()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base's name
        """Keep quiet."""


class QuietServer(ThreadingHTTPServer):
    """A server for clients that may hang up whenever they have read enough."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of connections that broke off; anything else is a fault of the test."""
        if not isinstance(sys.exception(), ConnectionError | ssl.SSLError):
            super().handle_error(request, client_address)


@contextmanager
def serving_folder(
    folder: Path, identity: Identity | None = None, *, port: int = 0
) -> Iterator[str]:
    """Serve a folder on a port, or any free one, for as long as this is open, and give its URL."""
    server = QuietServer(("127.0.0.1", port), partial(FolderHandler, directory=str(folder)))
    scheme = "http"
    if identity is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(identity.certificate, identity.key)
        # Without this the handshake of one client holds up the next one.
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
        scheme = "https"
    thread = threading.Thread(target=server.serve_forever, args=[POLL_SECONDS], daemon=True)
    thread.start()
    try:
        yield f"{scheme}://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
