"""docs/how-to/api-keys.md makes a key file that lets its key in, and says what each role may do."""

from __future__ import annotations

import re
import subprocess

import pytest

from sentinel_bentos.decision.auth import load_keys
from sentinel_bentos.decision.policy import POLICIES
from tests.support.pages import ROOT, lines_of

PAGE = ROOT / "docs" / "how-to" / "api-keys.md"
MAY = {
    "ask for decisions": ("POST", "/score"),
    "read": ("GET", "/decisions/{decision_id}"),
    "replay": ("POST", "/decisions/{decision_id}/replay"),
    "report": ("POST", "/transactions/{event_id}/feedback"),
}


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    """Return the key that the page's commands made, and where they wrote its file."""
    folder = tmp_path_factory.mktemp("keys")
    script = "\n".join([*lines_of(PAGE), 'printf %s "$KEY"'])
    made = subprocess.run(
        ["sh", "-ec", script], cwd=folder, capture_output=True, text=True, check=True
    )
    return made.stdout, folder / "keys.yaml"


def test_the_key_that_it_makes_is_let_in(key):
    secret, path = key
    caller = load_keys(path).identify({"x-api-key": secret})
    assert (caller.name, caller.tenant, caller.role) == ("first", "default", "service")


def test_it_says_what_each_role_may_do():
    rows = re.findall(r"^\| (`.*?) \| (.*) \|$", PAGE.read_text(), flags=re.MULTILINE)
    told = {role: text for roles, text in rows for role in re.findall(r"`(\w+)`", roles)}
    everything = " ".join(told.values())
    for words, route in MAY.items():
        policy = POLICIES[route]
        assert policy is not None
        named = {role for role, text in told.items() if words in text or text == "all of this"}
        assert named == policy, words
        assert words in everything
