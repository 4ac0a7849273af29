"""The page of the model server's protocol says what the code does."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest

from sentinel_bentos.inner_grpc import MAX_CONNECTION_AGE_SECONDS
from sentinel_bentos.model.outputs import MAX_EXPLAINED_ROWS, MAX_ROWS, offered_outputs
from sentinel_bentos.model.rest import MAX_BODY_BYTES
from sentinel_bentos.model.rest_bodies import SMALL_JSON_BYTES
from sentinel_bentos.model.scoring import INLINE_ROWS, MAX_WAITING
from sentinel_bentos.model.settings import Settings
from sentinel_bentos.model.statuses import STATUSES
from sentinel_core.resources.server import MAX_OTHER_ARTIFACTS
from tests.support.model_application import ModelFolder, rest_client, serving_model
from tests.support.model_server import NAME

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "model-server.md").read_text()


@pytest.fixture
def models(tmp_path) -> ModelFolder:
    return ModelFolder(tmp_path)


def rows_under(heading):
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in lines]


def blocks(language):
    return [
        json.loads(b) if language == "json" else b
        for b in re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    ]


def test_every_refusal_has_its_row():
    expected = {(cls.code, str(status.http), status.grpc.name) for cls, status in STATUSES.items()}
    assert expected == {tuple(row) for row in rows_under("Refusals")}


def test_every_limit_is_the_code_s():
    expected = [
        MAX_BODY_BYTES, MAX_ROWS, MAX_EXPLAINED_ROWS, INLINE_ROWS, SMALL_JSON_BYTES,
        MAX_WAITING, MAX_OTHER_ARTIFACTS, MAX_CONNECTION_AGE_SECONDS,
    ]  # fmt: skip
    assert expected == [int(row[1]) for row in rows_under("Limits")]


def test_every_setting_has_its_row_and_its_default():
    expected = {
        f"SENTINEL_{name.upper()}": "-" if field.is_required() or field.default is None
        else str(field.default)
        for name, field in Settings.model_fields.items()
    }  # fmt: skip
    assert expected == {row[0]: row[1] for row in rows_under("Settings")}


def test_every_output_has_its_row_and_its_shape(models):
    shapes = offered_outputs(models.load(models.write(1)))
    symbols = {-1: "rows", 3: "features"}
    expected = {
        name: f"[{', '.join(symbols.get(size, str(size)) for size in shape)}]"
        for name, shape in shapes.items()
    }
    assert expected == {row[0]: row[1] for row in rows_under("Scores out")}


def test_the_request_on_the_page_is_answered(models):
    async def ask():
        async with rest_client(models, models.write(1)) as (client, _):
            return await client.post(f"/v2/models/{NAME}/infer", json=blocks("json")[0])

    answer = asyncio.run(ask())
    assert answer.status_code == 200, answer.text
    assert [o["name"] for o in answer.json()["outputs"]] == ["probability", "contributions"]


def test_every_path_on_the_page_is_there(models):
    async def ask(artifact):
        async with rest_client(models, artifact) as (client, _):
            statuses = []
            for method, path, _ in rows_under("Paths over HTTP"):
                for version in ("", f"/versions/{artifact['digest']}"):
                    filled = path.replace("[/versions/DIGEST]", version).replace("NAME", NAME)
                    answer = await client.request(method, filled, json=blocks("json")[0])
                    statuses.append(answer.status_code)
            return set(statuses)

    assert asyncio.run(ask(models.write(1))) == {200}


def test_every_field_of_what_is_served_is_explained(models):
    async def ask():
        async with serving_model(models) as serving:
            return set(serving.served())

    names = {name for row in rows_under("What it serves") for name in re.findall(r"\w+", row[0])}
    assert asyncio.run(ask()) <= names | {"reason", "message"}


def test_the_assignment_on_the_page_has_the_fields_that_are_read(models):
    assigned = blocks("json")[1]["default"]
    assert set(assigned) == set(models.write(1))
