"""Features in the words that an analyst reads; refresh with --update-golden and review the diff."""

from pathlib import Path

import pytest

from sentinel_core.events import schema_of
from sentinel_core.features import parse_spec, phrase_makers
from sentinel_core.located import load_yaml

FOLDER = Path(__file__).parent / "descriptions"


@pytest.mark.parametrize(("event", "name"), [("Transaction", "payments"), ("Login", "logins")])
def test_every_form_is_said_in_words(event, name, golden):
    document = load_yaml((FOLDER / f"{name}.yaml").read_text(), name)
    spec = parse_spec(document, schema_of(event))
    lines = []
    for feature, phrase in phrase_makers(spec).items():
        for value in (0.0, 1.0, 2.5, 5400.0, float("nan")):
            if feature.startswith("weekday") and value == 5400.0:
                continue  # no such day
            lines.append(f"{feature} = {value:g}: {phrase(value)}")
    golden(FOLDER / f"{name}.txt", "\n".join(lines) + "\n")
