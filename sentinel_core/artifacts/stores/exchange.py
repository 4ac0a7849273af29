"""One HTTP request and its answer, over by a deadline whatever the other side does.

The standard library's client does what is needed and nothing more: no redirects, no proxies of the
environment, no decoding. A timer cuts the connection at the deadline, since the timeout of a socket
counts from the last byte, and a byte now and then would keep it waiting for ever. Only the look-up
of the name is out of its reach, and a name with several addresses may take the time to connect for
each of them.
"""

from __future__ import annotations

import io
import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from threading import Timer

from sentinel_core.artifacts.refusal import refuse
from sentinel_core.artifacts.stores.address import WebAddress
from sentinel_core.artifacts.stores.budget import Budget, Deadline
from sentinel_core.artifacts.stores.config import misconfigured
from sentinel_core.errors import ArtifactError

_CHUNK_BYTES = 64 * 1024
_MAX_FAULT_BYTES = 16 * 1024
"""How much of a refusal's body is read for its code; those of S3 stores are below 1 KiB."""
_FAULT_CODE = re.compile(rb"<Code>([A-Za-z0-9]{1,64})</Code>")


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a store.

    Attributes
    ----------
    shown : the URI as messages name it
    headers : may hold a signature, so no message shows one
    ca_pem : the only authorities that are trusted; None trusts those of the system
    """

    address: WebAddress
    shown: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    ca_pem: str | None = field(default=None, repr=False)


class Answer:
    """A store's answer, whose body has not been read yet."""

    def __init__(self, response: HTTPResponse, request: Request, deadline: Deadline) -> None:
        self._response = response
        self._request = request
        self._deadline = deadline
        self.status = response.status

    @property
    def announced_bytes(self) -> int | None:
        """The size of the body as the store announces it; None where it does not."""
        return self._response.length

    def chunks(self) -> Iterator[bytes]:
        """Yield the body in pieces of at most 64 KiB.

        Raises
        ------
        ArtifactError
            ``StoreUnreachable``: the body broke off, or took longer than allowed.
        """
        while True:
            with _network_faults(self._request.shown, self._deadline):
                chunk = self._response.read1(_CHUNK_BYTES)
            if not chunk:
                break
            yield chunk
        if self._response.length:
            raise _unreachable(self._request.shown, "broke off in the middle", self._deadline)
        if not self._deadline.remaining_seconds:
            # A body without an announced size ends where the connection was cut.
            raise _unreachable(self._request.shown, "did not end in time", self._deadline)

    def fault_code(self) -> str:
        """Return the code that an S3 store gives a refusal; nothing else of the body is ever shown."""
        body = b""
        for chunk in self.chunks():
            body += chunk
            if len(body) > _MAX_FAULT_BYTES:
                break
        found = _FAULT_CODE.search(body)
        return found[1].decode() if found else ""


@contextmanager
def exchange(request: Request, budget: Budget, deadline: Deadline) -> Iterator[Answer]:
    """Send a request and yield its answer; the connection ends with the block.

    Raises
    ------
    ArtifactError
        ``StoreUnreachable`` (a retry may help), ``StoreUntrusted``, ``StoreMisconfigured``.
    """
    connection = _connection(request, min(budget.connect_seconds, deadline.remaining_seconds))
    with ExitStack() as open_parts:
        open_parts.callback(connection.close)
        with _network_faults(request.shown, deadline):
            connection.connect()
            connection.sock.settimeout(budget.read_seconds)
            timer = Timer(deadline.remaining_seconds, _cut, [connection.sock])
            timer.daemon = True
            timer.start()
            open_parts.callback(timer.cancel)
            _send(connection, request)
            # An answer without keep-alive owns the socket from here on.
            response = open_parts.enter_context(connection.getresponse())
        yield Answer(response, request, deadline)


def _send(connection: HTTPConnection, request: Request) -> None:
    headers = {"User-Agent": "sentinel", **request.headers}
    body = None
    if request.body is not None:
        # Sent as a file, so that the socket's timeout counts for each piece and not for the whole.
        headers["Content-Length"] = str(len(request.body))
        body = io.BytesIO(request.body)
    connection.request(request.method, request.address.target, body, headers)


def _connection(request: Request, timeout_seconds: float) -> HTTPConnection:
    address = request.address
    if not address.secure:
        return HTTPConnection(
            address.host, address.port, timeout=timeout_seconds, blocksize=_CHUNK_BYTES
        )
    try:
        trust = ssl.create_default_context(cadata=request.ca_pem)
    except ssl.SSLError:
        raise misconfigured(
            f"The authorities that {request.shown} is to be trusted by cannot be read.",
            "Put certificates in PEM form into the file ca.crt of the store.",
        ) from None
    return HTTPSConnection(
        address.host,
        address.port,
        timeout=timeout_seconds,
        blocksize=_CHUNK_BYTES,
        context=trust,
    )


def _cut(connected: socket.socket) -> None:
    # The TLS socket's own shutdown would forget its state under the reader; this wakes it.
    with suppress(OSError):  # closed in the meantime: the exchange has ended by itself
        socket.socket.shutdown(connected, socket.SHUT_RDWR)


@contextmanager
def _network_faults(shown: str, deadline: Deadline) -> Iterator[None]:
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise refuse(
            "StoreUntrusted",
            f"The certificate of {shown} is not trusted: {error.verify_message.rstrip('.')}.",
            "Put the authority that signed it into the file ca.crt of the store, "
            "or use the name that the certificate is made for.",
        ) from None
    except (OSError, HTTPException) as error:
        raise _unreachable(shown, _said(error), deadline) from None


def _said(error: OSError | HTTPException) -> str:
    """Say what the network did; words of the other side are not repeated."""
    if isinstance(error, TimeoutError):
        return "did not answer in time"
    if isinstance(error, socket.gaierror):
        return "has a name that is not found"
    if isinstance(error, ConnectionRefusedError):
        return "refused the connection"
    if isinstance(error, ConnectionError | ssl.SSLError):
        return "broke off the connection"
    if isinstance(error, OSError):
        return f"cannot be reached ({error.strerror or type(error).__name__})"
    return "does not answer as HTTP has it"


def _unreachable(shown: str, what: str, deadline: Deadline) -> ArtifactError:
    spent = "" if deadline.remaining_seconds else ", and the time for it is spent"
    return refuse(
        "StoreUnreachable",
        f"The store of {shown} {what}{spent}.",
        "Check the store, its address and the network policy, then try again.",
    )
