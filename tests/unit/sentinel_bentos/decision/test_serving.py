"""What is served survives everything that is wrong around it."""

from __future__ import annotations

import asyncio
import socket
import sqlite3

import pytest

from sentinel_bentos.decision.app import build_app
from sentinel_bentos.decision.auth import LocalCallers
from sentinel_core.engine.served import Served
from sentinel_core.ids import digest_bytes
from sentinel_core.release import write_projection
from sentinel_core.release.projection import projection_files
from tests.support.application import (
    application,
    become,
    build_serving,
    build_settings,
    client_of,
    running,
)
from tests.support.artifacts import pack_tar
from tests.support.decision_server import wire_payment
from tests.support.kubelet import KubeletVolume
from tests.support.model_pipelines import model_release, write_model
from tests.support.pipelines import RULES, build_release
from tests.support.ports import free_port
from tests.support.web_server import serving_folder

STABLE = build_release()
OTHER = build_release(rules=RULES.replace("points: 40", "points: 50"))
BAD = STABLE.model_copy(update={"rules": [{"id": "nonsense"}]})


def test_a_release_that_appears_later_is_opened(tmp_path):
    async def scenario():
        settings, serving = build_settings(tmp_path), build_serving()
        async with running(serving, settings):
            await become(lambda: serving.served().reason is not None)
            before = serving.served()
            write_projection(tmp_path / "releases", build_release())
            await become(lambda: serving.ready)
            return before, serving.served()

    before, after = asyncio.run(scenario())
    assert (before.state, before.reason, before.refused) == ("Starting", "NotReady", None)
    assert after == Served(build_release().digest, None, 0.0, "Ready")


def test_a_pod_may_start_before_its_config_map_is_there(tmp_path):
    async def scenario():
        settings, serving = build_settings(tmp_path), build_serving()
        volume = KubeletVolume(settings.release_dir)
        volume.write({})
        async with running(serving, settings):
            await become(lambda: serving.served().reason == "NotReady")
            volume.write(projection_files(build_release()))
            await become(lambda: serving.ready)
            return serving.served().state

    assert asyncio.run(scenario()) == "Ready"


def test_a_release_that_is_refused_at_the_start_gives_way_to_a_better_one(tmp_path):
    async def scenario():
        settings, serving = build_settings(tmp_path), build_serving()
        bad = build_release().model_copy(update={"rules": [{"id": "nonsense"}]})
        write_projection(tmp_path / "releases", bad)
        async with running(serving, settings):
            await become(lambda: serving.served().state == "Refused")
            refused = serving.served()
            write_projection(tmp_path / "releases", build_release())
            await become(lambda: serving.ready)
            return refused, serving.served()

    bad = build_release().model_copy(update={"rules": [{"id": "nonsense"}]})
    refused, after = asyncio.run(scenario())
    assert (refused.reason, refused.refused) == ("InvalidDocument", bad.digest)
    assert (refused.stable, refused.retrying) == (None, False)
    assert (after.stable, after.refused) == (build_release().digest, None)


def _arms_told(serving):
    served = serving.served()
    return served.candidate, served.refused


def test_a_candidate_is_told_apart_from_a_refused_one(tmp_path):
    async def scenario():
        settings, serving = build_settings(tmp_path), build_serving()
        volume = KubeletVolume(settings.release_dir)
        volume.write(projection_files(STABLE))
        told = []
        async with running(serving, settings):
            await become(lambda: serving.ready)
            for candidate, expected in (
                (OTHER, (OTHER.digest, None)),
                (BAD, (None, BAD.digest)),
                (None, (None, None)),
            ):
                volume.write(projection_files(STABLE, candidate))
                await become(lambda expected=expected: _arms_told(serving) == expected)
                told.append(serving.served())
        return told

    good, bad, none = asyncio.run(scenario())
    assert (good.candidate, good.state, good.refused) == (OTHER.digest, "Ready", None)
    assert (bad.candidate, bad.state, bad.refused) == (None, "Refused", BAD.digest)
    assert none == Served(STABLE.digest, None, 0.0, "Ready")


def test_a_release_in_a_form_that_is_not_known_is_refused_by_its_digest(tmp_path):
    async def scenario():
        settings, serving = build_settings(tmp_path), build_serving()
        volume = KubeletVolume(settings.release_dir)
        volume.write(projection_files(STABLE))
        newer = b'{"format": "sentinel.dev/release/v9"}'
        async with running(serving, settings):
            await become(lambda: serving.ready)
            volume.write(projection_files(STABLE) | {"stable.json": newer})
            await become(lambda: serving.served().state == "Refused")
            return serving.served(), digest_bytes(newer)

    served, digest = asyncio.run(scenario())
    assert (served.reason, served.refused) == ("ReleaseUnreadable", digest)
    assert served.stable == STABLE.digest


