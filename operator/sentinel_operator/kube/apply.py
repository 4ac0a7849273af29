"""Writing to the cluster, and only where it is not as it should be.

Every function returns whether it wrote. What the API server answers goes into the cache at once, so that
the next round sees it before the watch tells of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sentinel_operator.kube.cache import Cache, Entry
from sentinel_operator.kube.client import APPLY, FIELD_MANAGER, MERGE, KubeClient, Method
from sentinel_operator.kube.errors import AlreadyThereError, ConflictedError, GoneError
from sentinel_operator.kube.kinds import KINDS, POD, ResourceKey, key_of
from sentinel_operator.kube.ownership import APPLIED_ANNOTATION, digest_of, owns

_MANAGER = {"fieldManager": FIELD_MANAGER}


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes for one resource.

    Attributes
    ----------
    owner : the resource whose reconciliation this is
    """

    client: KubeClient
    cache: Cache
    owner: ResourceKey

    async def apply(self, wanted: Mapping[str, Any], seen: Entry | None) -> bool:
        """Apply an object, unless it is as it was applied.

        Fields that are ours and no longer wanted are removed by the API server, those of others are
        left alone. Where somebody else took a field of ours, it is taken back.

        Parameters
        ----------
        seen : the object as it is; None where there is none. It is then not forced, so that an
            object that somebody makes at this moment is not taken over.
        """
        wanted = _watched(wanted)
        digest = digest_of(wanted)
        if seen is not None and _is_settled(seen, wanted, digest):
            return False
        body = _merge_metadata(wanted, annotations={APPLIED_ANNOTATION: digest})
        if seen is not None:
            body = _merge_metadata(body, **_seen(seen))
        answer = await self._patch(self._path(wanted), body, APPLY, seen, force=seen is not None)
        self.cache.put(answer, settled=digest, by=self.owner)
        return seen is None or _is_newer(answer, seen)

    async def create(self, wanted: Mapping[str, Any], seen: Entry | None) -> bool:
        """Make an object that is never changed afterwards, unless it is there."""
        if seen is not None:
            return False
        collection = KINDS[wanted["kind"]].path(self.owner.namespace)
        try:
            answer = await self.client.write(
                "POST", collection, _watched(wanted), parameters=_MANAGER
            )
        except AlreadyThereError:
            # Made by a call whose answer was lost.
            answer = await self.client.get(self._path(wanted))
        self.cache.put(answer, by=self.owner)
        return True

    async def delete(self, seen: Entry) -> bool:
        """Delete just the object that was seen; the garbage collector ends what belongs to it."""
        thing = seen.thing
        if thing["metadata"].get("deletionTimestamp"):
            return False
        body = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": _seen(seen),
            "propagationPolicy": "Background",
        }
        try:
            answer = await self._write_seen("DELETE", self._path(thing), body, seen)
        except GoneError:
            return False
        # Some kinds answer with the object as it was; one that waits for finalizers says since when.
        if answer.get("metadata", {}).get("deletionTimestamp"):
            self.cache.put(answer, by=self.owner)
        else:
            self.cache.forget(key_of(thing), seen.uid)
        return True

    async def scale(self, replicas: int, seen: Entry) -> bool:
        """Set a Deployment's replicas, unless it has them."""
        if (seen.thing.get("spec") or {}).get("replicas") == replicas:
            return False
        body = {
            "apiVersion": "autoscaling/v1",
            "kind": "Scale",
            "metadata": _seen(seen),
            "spec": {"replicas": replicas},
        }
        await self._patch(self._path(seen.thing, "scale"), body, MERGE, seen)
        # The answer is a Scale; what the Deployment is now has to be asked for.
        self.cache.put(await self.client.get(self._path(seen.thing)), by=self.owner)
        return True

    async def touch(self, annotation: str, value: str, seen: Entry) -> bool:
        """Set an annotation of a pod, unless it has it."""
        metadata = seen.thing["metadata"]
        if (metadata.get("annotations") or {}).get(annotation) == value:
            return False
        body = {
            "apiVersion": "v1",
            "kind": POD.name,
            "metadata": {**_seen(seen), "annotations": {annotation: value}},
        }
        answer = await self._patch(self._path(seen.thing), body, MERGE, seen)
        self.cache.put(answer, by=self.owner)
        return True

    async def write_status(self, status: Mapping[str, Any], seen: Entry) -> bool:
        """Write the resource's status, unless it has it.

        A status may differ for ever from what is written, where somebody else has a field in it;
        what the API server found nothing to change by was not a write.
        """
        if (seen.thing.get("status") or {}) == status:
            return False
        thing = seen.thing
        body = {
            "apiVersion": thing["apiVersion"],
            "kind": thing["kind"],
            "metadata": {"name": thing["metadata"]["name"], **_seen(seen)},
            "status": status,
        }
        answer = await self._patch(self._path(thing, "status"), body, APPLY, seen, force=True)
        self.cache.put(answer, by=self.owner)
        return _is_newer(answer, seen)

    async def _patch(
        self,
        path: str,
        body: Mapping[str, Any],
        content_type: str,
        seen: Entry | None,
        *,
        force: bool = False,
    ) -> dict[str, Any]:
        parameters = {**_MANAGER, "force": "true"} if force else _MANAGER
        return await self._write_seen(
            "PATCH", path, body, seen, parameters=parameters, content_type=content_type
        )

    async def _write_seen(
        self, method: Method, path: str, body: Mapping[str, Any], seen: Entry | None, **more: Any
    ) -> dict[str, Any]:
        """Write to what was seen; where that is not what there is, see it before the error is told.

        The watch has not told of it yet, or never will. An apply that names the uid of an object
        that is gone meets a conflict, not a 404.
        """
        try:
            return await self.client.write(method, path, body, **more)
        except (ConflictedError, GoneError):
            if seen is not None:
                await self._see(seen)
            raise

    async def _see(self, seen: Entry) -> None:
        now = await self.client.find(self._path(seen.thing))
        if now is None:
            self.cache.forget(key_of(seen.thing), seen.uid)
        else:
            self.cache.put(now, by=self.owner)

    def _path(self, thing: Mapping[str, Any], subresource: str = "") -> str:
        name = thing["metadata"]["name"]
        return KINDS[thing["kind"]].path(self.owner.namespace, name, subresource)


def _is_settled(seen: Entry, wanted: Mapping[str, Any], digest: str) -> bool:
    if seen.settled == digest:
        return True
    annotations = seen.thing["metadata"].get("annotations") or {}
    return annotations.get(APPLIED_ANNOTATION) == digest and owns(seen.owned, wanted)


def _is_newer(answer: Mapping[str, Any], seen: Entry) -> bool:
    version: str = answer["metadata"]["resourceVersion"]
    return version != str(seen.version)


def _seen(seen: Entry) -> dict[str, str]:
    """Name the very object and state that was seen, so that a write to any other is refused."""
    return {"uid": seen.uid, "resourceVersion": str(seen.version)}


def _watched(wanted: Mapping[str, Any]) -> Mapping[str, Any]:
    """Add what the watch of its kind selects by."""
    labels = KINDS[wanted["kind"]].watch_labels
    return _merge_metadata(wanted, labels=labels) if labels else wanted


def _merge_metadata(thing: Mapping[str, Any], **parts: Any) -> dict[str, Any]:
    metadata = dict(thing["metadata"])
    for name, value in parts.items():
        metadata[name] = {**metadata.get(name, {}), **value} if isinstance(value, dict) else value
    return {**thing, "metadata": metadata}
