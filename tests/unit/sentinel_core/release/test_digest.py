"""The digest of a release follows its meaning, not the form of its source."""

import pytest

from sentinel_core.ids import digest_bytes
from tests.support.manifests import PROPOSED, compile_files, edited, read_sample


@pytest.fixture
def files():
    return read_sample("card-payments")


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("rules.yaml", "    - id: card-burst", "    # A note.\n    - id: card-burst"),
        ("features.yaml", "name: is_night, hour_between: [0, 6]", "hour_between: [0,6], name: is_night"),
        ("pipeline.yaml", "  budgetMs: 50\n", ""),
        ("pipeline.yaml", "  failurePolicy: Review\n", ""),
        ("pipeline.yaml", "      placement: Inline\n", ""),
        ("pipeline.yaml", "weights: {fraud: 1.0, velocity: 0.5", "weights: {velocity: 0.50, fraud: 1"),
        ("pipeline.yaml", "levels: {LOW: 0, MEDIUM: 30", "levels: {MEDIUM: 30, LOW: 0"),
        ("pipeline.yaml", "metadata:\n", "metadata:\n  namespace: default\n  labels: {team: risk}\n"),
        ("lists.yaml", "name: own-test-cards\n    kind: Trust", "kind: Trust\n    name: own-test-cards"),
    ],
)  # fmt: skip
def test_the_form_of_the_source_does_not_change_the_digest(files, name, old, new):
    expected = compile_files(files).release.digest
    assert expected == compile_files(edited(files, name, old, new)).release.digest


def test_the_order_of_files_and_lists_does_not_change_the_digest(files):
    expected = compile_files(files).release.digest
    text = files["pipeline.yaml"]
    start, end = text.index("    - name: known-bad-cards"), text.index("    - name: own-test-cards")
    stop = text.index("  fusion:")
    swapped = text[:start] + text[end:stop] + text[start:end] + text[stop:]
    reordered = dict(reversed((files | {"pipeline.yaml": swapped}).items()))
    assert expected == compile_files(reordered).release.digest


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("model.yaml", PROPOSED, digest_bytes(b"another")),
        ("model.yaml", "uri: models/card-fraud", "uri: models/card-fraud/2"),
        ("pipeline.yaml", "deadlineMs: 10", "deadlineMs: 11"),
        ("pipeline.yaml", "{action: Skip}", "{action: FailClosed}"),
        ("pipeline.yaml", "[[3, 0.2], [6, 0.6]", "[[3, 0.2], [7, 0.6]"),
        ("pipeline.yaml", "minHistory: 5", "minHistory: 6"),
        ("pipeline.yaml", "velocity: 0.5", "velocity: 0.4"),
        ("pipeline.yaml", "HIGH: 60", "HIGH: 61"),
        ("pipeline.yaml", "review: 60", "review: 59"),
        ("pipeline.yaml", "failurePolicy: Review", "failurePolicy: Closed"),
        ("pipeline.yaml", "budgetMs: 50", "budgetMs: 51"),
        ("pipeline.yaml", "splitBy: card", "splitBy: account"),
        ("features.yaml", "is_night, hour_between: [0, 6]", "is_night, hour_between: [0, 5]"),
        ("rules.yaml", "country, in: [KP, IR", "country, in: [IR, KP"),
        ("rules.yaml", "effect: {points: 45}", "effect: {points: 46}"),
        ("lists.yaml", "value: card-stolen-2", "value: card-stolen-3"),
        ("lists.yaml", "cap: 20", "cap: 21"),
    ],
)  # fmt: skip
def test_every_change_of_meaning_changes_the_digest(files, name, old, new):
    changed = compile_files(edited(files, name, old, new)).release.digest
    assert compile_files(files).release.digest != changed