@pytest.mark.parametrize("as_candidate", [False, True])
def test_an_artifact_whose_store_comes_back_is_fetched_without_a_change(tmp_path, as_candidate):
    """The releases stay as they are; only the store is away at first."""
    model = write_model(tmp_path / "artifact")
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "model.tar").write_bytes(pack_tar(tmp_path / "artifact"))
    port = free_port()
    wanted = model_release(tmp_path / "artifact", model, uri=f"http://127.0.0.1:{port}/model.tar")

    async def scenario():
        settings, serving = build_settings(tmp_path), build_serving()
        arms = (STABLE, wanted) if as_candidate else (wanted,)
        KubeletVolume(settings.release_dir).write(projection_files(*arms))
        async with running(serving, settings):
            await become(lambda: serving.served().refused == wanted.digest)
            away = serving.served()
            with serving_folder(tmp_path / "store", port=port):
                await become(lambda: serving.served().reason is None)
            return away, serving.served()

    away, back = asyncio.run(scenario())
    assert (away.state, away.reason, away.retrying) == ("Refused", "StoreUnreachable", True)
    assert wanted.digest == (back.candidate if as_candidate else back.stable)


def test_a_candidate_whose_store_hangs_does_not_keep_the_stable_release_from_serving(tmp_path):
    model = write_model(tmp_path / "artifact")

    async def scenario():
        with socket.create_server(("127.0.0.1", 0)) as hung:
            uri = f"http://127.0.0.1:{hung.getsockname()[1]}/model.tar"
            candidate = model_release(tmp_path / "artifact", model, uri=uri)
            settings, serving = build_settings(tmp_path), build_serving()
            KubeletVolume(settings.release_dir).write(projection_files(STABLE, candidate))
            async with running(serving, settings):
                await become(lambda: serving.ready)
                return serving.served()

    assert asyncio.run(scenario()) == Served(STABLE.digest, None, 0.0, "Ready")


def test_credentials_of_a_store_that_change_are_reason_to_try_again(tmp_path):
    async def scenario():
        settings = build_settings(tmp_path, stores_dir=tmp_path / "stores")
        serving, store = build_serving(), KubeletVolume(tmp_path / "stores" / "models")
        model = write_model(tmp_path / "artifact")
        changes = {"uri": "s3://models/model.tar", "store": "models"}
        release = model_release(tmp_path / "artifact", model, **changes)
        KubeletVolume(settings.release_dir).write(projection_files(release))
        async with running(serving, settings):
            await become(lambda: serving.served().reason == "SecretNotFound")
            before = serving.served()
            store.write({"endpoint": f"http://127.0.0.1:{free_port()}".encode()})
            await become(lambda: serving.served().reason == "StoreUnreachable")
            return before

    before = asyncio.run(scenario())
    assert (before.state, before.retrying) == ("Refused", False)


def test_a_record_in_use_is_opened_when_its_owner_has_ended(tmp_path):
    async def scenario():
        write_projection(tmp_path / "releases", build_release())
        settings, first, second = build_settings(tmp_path), build_serving(), build_serving()
        async with running(first, settings):
            await become(lambda: first.ready)
            waiting = running(second, settings)
            await waiting.__aenter__()
            await become(lambda: second.served().state == "Refused")
            refused = second.served()
        await become(lambda: second.ready)
        await waiting.__aexit__(None, None, None)
        return refused

    refused = asyncio.run(scenario())
    assert (refused.reason, refused.refused, refused.retrying) == ("StoreLocked", None, True)


def test_closing_while_the_engine_opens_lets_go_of_the_record(tmp_path):
    async def scenario():
        write_projection(tmp_path / "releases", build_release())
        settings, first, second = build_settings(tmp_path), build_serving(), build_serving()
        async with running(first, settings):
            await become(lambda: first._opening is not None)
        async with running(second, settings):
            await become(lambda: second.ready)
        return second.served().reason

    assert asyncio.run(scenario()) is None


def test_a_request_before_the_engine_is_there_is_asked_to_come_again(tmp_path):
    async def scenario():
        serving = build_serving()
        app = build_app(serving, build_settings(tmp_path), LocalCallers())
        async with client_of(app) as client:
            return await client.post("/score", json=wire_payment("early"))

    refused = asyncio.run(scenario())
    assert (refused.status_code, refused.json()["code"]) == (503, "not_ready")


def test_a_record_that_hangs_is_a_503_and_the_retry_has_the_decision(tmp_path):
    async def scenario():
        async with application(tmp_path, budget_ms=200, feedback_budget_ms=200) as client:
            await client.post("/score", json=wire_payment("known"))
            blocker = sqlite3.connect(tmp_path / "state" / "record.db", isolation_level=None)
            blocker.execute("BEGIN IMMEDIATE")
            hung = await client.post("/score", json=wire_payment("p1"))
            told = await client.post("/transactions/known/feedback", json={"verdict": "escalated"})
            blocker.execute("ROLLBACK")
            blocker.close()
            again = None
            for _ in range(1000):
                again = await client.post("/score", json=wire_payment("p1"))
                if again.is_success:
                    break
            return hung, told, again.json()["event_id"]

    hung, told, event_id = asyncio.run(scenario())
    assert [hung.status_code, told.status_code, event_id] == [503, 503, "p1"]
    assert (hung.json()["code"], hung.headers["retry-after"]) == ("store_unavailable", "1")
