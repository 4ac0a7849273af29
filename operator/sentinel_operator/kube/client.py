"""A small asynchronous client of the API server: JSON in, JSON out, and one way to write."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, Literal

import aiohttp
import msgspec

from sentinel_core.ids import canonical_json
from sentinel_operator.kube.bucket import TokenBucket
from sentinel_operator.kube.connect import CONNECT_SECONDS
from sentinel_operator.kube.errors import GoneError, from_answer, from_transport
from sentinel_operator.kube.fence import Fence, FencedBody

FIELD_MANAGER = "sentinel-operator"
MAX_LINE_BYTES = 8 * 1024 * 1024
"""Of one watch event. etcd takes objects up to 1.5 MiB, which JSON may make somewhat longer."""

Json = dict[str, Any]
Method = Literal["POST", "PUT", "PATCH", "DELETE"]
JSON = "application/json"
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


class KubeClient:
    """Calls one API server.

    It does not try again: the queue does, with what the cluster holds by then. Errors are those of
    `kube.errors`.

    Parameters
    ----------
    session : its pool bounds the calls under way
    fence : asked before each write; None for the Lease, which opens the fence
    bucket : bounds the calls over time; None for the Lease, which must never wait
    call_seconds : after which a call counts as unanswered
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        server: str,
        *,
        call_seconds: float,
        fence: Fence | None = None,
        bucket: TokenBucket | None = None,
    ) -> None:
        self._session = session
        self._timeout = aiohttp.ClientTimeout(total=call_seconds, sock_connect=CONNECT_SECONDS)
        self._server = server.rstrip("/")
        self._fence = fence
        self._bucket = bucket

    async def get(
        self, path: str, parameters: Mapping[str, str] | None = None, *, accept: str = JSON
    ) -> Json:
        """Read an object, a list or a document of discovery."""
        return await self._call("GET", path, parameters, None, {"Accept": accept})

    async def find(self, path: str) -> Json | None:
        """Read an object; None where there is none."""
        try:
            return await self.get(path)
        except GoneError:
            return None

    async def write(
        self,
        method: Method,
        path: str,
        body: Mapping[str, Any],
        *,
        parameters: Mapping[str, str] | None = None,
        content_type: str = JSON,
    ) -> Json:
        """Write, if the fence is open when the connection is there. Every write passes here.

        Raises
        ------
        NotLeadingError
            The fence was closed, and nothing was sent.
        ConflictedError
            What ``body`` says about the object's version or uid no longer holds.
        """
        data = canonical_json(body)
        if self._fence is None:
            payload: aiohttp.Payload = aiohttp.BytesPayload(data, content_type=content_type)
        else:
            self._fence.check()
            payload = FencedBody(data, self._fence, content_type)
        return await self._call(method, path, parameters, payload, {"Accept": JSON})

    async def _call(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str] | None,
        payload: aiohttp.Payload | None,
        headers: Mapping[str, str],
    ) -> Json:
        if self._bucket is not None:
            await self._bucket.take()
        what = f"{method} {path}"
        try:
            async with self._session.request(
                method, self._server + path, params=parameters, data=payload, headers=headers,
                timeout=self._timeout, allow_redirects=False,
            ) as answer:  # fmt: skip
                text = await answer.read()
        except (aiohttp.ClientError, TimeoutError, RuntimeError) as error:
            # RuntimeError: aiohttp's word for a session that was closed meanwhile.
            if isinstance(payload, FencedBody) and payload.refused is not None:
                raise payload.refused from error
            raise from_transport(what, error) from error
        body = _decode(text)
        if answer.status >= 400:
            raise from_answer(what, answer.status, body, answer.headers)
        if "kind" not in body:
            raise from_transport(what, ValueError(f"not an object of the API: {text[:200]!r}"))
        return body


async def watch(
    session: aiohttp.ClientSession, server: str, path: str, parameters: Mapping[str, str]
) -> AsyncIterator[Json]:
    """Yield the events of a watch until it ends, in whatever way.

    Nothing here tells a quiet watch from a dead one; see `kube.heartbeat`.
    """
    try:
        async with session.get(
            server.rstrip("/") + path, params={**parameters, "watch": "true"}, allow_redirects=False
        ) as answer:
            if answer.status >= 400:
                body = _decode(await answer.read())
                raise from_answer(f"WATCH {path}", answer.status, body, answer.headers)
            async for line in _lines(answer.content):
                yield _decode(line)
    except (aiohttp.ClientError, TimeoutError, RuntimeError) as error:
        raise from_transport(f"WATCH {path}", error) from error


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    rest = b""
    async for chunk in content.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > MAX_LINE_BYTES:
            raise aiohttp.ClientPayloadError(f"A watch event is longer than {MAX_LINE_BYTES} bytes")
        for line in lines:
            yield line


def _decode(text: bytes) -> Json:
    try:
        body = msgspec.json.decode(text)
    except (ValueError, RecursionError):
        # No JSON, no UTF-8 within a string, or nested deeper than any object of the API.
        body = None
    # Otherwise a proxy's page, whose status says what it is worth.
    return body if isinstance(body, dict) else {"message": text[:200].decode(errors="replace")}
