"""``sentinel rules``: what it prints, and the exit code it leaves."""

import json

import pytest
from typer.testing import CliRunner

from sentinel_core.cli.rules import app
from sentinel_core.errors import InvalidDocumentError, NotFoundError
from sentinel_core.rules.library import DOMAINS, features_text, library_text

RULE = """
- id: sanctioned-region
  name: Sanctioned region
  category: compliance
  when: {field: country, in: [KP]}
  effect: {outcome: block}
  tests: [{event: {country: KP}, hit: true}, {event: {country: SE}, hit: %s}, {hit: false}]
"""


@pytest.fixture
def run():
    runner = CliRunner()
    return lambda *arguments: runner.invoke(app, [str(a) for a in arguments])


@pytest.fixture
def pack(tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text(RULE % "false")
    return path


@pytest.fixture
def failing(tmp_path):
    path = tmp_path / "failing.yaml"
    path.write_text(RULE % "true")
    return path


def test_check_says_that_a_sound_pack_holds(run, pack):
    result = run("check", pack, "--event", "Transaction")
    assert (result.exit_code, "1 rules and their 3 tests hold" in result.output) == (0, True)


def test_check_prints_the_digest_for_machines(run, pack):
    printed = json.loads(run("check", pack, "--event", "Transaction", "--json").output)
    assert (
        printed["problems"], printed["rules"], printed["tests"],
    ) == ([], ["sanctioned-region"], 3)  # fmt: skip
    assert printed["digest"].startswith("sha256:")


def test_check_refuses_a_pack_whose_tests_fail(run, failing):
    result = run("check", failing, "--event", "Transaction")
    assert isinstance(result.exception, InvalidDocumentError)
    assert f"{failing}:7:46" in str(result.exception)


def test_check_prints_the_problems_for_machines(run, failing):
    result = run("check", failing, "--event", "Transaction", "--json")
    (problem,) = json.loads(result.output)["problems"]
    assert (1, f"{failing}:7:46") == (result.exit_code, problem["location"])


def test_check_takes_the_names_of_lists_and_signals(run, tmp_path):
    path = tmp_path / "rules.yaml"
    when = "{any: [{list: bad-cards, field: card}, {signal: fraud, gte: 0.9}, {field: country, eq: KP}]}"
    path.write_text((RULE % "false").replace("{field: country, in: [KP]}", when))
    names = ("--list", "bad-cards", "--signal", "fraud")
    assert run("check", path, "--event", "Transaction", *names).exit_code == 0


def test_check_refuses_a_file_that_is_not_utf8(run, tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_bytes(b"\xff\xfe")
    result = run("check", path, "--event", "Transaction")
    assert "not UTF-8" in str(result.exception)


@pytest.mark.parametrize(
    "arguments", [("--event", "Payment"), (), ("--event", "Login", "--features", "none.yaml")]
)
def test_wrong_usage_leaves_exit_code_2(run, pack, arguments):
    assert run("check", pack, *arguments).exit_code == 2


def test_test_shows_each_test_and_fails_where_one_fails(run, failing):
    result = run("test", failing, "--event", "Transaction")
    assert (result.exit_code, "2 of 3 tests passed" in result.output) == (1, True)
    assert (
        "test 2 of sanctioned-region expects a hit, got miss: field country is SE" in result.output
    )


def test_test_tells_machines_what_each_test_read(run, failing):
    printed = json.loads(run("test", failing, "--event", "Transaction", "--json").output)
    assert [result["passed"] for result in printed["tests"]] == [True, False, True]
    assert printed["tests"][1]["read"] == {"field country": "SE"}


@pytest.mark.parametrize("domain", DOMAINS)
def test_the_printed_library_is_a_pack_that_holds(run, tmp_path, domain):
    rules, features = tmp_path / "rules.yaml", tmp_path / "features.yaml"
    rules.write_text(run("library", domain).output)
    features.write_text(run("library", domain, "--features").output)
    assert (library_text(domain), features_text(domain)) == (
        rules.read_text(),
        features.read_text(),
    )
    arguments = ("--event", DOMAINS[domain], "--features", features)
    assert run("test", rules, *arguments).exit_code == 0


def test_the_library_lists_its_domains(run):
    assert set(DOMAINS) == set(json.loads(run("library", "--json").output))


def test_an_unknown_domain_is_refused(run):
    assert isinstance(run("library", "payment").exception, NotFoundError)
