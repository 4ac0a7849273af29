"""A model server serves what it is assigned, and never lets go of a good version for a bad one."""

from __future__ import annotations

import asyncio
import gc
import json
import shutil
import weakref
from pathlib import Path

import pytest

from sentinel_bentos.model import serving as model_serving
from sentinel_core.artifacts.keep import keep_artifact
from sentinel_core.artifacts.sign import generate_key
from sentinel_core.errors import NotFoundError, NotReadyError
from tests.support.application import become
from tests.support.model_application import ModelFolder, sample, serving_model
from tests.support.model_server import NAME


@pytest.fixture
def models(tmp_path) -> ModelFolder:
    return ModelFolder(tmp_path)


def path_of(artifact) -> Path:
    return Path(artifact["uri"].removeprefix("file://"))


def kept(models):
    return {f"sha256:{p.name}" for p in (models.settings.state_dir / "artifacts").iterdir()}


def run(test):
    asyncio.run(asyncio.wait_for(test, 120))


def test_the_assigned_artifact_becomes_the_default_version(models):
    async def test():
        first = models.write(1)
        models.assign(first)
        async with serving_model(models) as serving:
            await become(lambda: serving.ready)
            assert serving.versions.find(NAME, "").digest == first["digest"]
            assert serving.served() == {
                "stable": first["digest"], "candidate": None, "percent": 0, "state": "Ready",
                "reason": None, "message": None, "refused": None, "retrying": False,
                "loaded": [first["digest"]], "refused_others": {},
            }  # fmt: skip

    run(test())


def test_before_anything_is_assigned_the_server_waits_and_says_so(models):
    async def test():
        async with serving_model(models) as serving:
            await become(lambda: serving.served()["reason"])
            served = serving.served()
            assert (served["stable"], served["state"], served["reason"]) == (
                None, "Starting", "NotReady",
            )  # fmt: skip
            with pytest.raises(NotReadyError):
                serving.versions.find(NAME, "")
            models.assign(models.write(1))
            await become(lambda: serving.ready)

    run(test())


def test_a_new_artifact_takes_the_place_of_the_old_one(models):
    async def test():
        first, second = models.write(1), models.write(2)
        models.assign(first)
        async with serving_model(models) as serving:
            await become(lambda: serving.ready)
            models.assign(second)
            await become(lambda: serving.served()["loaded"] == [second["digest"]])
            assert serving.served()["stable"] == second["digest"]
            with pytest.raises(NotFoundError):
                serving.versions.find(NAME, first["digest"])

    run(test())


def test_a_request_keeps_the_model_it_found_and_the_last_one_frees_it(models):
    async def test():
        first, second = models.write(1), models.write(2)
        models.assign(first)
        async with serving_model(models) as serving:
            await become(lambda: serving.ready)
            under_way = serving.versions.find(NAME, "")
            freed = weakref.ref(under_way)
            models.assign(second)
            await become(lambda: serving.served()["loaded"] == [second["digest"]])
            gc.collect()
            assert freed() is under_way
            del under_way
            assert freed() is None

    run(test())


def test_other_versions_are_served_beside_the_default_one(models):
    async def test():
        first, second, third = models.write(1), models.write(2), models.write(3)
        models.assign(first, second, third)
        async with serving_model(models) as serving:
            await become(lambda: len(serving.served()["loaded"]) == 3)
            assert serving.served()["loaded"][0] == first["digest"]
            assert serving.versions.find(NAME, third["digest"]).digest == third["digest"]
            assert sample(serving, "sentinel_model_versions") == 3

    run(test())


def test_the_old_default_stays_where_it_is_still_named(models):
    async def test():
        first, second = models.write(1), models.write(2)
        models.assign(first)
        async with serving_model(models) as serving:
            await become(lambda: serving.ready)
            model = serving.versions.find(NAME, "")
            models.assign(second, first)
            await become(lambda: serving.served()["stable"] == second["digest"])
            assert serving.versions.find(NAME, first["digest"]) is model

    run(test())


