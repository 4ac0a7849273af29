"""What the API server answers to writes, and what the cache holds afterwards."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from sentinel_operator.kube.apply import Writer
from sentinel_operator.kube.cache import Cache
from sentinel_operator.kube.client import KubeClient
from sentinel_operator.kube.errors import ConflictedError, RefusedError
from sentinel_operator.kube.kinds import KINDS, ObjectKey, ResourceKey
from tests.support.api_session import credentials, open_session
from tests.support.operator_place import model

NAME = "a"
"""Of the resource and of its children."""


@asynccontextmanager
async def writing(place):
    """Write for a resource of the place, with a cache that no watch fills."""
    server, context = credentials(place.api.kubeconfig)
    async with open_session(context) as session:
        client = KubeClient(session, server, call_seconds=30)
        yield Writer(client, Cache(), ResourceKey("SentinelModel", place.namespace, NAME))


def child(place, kind, **more):
    metadata = {"name": NAME, "namespace": place.namespace}
    return {"apiVersion": KINDS[kind].api_version, "kind": kind, "metadata": metadata, **more}


def known(writer, kind):
    return writer.cache.get(ObjectKey(kind, writer.owner.namespace, NAME))


async def see(writer, kind):
    """Take an object in as it is, as a watch does."""
    writer.cache.put(await writer.client.get(KINDS[kind].path(writer.owner.namespace, NAME)))
    return known(writer, kind)


def test_a_status_with_a_field_of_somebody_else_is_written_once(place):
    place.apply(model(NAME, place.namespace))
    theirs = '{"status": {"url": "http://theirs"}}'
    place.kubectl("patch", "smodel", NAME, "--subresource=status", "--type=merge", "-p", theirs)

    async def main():
        async with writing(place) as writer:
            wrote = []
            for _ in range(3):
                seen = await see(writer, "SentinelModel")
                wrote.append(await writer.write_status({"phase": "Pending"}, seen))
            return wrote

    assert asyncio.run(main()) == [True, False, False]


def test_a_status_with_a_field_that_an_older_definition_lacks_is_refused(place):
    place.apply(model(NAME, place.namespace))

    async def main():
        async with writing(place) as writer:
            seen = await see(writer, "SentinelModel")
            await writer.write_status({"phase": "Pending", "newer": 1}, seen)

    with pytest.raises(RefusedError, match="newer: field not declared in schema"):
        asyncio.run(main())


def test_a_child_that_went_without_a_word_is_forgotten_at_the_first_conflict(place):
    async def main():
        async with writing(place) as writer:
            await writer.apply(child(place, "ConfigMap", data={"a": "1"}), None)
            seen = known(writer, "ConfigMap")
            place.kubectl("delete", "configmap", NAME)
            with pytest.raises(ConflictedError):
                await writer.apply(child(place, "ConfigMap", data={"a": "2"}), seen)
            return known(writer, "ConfigMap")

    assert asyncio.run(main()) is None


def test_a_child_that_changed_without_a_word_is_seen_at_the_first_conflict(place):
    async def main():
        async with writing(place) as writer:
            await writer.apply(child(place, "ConfigMap", data={"a": "1"}), None)
            seen = known(writer, "ConfigMap")
            place.kubectl("annotate", "configmap", NAME, "theirs=1")
            with pytest.raises(ConflictedError):
                await writer.apply(child(place, "ConfigMap", data={"a": "2"}), seen)
            seen = known(writer, "ConfigMap")
            place.kubectl("annotate", "configmap", NAME, "theirs=2", "--overwrite")
            with pytest.raises(ConflictedError):
                await writer.delete(seen)
            return await writer.delete(known(writer, "ConfigMap"))

    assert asyncio.run(main()) is True


@pytest.mark.parametrize("kind", ["ServiceAccount", "ConfigMap"])
def test_a_deleted_child_is_known_no_more(place, kind):
    async def main():
        async with writing(place) as writer:
            await writer.apply(child(place, kind), None)
            await writer.delete(known(writer, kind))
            return known(writer, kind)

    assert asyncio.run(main()) is None


def test_a_deleted_child_that_waits_for_a_finalizer_is_known_and_deleted_once(place):
    async def main():
        async with writing(place) as writer:
            await writer.apply(child(place, "ConfigMap"), None)
            finalizers = '{"metadata": {"finalizers": ["example.com/wait"]}}'
            place.kubectl("patch", "configmap", NAME, "--type=merge", "-p", finalizers)
            await see(writer, "ConfigMap")
            return [await writer.delete(known(writer, "ConfigMap")) for _ in range(2)]

    assert asyncio.run(main()) == [True, False]
    place.kubectl(
        "patch", "configmap", NAME, "--type=merge", "-p", '{"metadata":{"finalizers":null}}'
    )
