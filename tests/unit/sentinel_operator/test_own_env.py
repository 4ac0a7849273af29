"""Variables that the operator gives to pods cannot be declared by others."""

import re
from pathlib import Path

import sentinel_operator.builders
import sentinel_operator.services
from sentinel_core.resources.server import OWN_ENV
from sentinel_operator.builders.pod import HOMES

OF_PROOFS = {"SENTINEL_VERDICT_FILE"}
"""A proof Job gets no variables of the server, so nobody can set these."""


def test_every_variable_of_a_server_is_refused_in_a_spec():
    rooms = (sentinel_operator.builders, sentinel_operator.services)
    texts = [path.read_text() for room in rooms for path in Path(room.__path__[0]).glob("*.py")]
    given = {name for text in texts for name in re.findall(r'"(SENTINEL_[A-Z_]+)"', text)}
    assert len(given) >= 6
    assert {*given, *HOMES} - OF_PROOFS <= set(OWN_ENV)
