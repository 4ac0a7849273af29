"""Which replica works: one that holds the Lease, for as long as it renews it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from sentinel_core.clock import Clock, from_us
from sentinel_core.errors import SentinelError
from sentinel_operator.kube.client import KubeClient
from sentinel_operator.kube.errors import AlreadyThereError, ConflictedError, KubeError
from sentinel_operator.kube.fence import Fence
from sentinel_operator.kube.heartbeat import Heartbeat
from sentinel_operator.kube.kinds import LEASE

LEASE_SECONDS = 9
"""How long others wait for a renewal before they take the Lease."""
RENEW_SECONDS = 6
"""How long the holder believes in a renewal; the three seconds less are for writes under way."""
RETRY_SECONDS = 2
CALL_SECONDS = 1.9
"""For one call, so that one that is swallowed is over when the next renewal is due."""
SHORTEST_SECONDS = 0.1
"""Between two renewals, however long the first took."""
RELEASED_SECONDS = 1
"""Duration that a released Lease states; it has none, but the API wants a positive number."""

logger = logging.getLogger(__name__)


class LeaseLostError(SentinelError):
    """The Lease was not renewed in time, or another replica holds it. Retryable: by a new process."""

    code = "lease_lost"
    retryable = True


@dataclass(frozen=True, slots=True)
class Candidacy:
    """Which Lease, and in whose name.

    Attributes
    ----------
    identity : of this process; another process of the same pod must have another
    """

    namespace: str
    name: str
    identity: str


class Elector:
    """Takes the Lease when it is free, renews it, and gives it back.

    A Lease is taken when its record has not changed for its duration by this process's own monotonic
    clock; the times in the record are for people, so clocks that differ do no harm.

    Parameters
    ----------
    client : not fenced, with `CALL_SECONDS` for a call
    fence : opened by each renewal, until `RENEW_SECONDS` after that was sent
    heartbeat : told of every version of the Lease that an answer shows
    """

    def __init__(
        self,
        client: KubeClient,
        fence: Fence,
        heartbeat: Heartbeat,
        clock: Clock,
        candidacy: Candidacy,
    ) -> None:
        self._client = client
        self._fence = fence
        self._heartbeat = heartbeat
        self._clock = clock
        self._collection = LEASE.path(candidacy.namespace)
        self._path = LEASE.path(candidacy.namespace, candidacy.name)
        self._metadata = {"name": candidacy.name, "namespace": candidacy.namespace}
        self._identity = candidacy.identity
        self._lease: Mapping[str, Any] | None = None
        self._seen_ns = 0
        self._renewed_ns = 0
        self.leading = asyncio.Event()
        self.wake = asyncio.Event()

    @property
    def others_hold(self) -> bool:
        """Whether the Lease, when last seen, was held by somebody else."""
        return self._holder not in ("", self._identity)

    async def run(self) -> None:
        """Take the Lease, then renew it for ever.

        Raises
        ------
        LeaseLostError
            It was held and is no more. The process must end, since it may be half way through a
            write that another replica decides anew.
        """
        while not self.leading.is_set():
            with _logged("looking at the Lease"):
                await self._try_to_take()
            await self._pause()
        while True:
            began_ns = self._clock.elapsed_ns()
            with _logged("renewing the Lease"):
                await self._renew()
            if self._seconds_since(self._renewed_ns) >= RENEW_SECONDS:
                self._lose(f"it was not renewed for {RENEW_SECONDS} s")
            # From when it began: a call that is swallowed must not cost a pause as well.
            await asyncio.sleep(
                max(SHORTEST_SECONDS, RETRY_SECONDS - self._seconds_since(began_ns))
            )

    async def release(self) -> None:
        """Close the fence and give the Lease back, so that a standby need not wait for its end."""
        held = self.leading.is_set()
        self._fence.close()
        self.leading.clear()
        if held:
            with _logged("giving the Lease back"):
                await self._write_as_holder("", RELEASED_SECONDS)
                logger.info("gave the Lease back")

    async def _try_to_take(self) -> None:
        await self._read()
        expired = self._seconds_since(self._seen_ns) >= self._duration_seconds
        if self._lease is None or not self.others_hold or expired:
            await self._renew()
            self.leading.set()
            logger.info("holding the Lease as %s", self._identity)

    async def _renew(self) -> None:
        try:
            sent_ns = await self._write_as_holder(self._identity, LEASE_SECONDS)
        except (ConflictedError, AlreadyThereError):
            if self.leading.is_set() and self._holder != self._identity:
                self._lose(f"{self._holder or 'nobody'} holds it now")
            raise
        self._renewed_ns = sent_ns
        self._fence.open_until(sent_ns + RENEW_SECONDS * 1_000_000_000)

    async def _read(self) -> None:
        lease = await self._client.find(self._path)
        if _version(lease) != _version(self._lease):
            self._seen_ns = self._clock.elapsed_ns()
        self._remember(lease)

    async def _write_as_holder(self, holder: str, duration_seconds: int) -> int:
        """Write as `_write` does, and once more where the conflict is with a write of ours.

        A write may be carried out and its answer lost; all that is known of the Lease is then a
        version too old to be written on. A Lease that somebody else holds is left as it is.
        """
        try:
            return await self._write(holder, duration_seconds)
        except (ConflictedError, AlreadyThereError):
            await self._read()
            if self._holder != self._identity:
                raise
        return await self._write(holder, duration_seconds)

    async def _write(self, holder: str, duration_seconds: int) -> int:
        """Write the Lease; return when that began, before anybody can have seen it renewed."""
        sent_ns = self._clock.elapsed_ns()
        body = self._record(holder, duration_seconds)
        if self._lease is None:
            self._remember(await self._client.write("POST", self._collection, body))
        else:
            self._remember(await self._client.write("PUT", self._path, body))
        return sent_ns

    def _record(self, holder: str, duration_seconds: int) -> dict[str, Any]:
        now = from_us(self._clock.now_us()).isoformat(timespec="microseconds")
        lease = self._lease or {"metadata": self._metadata}
        before = lease.get("spec") or {}
        taken = holder != before.get("holderIdentity")
        return {
            "apiVersion": LEASE.api_version,
            "kind": LEASE.name,
            # With the version that was seen: of two that take it, one gets a conflict.
            "metadata": lease["metadata"],
            "spec": {
                "holderIdentity": holder,
                "leaseDurationSeconds": duration_seconds,
                "acquireTime": now if taken else before.get("acquireTime", now),
                "renewTime": now,
                "leaseTransitions": before.get("leaseTransitions", 0) + (1 if taken else 0),
            },
        }

    def _remember(self, lease: Mapping[str, Any] | None) -> None:
        self._lease = lease
        if lease is not None:
            self._heartbeat.learned(int(lease["metadata"]["resourceVersion"]))

    async def _pause(self) -> None:
        self.wake.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(RETRY_SECONDS):
                await self.wake.wait()

    def _lose(self, why: str) -> None:
        self._fence.close()
        self.leading.clear()
        raise LeaseLostError(
            f"The Lease is lost: {why}.",
            user_action="Nothing to do: this process ends and begins anew. If it goes on, look at "
            "the API server's latency and at the operator's CPU.",
        )

    def _seconds_since(self, elapsed_ns: int) -> float:
        return (self._clock.elapsed_ns() - elapsed_ns) / 1e9

    @property
    def _spec(self) -> Mapping[str, Any]:
        return (self._lease or {}).get("spec") or {}

    @property
    def _holder(self) -> str:
        return self._spec.get("holderIdentity") or ""

    @property
    def _duration_seconds(self) -> float:
        return float(self._spec.get("leaseDurationSeconds") or LEASE_SECONDS)


def _version(lease: Mapping[str, Any] | None) -> str | None:
    return None if lease is None else lease["metadata"]["resourceVersion"]


@contextmanager
def _logged(what: str) -> Iterator[None]:
    """Log what goes wrong and go on: it is tried again, and the passing of time decides."""
    try:
        yield
    except KubeError as error:
        logger.warning("%s: %s", what, error)
