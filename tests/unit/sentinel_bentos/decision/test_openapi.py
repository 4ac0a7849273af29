"""The document is whole, and its file is checked."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from sentinel_bentos.decision.app import build_routes
from sentinel_bentos.decision.openapi import main
from sentinel_bentos.decision.policy import API_PREFIX, POLICIES, PUBLIC

DOCUMENT = build_routes().openapi()
OPERATIONS = {
    (method.upper(), path): operation
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
}
CHECKED_IN = Path(__file__).parents[4] / "docs" / "reference" / "openapi.json"


def test_every_reference_leads_somewhere():
    names = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(DOCUMENT)))
    assert names <= set(DOCUMENT["components"]["schemas"])


def test_all_paths_are_under_the_prefix_and_no_alias_is_documented():
    documented = {(method, path.removeprefix(API_PREFIX)) for method, path in OPERATIONS}
    pages = {"/docs", "/redoc", "/openapi.json", "/docs/assets/{name}"}
    assert documented == {key for key in POLICIES if key[1] not in pages}
    assert all(path.startswith(API_PREFIX) for _, path in OPERATIONS)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_what_needs_a_credential_says_so(method, path):
    operation = OPERATIONS[method, path]
    public = POLICIES[method, path.removeprefix(API_PREFIX)] is PUBLIC
    assert (public, public) == ("security" not in operation, "401" not in operation["responses"])


def test_every_refusal_is_a_problem():
    kinds = {
        media
        for operation in OPERATIONS.values()
        for status, response in operation["responses"].items()
        if status != "200"
        for media in response["content"]
    }
    assert kinds == {"application/problem+json"}


def test_the_body_of_score_is_the_event():
    operation = OPERATIONS["POST", "/api/v1/score"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/WireEvent"}


def test_a_file_that_was_written_is_fresh(tmp_path):
    file = tmp_path / "reference" / "openapi.json"
    assert (main([str(file)]), main(["--check", str(file)])) == (0, 0)


def test_a_file_that_was_changed_is_stale(tmp_path, capsys):
    file = tmp_path / "openapi.json"
    main([str(file)])
    file.write_text(file.read_text().replace("Sentinel", "Other"))
    assert main(["--check", str(file)]) == 1
    assert "gen:openapi" in capsys.readouterr().err


def test_the_checked_in_file_is_fresh():
    assert main(["--check", str(CHECKED_IN)]) == 0
