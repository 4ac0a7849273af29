"""Every path, operation and schema of the protocol's own OpenAPI document, against the built Bento."""

from __future__ import annotations

from typing import Any

import httpx
import jsonschema
import pytest
import yaml

from tests.support.artifacts import write_small_artifact
from tests.support.model_server import (
    NAME,
    assigned,
    infer_body,
    serve_model,
    wait_until_served,
)

pytestmark = pytest.mark.slow

ROWS = [[1.5, 0.0, -2.0], [0.0, 3.0, 2.5]]
SERVER, MODEL = "/v2/", "/v2/models/${MODEL_NAME}/versions/${MODEL_VERSION}"
REQUEST = infer_body(ROWS) | {
    "id": "42",
    "parameters": {"binary_data_output": False},
    "outputs": [{"name": "margin", "parameters": {"binary_data": False}}],
}
PLAIN = {
    (SERVER, "get"), (MODEL, "get"), (f"{MODEL}/ready", "get"), (f"{MODEL}/infer", "post"),
    ("/v2/health/live", "get"), ("/v2/health/ready", "get"),
}  # fmt: skip


@pytest.fixture(scope="module")
def document(data) -> dict[str, Any]:
    file = data / "conformance" / "open_inference_rest.yaml"
    parsed: dict[str, Any] = yaml.safe_load(file.read_text())
    return parsed


@pytest.fixture(scope="module")
def server(model_bento, bentoml_home, tmp_path_factory):
    place = tmp_path_factory.mktemp("artifacts") / "one"
    artifact = assigned(place, write_small_artifact(place))
    with serve_model(
        model_bento, bentoml_home, tmp_path_factory.mktemp("model"), artifact
    ) as running:
        wait_until_served(running, artifact["digest"])
        yield running


def operations(document):
    return {
        (path, method): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method != "parameters"
    }


def call(server, path: str, method: str, *, body: Any = None) -> httpx.Response:
    digest = server.served()["stable"]
    filled = path.replace("${MODEL_NAME}", NAME).replace("${MODEL_VERSION}", digest)
    return server.client.request(method, filled, json=body)


def validate(document, name: str, value: Any) -> None:
    """Hold a value against a schema of the document, its references included."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(value, schema, cls=jsonschema.Draft202012Validator)


def schema_of(content: dict[str, Any]) -> str:
    reference: str = content["content"]["application/json"]["schema"]["$ref"]
    return reference.rpartition("/")[2]


def test_the_document_has_no_operation_that_is_not_tested_here(document):
    assert set(operations(document)) == PLAIN


@pytest.mark.parametrize(("path", "method"), sorted(PLAIN))
def test_an_operation_answers_as_its_schema_says(document, server, path, method):
    operation = operations(document)[path, method]
    body = None
    if "requestBody" in operation:
        body = REQUEST
        validate(document, schema_of(operation["requestBody"]), body)
    answer = call(server, path, method, body=body)
    assert answer.status_code == 200, answer.text
    described = operation["responses"]["200"]
    if "content" in described:
        assert answer.headers["content-type"] == "application/json"
        validate(document, schema_of(described), answer.json())


@pytest.mark.parametrize(
    ("path", "method", "schema"),
    [
        (SERVER, "post", "metadata_server_error_response"),
        (MODEL.replace("${MODEL_NAME}", "other"), "get", "metadata_model_error_response"),
        (f"{MODEL}/infer", "post", "inference_error_response"),
    ],
)
def test_a_refusal_has_the_form_of_the_document(document, server, path, method, schema):
    refused = call(server, path, method, body={})
    assert 400 <= refused.status_code < 500
    # One of the three schemas asks for nothing, so the form is held here as well.
    assert list(refused.json()) == ["error"]
    validate(document, schema, refused.json())


@pytest.mark.parametrize(
    ("schema", "part"),
    [
        ("request_input", lambda _, __: REQUEST["inputs"][0]),
        ("request_output", lambda _, __: REQUEST["outputs"][0]),
        ("tensor_data", lambda _, __: REQUEST["inputs"][0]["data"]),
        ("parameters", lambda _, __: REQUEST["parameters"]),
        ("response_output", lambda answer, _: answer["outputs"][0]),
        ("metadata_tensor", lambda _, metadata: metadata["inputs"][0]),
    ],
)
def test_a_part_of_a_request_or_an_answer_is_of_its_schema(document, server, schema, part):
    answer = call(server, f"{MODEL}/infer", "post", body=REQUEST).json()
    metadata = call(server, MODEL, "get").json()
    validate(document, schema, part(answer, metadata))


def test_every_schema_of_the_document_is_used_above(document):
    used = {
        "metadata_server_error_response", "metadata_model_error_response",
        "inference_error_response", "request_input", "request_output", "tensor_data",
        "parameters", "response_output", "metadata_tensor",
    }  # fmt: skip
    for operation in operations(document).values():
        contents = [operation.get("requestBody", {}), operation["responses"]["200"]]
        used |= {schema_of(content) for content in contents if "content" in content}
    assert used == set(document["components"]["schemas"])


def test_only_the_outputs_that_were_asked_for_come_back_with_the_id(server):
    answer = call(server, f"{MODEL}/infer", "post", body=REQUEST).json()
    assert (answer["id"], [output["name"] for output in answer["outputs"]]) == ("42", ["margin"])


@pytest.mark.parametrize("rest", ["", "/ready"])
def test_without_a_version_the_default_one_is_meant(server, rest):
    named = call(server, f"{MODEL}{rest}", "get").json()
    assert server.client.get(f"/v2/models/{NAME}{rest}").json() == named
