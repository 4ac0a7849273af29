"""Versions beside the default one never hold it up, whatever their store does."""

from __future__ import annotations

import asyncio
import threading

import pytest

from sentinel_bentos.model import serving as model_serving
from tests.support.application import become
from tests.support.model_application import ModelFolder, serving_model


@pytest.fixture
def models(tmp_path) -> ModelFolder:
    return ModelFolder(tmp_path)


@pytest.fixture
def begun(monkeypatch):
    """Have loads from a silent store go on until the end of the test; return which have begun."""
    begun, over = [], threading.Event()
    load_model = model_serving.load_model

    def load(artifact, settings):
        if artifact.uri == "silent":
            begun.append(artifact.digest)
            over.wait(300)  # longer than a test may take
        return load_model(artifact, settings)

    monkeypatch.setattr(model_serving, "load_model", load)
    yield begun
    over.set()


def silent(number):
    return {"uri": "silent", "digest": f"sha256:{number:064}", "publicKey": None, "store": None}


def run(test):
    asyncio.run(asyncio.wait_for(test, 120))


def test_a_new_default_does_not_wait_for_a_version_whose_store_is_silent(models, begun):
    async def test():
        first, second = models.write(1), models.write(2)
        models.assign(first, silent(7))
        async with serving_model(models) as serving:
            await become(lambda: begun)
            assert serving.served()["stable"] == first["digest"]
            models.assign(second, silent(7))
            await become(lambda: serving.served()["stable"] == second["digest"])

    run(test())


def test_a_version_does_not_wait_for_one_that_nobody_names_any_more(models, begun):
    async def test():
        first, second = models.write(1), models.write(2)
        models.assign(first, silent(7))
        async with serving_model(models) as serving:
            await become(lambda: begun)
            models.assign(first, second)
            await become(lambda: second["digest"] in serving.served()["loaded"])

    run(test())


def test_default_versions_are_loaded_while_every_thread_of_others_is_taken(
    models, begun, monkeypatch
):
    monkeypatch.setattr(model_serving, "OTHERS_AT_ONCE", 1)

    async def test():
        async with serving_model(models) as serving:
            for number in range(1, 4):
                default = models.write(number)
                models.assign(default, silent(number))
                await become(lambda d=default: serving.served()["stable"] == d["digest"])
            await become(lambda: begun)

    run(test())


def test_a_version_is_tried_before_those_that_were_refused_already(models, monkeypatch):
    tried = []
    load_model = model_serving.load_model

    def load(artifact, settings):
        tried.append(artifact.digest)
        return load_model(artifact, settings)

    monkeypatch.setattr(model_serving, "load_model", load)

    async def test():
        first, wrong, last = models.write(1), silent(7), models.write(2)
        models.assign(first, wrong)
        async with serving_model(models) as serving:
            await become(lambda: serving.served()["refused_others"])
            tried.clear()
            models.assign(first, wrong, last)
            await become(lambda: len(tried) == 2)
            assert tried == [last["digest"], wrong["digest"]]

    run(test())
