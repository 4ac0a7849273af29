"""The inference protocol over HTTP: what it answers, and in which form."""

from __future__ import annotations

import asyncio
import json

import numpy as np
import pytest

from sentinel_bentos.model.outputs import check_wanted
from sentinel_bentos.model.rest import RestApp
from sentinel_bentos.model.scoring import Scoring
from sentinel_core.errors import InvalidRequestError
from sentinel_core.oip.tensors import to_bytes
from tests.support.application import become, client_of
from tests.support.malformed_inference import INFER, JSON_LENGTH, MALFORMED
from tests.support.model_application import ModelFolder, rest_client, sample, serving_model
from tests.support.model_server import NAME, infer_body

ROWS = [[1.5, None, -2.0], [0.0, 3.0, 2.5]]


@pytest.fixture
def models(tmp_path) -> ModelFolder:
    return ModelFolder(tmp_path)


def ask(models, *requests, artifacts=None):
    """Send requests, each a tuple of method, path and what httpx takes; return their answers."""

    async def send():
        async with rest_client(models, *(artifacts or [models.write(1)])) as (client, _):
            return [
                await client.request(m, p, **(more[0] if more else {})) for m, p, *more in requests
            ]

    answers = asyncio.run(send())
    return answers[0] if len(answers) == 1 else answers


def post(models, body, path=INFER, **more):
    return ask(models, ("POST", path, {"json": body} | more))


def expected(models, rows):
    artifact = models.write(1)
    matrix = np.array(rows, dtype=np.float32)
    margin, probability = models.load(artifact).predict(matrix)
    return artifact, margin, probability


def data_of(answer):
    return {output["name"]: output.get("data") for output in answer["outputs"]}


def test_an_answer_has_model_version_id_and_both_outputs(models):
    artifact, margin, probability = expected(models, ROWS)
    answer = post(models, infer_body(ROWS) | {"id": "42"})
    assert answer.status_code == 200
    assert answer.json() == {
        "model_name": NAME,
        "model_version": artifact["digest"],
        "id": "42",
        "outputs": [
            {"name": "probability", "shape": [2], "datatype": "FP32", "data": probability.tolist()},
            {"name": "margin", "shape": [2], "datatype": "FP32", "data": margin.tolist()},
        ],
    }


def test_without_an_id_there_is_none_in_the_answer(models):
    assert "id" not in post(models, infer_body(ROWS)).json()


def test_flat_and_nested_data_mean_the_same(models):
    flat = infer_body(ROWS)
    flat["inputs"][0]["data"] = [value for row in ROWS for value in row]
    both = ask(models, ("POST", INFER, {"json": infer_body(ROWS)}), ("POST", INFER, {"json": flat}))
    assert both[0].content == both[1].content


def test_wanted_outputs_come_in_the_order_they_were_asked_for(models):
    wanted = {"outputs": [{"name": "margin"}, {"name": "probability"}]}
    assert list(data_of(post(models, infer_body(ROWS) | wanted).json())) == [
        "margin",
        "probability",
    ]


def test_contributions_and_base_value_add_up_to_the_margin(models):
    names = ("contributions", "base_value", "margin")
    wanted = {"outputs": [{"name": name} for name in names]}
    answer = post(models, infer_body(ROWS) | wanted).json()
    values = {
        output["name"]: np.reshape(output["data"], output["shape"]) for output in answer["outputs"]
    }
    assert values["contributions"].shape == (2, 3)
    sums = values["contributions"].sum(axis=1) + values["base_value"]
    assert sums == pytest.approx(values["margin"], abs=1e-5)


def test_a_model_without_trees_is_not_explained(models):
    model = models.load(models.write(1))
    model.explainer = None
    with pytest.raises(InvalidRequestError) as raised:
        check_wanted(["contributions"], model)
    assert "It has probability, margin; a model without trees is not explained" in str(raised.value)


def test_a_named_version_is_asked_instead_of_the_default_one(models):
    first, second = models.write(1), models.write(2)
    path = f"/v2/models/{NAME}/versions/{second['digest']}/infer"
    answer = ask(
        models, ("POST", path, {"json": infer_body(ROWS)}), artifacts=[first, second]
    ).json()
    margin, _ = models.load(second).predict(np.array(ROWS, dtype=np.float32))
    assert (answer["model_version"], data_of(answer)["margin"]) == (
        second["digest"],
        margin.tolist(),
    )


def test_many_rows_are_scored_like_single_ones(models):
    rng = np.random.default_rng(5)
    rows = rng.normal(size=(2000, 3)).astype(np.float32)
    _, margin, probability = expected(models, rows)
    found = data_of(post(models, infer_body(rows.tolist())).json())
    assert (found["margin"], found["probability"]) == (margin.tolist(), probability.tolist())