def test_an_artifact_named_twice_is_loaded_once(models):
    async def test():
        first = models.write(1)
        models.assign(first, first, first)
        async with serving_model(models) as serving:
            await become(lambda: serving.ready)
            assert serving.served()["loaded"] == [first["digest"]]

    run(test())


def test_dropped_artifacts_leave_the_disk(models):
    async def test():
        first, second, third = models.write(1), models.write(2), models.write(3)
        models.assign(first, second)
        async with serving_model(models) as serving:
            await become(lambda: len(serving.served()["loaded"]) == 2)
            assert kept(models) == {first["digest"], second["digest"]}
            models.assign(third)
            await become(lambda: kept(models) == {third["digest"]})

    run(test())


def break_digest(artifact):
    return artifact | {"digest": f"sha256:{'0' * 64}"}


def break_file(artifact):
    model = path_of(artifact) / "model.onnx"
    model.write_bytes(model.read_bytes() + b"\0")
    return artifact


def move_away(artifact):
    return artifact | {"uri": f"{artifact['uri']}-nowhere"}


def ask_for_signature(artifact):
    return artifact | {"publicKey": generate_key()[1].decode()}


@pytest.mark.parametrize(
    ("break_it", "reason"),
    [
        (break_digest, "DigestMismatch"),
        (break_file, "DigestMismatch"),
        (move_away, "ArtifactMissing"),
        (ask_for_signature, "SignatureMissing"),
    ],
)
def test_a_wrong_artifact_is_refused_and_the_old_one_goes_on(models, break_it, reason):
    async def test():
        first = models.write(1)
        models.assign(first)
        async with serving_model(models) as serving:
            await become(lambda: serving.ready)
            wrong = break_it(models.write(2))
            models.assign(wrong)
            await become(lambda: serving.served()["state"] == "Refused")
            served = serving.served()
            assert (served["stable"], served["reason"], served["refused"]) == (
                first["digest"], reason, wrong["digest"],
            )  # fmt: skip
            assert served["message"]
            assert serving.versions.find(NAME, "").digest == first["digest"]
            assert sample(serving, "sentinel_model_artifacts_refused_total") == 1

    run(test())


def test_a_server_that_never_had_a_good_artifact_says_why_it_is_not_ready(models):
    async def test():
        models.assign(break_digest(models.write(1)))
        async with serving_model(models) as serving:
            await become(lambda: serving.served()["state"] == "Refused")
            assert (serving.ready, serving.served()["stable"]) == (False, None)
            models.assign(models.write(2))
            await become(lambda: serving.ready)
            assert serving.served()["state"] == "Ready"

    run(test())


def test_after_a_refusal_the_way_back_to_the_old_artifact_is_ready_again(models):
    async def test():
        first = models.write(1)
        models.assign(first)
        async with serving_model(models) as serving:
            await become(lambda: serving.ready)
            models.assign(break_digest(models.write(2)))
            await become(lambda: serving.served()["state"] == "Refused")
            models.assign(first)
            await become(lambda: serving.served()["state"] == "Ready")
            assert serving.served()["refused"] is None

    run(test())


def test_a_wrong_other_version_does_not_concern_the_default_one(models):
    async def test():
        first, wrong = models.write(1), break_digest(models.write(2))
        models.assign(first, wrong)
        async with serving_model(models) as serving:
            await become(lambda: serving.served()["refused_others"])
            served = serving.served()
            assert (served["state"], served["stable"]) == ("Ready", first["digest"])
            assert served["refused_others"][wrong["digest"]]["reason"] == "DigestMismatch"
            with pytest.raises(NotFoundError):
                serving.versions.find(NAME, wrong["digest"])

    run(test())


def test_what_may_succeed_later_is_tried_again_by_itself(models):
    async def test():
        first, second = models.write(1), models.write(2)
        models.assign(first)
        # A file where the kept artifacts' folder should be: the disk refuses until it is gone.
        models.settings.state_dir.mkdir()
        blocked = models.settings.state_dir / "artifacts"
        blocked.write_text("")
        async with serving_model(models) as serving:
            await become(lambda: serving.served()["retrying"])
            assert not serving.ready
            blocked.unlink()
            await become(lambda: serving.ready)
            assert serving.served()["state"] == "Ready"
        assert second["digest"] not in kept(models)

    run(test())