def binary_request(rows, **more):
    values = to_bytes(np.array(rows, dtype=np.float32))
    head = infer_body(rows)
    del head["inputs"][0]["data"]
    head["inputs"][0]["parameters"] = {"binary_data_size": len(values)}
    text = json.dumps(head | more).encode()
    return {"content": text + values, "headers": {JSON_LENGTH: str(len(text))}}


def test_rows_may_come_as_bytes_and_outputs_go_as_numbers(models):
    _, margin, probability = expected(models, ROWS)
    answer = ask(models, ("POST", INFER, binary_request(ROWS)))
    assert answer.headers["content-type"] == "application/json"
    assert data_of(answer.json()) == {
        "probability": probability.tolist(), "margin": margin.tolist(),
    }  # fmt: skip


def test_outputs_may_go_as_bytes(models):
    _, margin, probability = expected(models, ROWS)
    request = binary_request(ROWS, parameters={"binary_data_output": True})
    answer = ask(models, ("POST", INFER, request))
    length = int(answer.headers[JSON_LENGTH])
    head = json.loads(answer.content[:length])
    assert [output["parameters"] for output in head["outputs"]] == [{"binary_data_size": 8}] * 2
    assert answer.content[length:] == to_bytes(probability) + to_bytes(margin)


def test_each_output_may_choose_its_own_form(models):
    _, margin, probability = expected(models, ROWS)
    outputs = [{"name": "margin", "parameters": {"binary_data": False}}, {"name": "probability"}]
    more = {"outputs": outputs, "parameters": {"binary_data_output": True}}
    answer = ask(models, ("POST", INFER, {"json": infer_body(ROWS) | more}))
    length = int(answer.headers[JSON_LENGTH])
    assert data_of(json.loads(answer.content[:length])) == {
        "margin": margin.tolist(), "probability": None,
    }  # fmt: skip
    assert answer.content[length:] == to_bytes(probability)


def test_server_and_model_describe_themselves(models):
    artifact = models.write(1)
    server, model = ask(models, ("GET", "/v2"), ("GET", f"/v2/models/{NAME}"))
    assert server.json() == {
        "name": "sentinel-model", "version": "1", "extensions": ["binary_tensor_data"],
    }  # fmt: skip
    properties = model.json().pop("properties")
    assert json.loads(properties["features"]) == ["amount", "card_count_1d", "terminal_risk_28d"]
    assert {name: value for name, value in model.json().items() if name != "properties"} == {
        "name": NAME,
        "versions": [artifact["digest"]],
        "platform": "onnxruntime_onnx",
        "inputs": [{"name": "input", "datatype": "FP32", "shape": [-1, 3]}],
        "outputs": [
            {"name": "probability", "datatype": "FP32", "shape": [-1]},
            {"name": "margin", "datatype": "FP32", "shape": [-1]},
            {"name": "contributions", "datatype": "FP32", "shape": [-1, 3]},
            {"name": "base_value", "datatype": "FP32", "shape": [1]},
        ],
    }


def test_before_a_model_is_loaded_the_server_lives_and_is_not_ready(models):
    paths = ("/v2/health/live", "/v2/health/ready", f"/v2/models/{NAME}/ready")

    async def send():
        async with serving_model(models) as serving:
            await become(lambda: serving.served()["reason"])
            async with client_of(RestApp(serving, Scoring())) as client:
                return [(await client.get(path)).status_code for path in paths]

    assert asyncio.run(send()) == [200, 503, 503]


@pytest.mark.parametrize("case", MALFORMED, ids=[case.title for case in MALFORMED])
def test_a_malformed_request_is_refused_in_the_protocol_s_form(models, case):
    refused = ask(models, (case.method, case.path, {"content": case.body, "headers": case.headers}))
    assert refused.status_code == case.status, refused.text
    assert list(refused.json()) == ["error"]
    assert case.words in refused.json()["error"]


def test_requests_are_counted_by_operation_and_code(models):
    async def send():
        async with rest_client(models, models.write(1)) as (client, serving):
            await client.post(INFER, json=infer_body(ROWS))
            await client.post(INFER, json={})
            await client.get("/v2/health/live")
            for number in range(5):
                await client.get(f"/nowhere/{number}")
            requests = "sentinel_model_requests_total"
            counted = {
                (operation, code): sample(
                    serving, requests, protocol="http", operation=operation, code=code
                )
                for operation, code in (
                    ("infer", "200"), ("infer", "400"), ("health", "200"), ("none", "404"),
                )
            }  # fmt: skip
            rows = sample(serving, "sentinel_model_rows_total", protocol="http")
            timed = sample(serving, "sentinel_model_infer_seconds_count", protocol="http")
            return counted, rows, timed

    counted, rows, timed = asyncio.run(send())
    assert counted == {
        ("infer", "200"): 1, ("infer", "400"): 1, ("health", "200"): 1, ("none", "404"): 5,
    }  # fmt: skip
    assert (rows, timed) == (2, 2)