def test_a_version_that_is_being_tried_again_is_told_apart_from_an_unknown_one(models):
    async def test():
        first, second = models.write(1), models.write(2)
        models.assign(first)
        async with serving_model(models) as serving:
            await become(lambda: serving.ready)
            artifacts = models.settings.state_dir / "artifacts"
            shutil.rmtree(artifacts)
            artifacts.write_text("")
            models.assign(first, second)
            await become(lambda: serving.served()["refused_others"])
            with pytest.raises(NotReadyError):
                serving.versions.find(NAME, second["digest"])

    run(test())


def test_a_signed_artifact_is_served_under_its_key_and_refused_under_another(models):
    async def test():
        private, public = generate_key()
        signed = models.write(1, private_key_pem=private) | {"publicKey": public.decode()}
        models.assign(signed)
        async with serving_model(models) as serving:
            await become(lambda: serving.ready)
            models.assign(signed | {"publicKey": generate_key()[1].decode()})
            await become(lambda: serving.served()["state"] == "Refused")
            assert serving.served()["reason"] == "SignatureInvalid"

    run(test())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "artifacts.json: Invalid JSON"),
        (b"{}", "default: Field required"),
        (b'{"default": {"uri": "x", "digest": "sha256:0"}}', "default.digest: String should match"),
    ],
)
def test_an_unreadable_assignment_is_named_and_changes_nothing(models, text, words):
    async def test():
        models.assign(models.write(1))
        async with serving_model(models) as serving:
            await become(lambda: serving.ready)
            models.volume.write({"artifacts.json": text})
            await become(lambda: serving.served()["state"] == "Refused")
            assert serving.served()["reason"] == "Configuration"
            assert words in serving.served()["message"]
            assert serving.ready

    run(test())


def test_fields_of_a_newer_operator_are_passed_over(models):
    async def test():
        assignment = {"default": models.write(1) | {"region": "north"}, "shadow": []}
        models.volume.write({"artifacts.json": json.dumps(assignment).encode()})
        async with serving_model(models) as serving:
            await become(lambda: serving.ready)

    run(test())


def test_a_store_name_that_leads_out_of_the_folder_of_stores_is_refused(models, tmp_path):
    async def test():
        models.settings = models.settings.model_copy(update={"stores_dir": tmp_path})
        models.assign(models.write(1) | {"store": "../../etc"})
        async with serving_model(models) as serving:
            await become(lambda: serving.served()["state"] == "Refused")
            assert serving.served()["reason"] == "StoreMisconfigured"

    run(test())


def test_a_server_that_begins_to_follow_again_goes_on_with_what_it_has(models):
    async def test():
        models.assign(models.write(1))
        async with serving_model(models) as serving:
            await become(lambda: serving.ready)
        again = asyncio.create_task(serving.run(models.settings))
        await asyncio.sleep(0)
        found = (serving.ready, serving.versions.name)
        again.cancel()
        await asyncio.gather(again, return_exceptions=True)
        assert found == (True, NAME)

    run(test())


def test_an_artifact_is_fetched_once_before_anything_else_has_its_turn(models, monkeypatch):
    budgets = []

    def keep(*given, budget, **named):
        budgets.append(budget)
        return keep_artifact(*given, budget=budget, **named)

    monkeypatch.setattr(model_serving, "keep_artifact", keep)

    async def test():
        models.assign(models.write(1))
        async with serving_model(models) as serving:
            await become(lambda: serving.ready)

    run(test())
    assert [one.attempts for one in budgets] == [1]


def test_what_a_process_that_ended_left_on_its_way_is_removed(models):
    async def test():
        artifacts = models.settings.state_dir / "artifacts"
        (artifacts / ".fetch-left").mkdir(parents=True)
        models.assign(models.write(1))
        async with serving_model(models) as serving:
            await become(lambda: serving.ready)
        assert not (artifacts / ".fetch-left").exists()

    run(test())
