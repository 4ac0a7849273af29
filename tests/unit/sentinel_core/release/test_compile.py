"""Compiling the samples, and what is refused around and across their parts."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sentinel_core.errors import InvalidDocumentError, ReleaseError
from sentinel_core.events import schema_of
from sentinel_core.features import parse_spec
from sentinel_core.fusion import parse_fusion
from sentinel_core.ids import digest_bytes
from sentinel_core.lists.parse import parse_plain
from sentinel_core.located import locate
from sentinel_core.release import compile_release
from sentinel_core.resources import load_manifest
from sentinel_core.signals.profile import parse_signals
from tests.support.manifests import (
    PROPOSED,
    SAMPLES,
    compile_files,
    edited,
    parse_files,
    read_sample,
)


@pytest.fixture
def files():
    return read_sample("card-payments")


def refused(files):
    with pytest.raises(InvalidDocumentError) as caught:
        compile_files(files)
    return caught.value.problems


def refused_for(files):
    with pytest.raises(ReleaseError) as caught:
        compile_files(files)
    return caught.value.reason


def place_of(files, name, text):
    """Return where a text stands, as a problem's location has it."""
    before = files[name][: files[name].index(text)]
    return f"{name}:{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"


# What a release holds


def test_the_card_sample_compiles_once_a_model_is_proposed(files):
    release = compile_files(files).release
    assert [(m.name, m.model, m.digest) for m in release.models] == [
        ("fraud", "card-fraud", PROPOSED)
    ]
    assert [one.name for one in release.lists] == ["known-bad-cards", "own-test-cards"]
    assert release.split_by == ("card",)


def test_the_login_sample_compiles_without_a_model():
    release = compile_files(read_sample("logins")).release
    assert (release.event, release.models, release.lists) == ("Login", (), ())


def test_the_samples_are_refused_until_a_model_is_proposed():
    manifest = load_manifest(SAMPLES / "card-payments")
    with pytest.raises(ReleaseError, match="sentinel propose") as caught:
        compile_release(
            manifest.pipeline(),
            manifest.models_in("default"),
            manifest.config_maps_in("default"),
        )
    assert caught.value.reason == "ModelNotProposed"


def test_each_room_parses_its_slice_of_the_release_again(files):
    release = compile_files(files).release
    spec = parse_spec(locate(release.features, "release"), schema_of(release.event))
    signals = parse_signals(locate(release.signals, "release"), spec.names)
    fusion = parse_fusion(locate(release.fusion, "release"))
    assert release.features_digest == spec.digest
    assert release.signals == signals.model_dump(mode="json", by_alias=True)
    assert release.fusion == fusion.model_dump(mode="json", by_alias=True)


def test_the_rows_of_each_list_come_beside_the_release_by_digest(files):
    compiled = compile_files(files)
    assert {one.digest for one in compiled.release.lists} == set(compiled.blobs)
    for digest, rows in compiled.blobs.items():
        assert digest == digest_bytes(rows)
        assert digest == parse_plain(json.loads(rows)).digest


def test_without_a_choice_events_are_split_in_the_order_of_their_type(files):
    files = edited(files, "pipeline.yaml", ", splitBy: card", "")
    assert schema_of("Transaction").split_kinds == compile_files(files).release.split_by


def test_stream_seed_brings_its_own_velocity(files):
    files = stream_seed(files)
    files = edited(
        files,
        "features.yaml",
        "      - {name: is_night",
        STREAM_FEATURE + "      - {name: is_night",
    )
    curves = compile_files(files).release.signals["velocity"]["curves"]
    assert [curve["feature"] for curve in curves] == ["card_count_60s"]


def test_the_key_that_an_artifact_must_be_signed_with_is_in_the_release(files):
    pem = Ed25519PrivateKey.generate().public_key()
    text = pem.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    assert compile_files(signed_with(files, text)).release.models[0].public_key == text


# What is refused, and where


def test_all_faults_of_all_parts_come_at_once(files):
    files = edited(files, "features.yaml", "hour_between: [0, 6]", "hour_between: [0, 24]")
    files = edited(
        files, "rules.yaml", "{feature: card_count_10m, gte: 6}", "{feature: card_count_10, gte: 6}"
    )
    files = edited(files, "lists.yaml", "kind: Block", "kind: Black")
    files = edited(files, "pipeline.yaml", "feature: amount_z_30d", "feature: amount_z")
    files = edited(files, "pipeline.yaml", "velocity: 0.5", "velocity: 5")
    files = edited(files, "pipeline.yaml", "splitBy: card", "splitBy: terminal")
    files = edited(
        files, "pipeline.yaml", "modelRef: {name: card-fraud}", "modelRef: {name: card-frauds}"
    )
    places = {
        place_of(files, "features.yaml", "[0, 24]"),
        place_of(files, "rules.yaml", "card_count_10, gte"),
        place_of(files, "lists.yaml", "kind: Black"),
        place_of(files, "pipeline.yaml", "feature: amount_z,"),
        place_of(files, "pipeline.yaml", "velocity: 5"),
        place_of(files, "pipeline.yaml", "splitBy: terminal"),
        place_of(files, "pipeline.yaml", "name: card-frauds}"),
    }
    assert places == {problem.location for problem in refused(files)}


def test_a_fault_in_one_feature_brings_none_for_rules_that_read_it(files):
    files = edited(
        files, "features.yaml", "card_count_10m, entity: card", "card_count_10m, entity: cards"
    )
    assert [place_of(files, "features.yaml", "cards")] == [p.location for p in refused(files)]


def test_an_input_that_is_not_there_is_refused_by_reason(files):
    files = edited(files, "pipeline.yaml", "name: card-rules", "name: card-rule")
    assert refused_for(files) == "InputNotFound"


def test_a_key_that_is_not_there_is_refused_by_reason(files):
    files = edited(files, "pipeline.yaml", "key: rules.yaml", "key: rules.yml")
    assert refused_for(files) == "InputNotFound"


def test_an_input_without_its_label_is_refused_with_the_command_to_run(files):
    files = edited(files, "rules.yaml", '  labels: {sentinel.dev/input: "true"}\n', "")
    with pytest.raises(ReleaseError) as caught:
        compile_files(files)
    assert caught.value.reason == "InputNotLabelled"
    assert "kubectl label configmap card-rules sentinel.dev/input=true" in str(caught.value)


def test_an_input_that_is_named_twice_is_told_once(files):
    files = edited(files, "lists.yaml", 'sentinel.dev/input: "true"', 'sentinel.dev/input: "yes"')
    with pytest.raises(ReleaseError) as caught:
        compile_files(files)
    assert str(caught.value).count("lists.yaml:") == 1


def test_a_model_that_is_not_there_is_refused_by_reason(files):
    del files["model.yaml"]
    assert refused_for(files) == "ModelNotFound"


def test_inputs_of_another_namespace_are_not_seen(files):
    files = edited(
        files, "pipeline.yaml", "  name: card-payments", "  name: card-payments\n  namespace: b"
    )
    manifest = parse_files(files)
    with pytest.raises(InvalidDocumentError):
        compile_release(manifest.pipeline(), manifest.models_in("b"), manifest.config_maps_in("b"))


def test_faults_of_several_reasons_come_together(files):
    files = edited(files, "rules.yaml", '  labels: {sentinel.dev/input: "true"}\n', "")
    del files["model.yaml"]
    assert len(refused(files)) == 2


@pytest.mark.parametrize(
    ("old", "new", "at"),
    [
        pytest.param("- name: fraud", "- name: velocity", "name: velocity", id="reserved-name"),
        pytest.param("behaviour: 0.3", "behavior: 0.3", "behavior: 0.3", id="weight-of-nothing"),
        pytest.param("velocity: 0.5, ", "", "weights:", id="signal-without-weight"),
        pytest.param("- name: own-test-cards", "- name: own-cards", None, id="two-names-of-a-list"),
        pytest.param("history: card_before_30d", "history: cards", "history: cards", id="history"),
    ],
)  # fmt: skip
def test_parts_that_contradict_each_other_are_refused_at_their_place(files, old, new, at):
    files = edited(files, "pipeline.yaml", old, new)
    if at is None:
        expected = place_of(files, "lists.yaml", "name: own-test-cards")
    else:
        expected = place_of(files, "pipeline.yaml", at)
    assert expected in [problem.location for problem in refused(files)]


def test_two_models_of_one_name_are_refused(files):
    second = "    - name: fraud\n      modelRef: {name: card-fraud}\n"
    files = edited(files, "pipeline.yaml", "  signals:\n", f"{second}  signals:\n")
    assert "another model is named fraud" in [p.message for p in refused(files)]


def test_two_lists_of_one_name_are_refused(files):
    files = edited(
        files, "pipeline.yaml", "    - name: own-test-cards", "    - name: known-bad-cards"
    )
    assert "another list is named known-bad-cards" in [p.message for p in refused(files)]


def test_a_signal_that_only_rules_read_needs_no_weight(files):
    files = edited(files, "pipeline.yaml", "weights: {fraud: 1.0, ", "weights: {")
    assert "fraud" not in compile_files(files).release.fusion["weights"]


@pytest.mark.parametrize("signal", ["lists", "rules"])
def test_rules_read_neither_lists_nor_rules_as_a_signal(files, signal):
    files = edited(files, "rules.yaml", "{signal: fraud, gte", f"{{signal: {signal}, gte")
    assert place_of(files, "rules.yaml", f"{signal}, gte") in [p.location for p in refused(files)]


def test_a_list_over_a_field_that_the_event_has_not_is_refused(files):
    files = edited(
        files, "lists.yaml", "kind: Block\n    field: card", "kind: Block\n    field: user"
    )
    assert place_of(files, "lists.yaml", "field: user") in [p.location for p in refused(files)]


@pytest.mark.parametrize(
    "pem", ["", "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n", "not a key"]
)
def test_a_signing_key_that_is_none_is_refused(files, pem):
    assert [p.message for p in refused(signed_with(files, pem))] == [
        "cosign.pub is no Ed25519 public key in PEM"
    ]


@pytest.mark.parametrize(
    "feature",
    [
        "card_count_60s, entity: card, count: {}, window: 2m, include_self: true",
        "card_count_60s, entity: card, count: {}, window: 60s",
        "card_count_60s, entity: card, mean: payload.amount, window: 60s, include_self: true",
    ],
)
def test_stream_seed_reads_a_count_of_its_own_window_only(files, feature):
    files = stream_seed(files)
    files = edited(
        files,
        "features.yaml",
        "      - {name: is_night",
        f"      - {{name: {feature}}}\n      - {{name: is_night",
    )
    assert [place_of(files, "pipeline.yaml", "velocityFeature")] == [
        p.location for p in refused(files)
    ]


def test_stream_seed_takes_no_velocity_curves_beside_its_own(files):
    files = stream_seed(
        files, signals="signals: {velocity: {curves: [{feature: card_count_1d, points: [[1, 1]]}]}}"
    )
    files = edited(
        files,
        "features.yaml",
        "      - {name: is_night",
        STREAM_FEATURE + "      - {name: is_night",
    )
    assert [place_of(files, "pipeline.yaml", "velocity: {curves")] == [
        p.location for p in refused(files)
    ]


def test_a_release_over_its_limit_is_refused_by_reason(files):
    # A text has at most 256 KiB, so only rules and features together pass the limit of 384 KiB.
    rules, features = files["rules.yaml"], files["features.yaml"]
    rule = rules[rules.index("    - id: device-many-cards") : rules.index("    - id: high-amount")]
    long_rule = rule.replace("List the cards", "List the cards. " * 240)
    many_rules = "".join(long_rule.replace("id: device-", f"id: r{i}-") for i in range(55))
    merchants = ", ".join(f"merchant-{i}" for i in range(1500))
    form = "entity: card, count: {}, window: 1d"
    many_features = "".join(
        f"      - {{name: f{i}, {form}, where: {{field: merchant, in: [{merchants}]}}}}\n"
        for i in range(10)
    )
    files |= {"rules.yaml": f"{rules}\n{many_rules}", "features.yaml": features + many_features}
    assert refused_for(files) == "ReleaseTooLarge"


STREAM_FEATURE = (
    "      - {name: card_count_60s, entity: card, count: {}, window: 60s, include_self: true}\n"
)


def stream_seed(files, signals="signals: {}"):
    """Return the card sample under the method StreamSeed, without curves of its own."""
    text = files["pipeline.yaml"]
    start, end = text.index("  signals:"), text.index("  rules:")
    text = f"{text[:start]}  {signals}\n{text[end:]}"
    start, end = text.index("  fusion:"), text.index("  failurePolicy:")
    fusion = "  fusion: {method: StreamSeed, velocityFeature: card_count_60s}\n"
    return files | {"pipeline.yaml": text[:start] + fusion + text[end:]}


def signed_with(files, pem):
    """Return the card sample with a model that must be signed by a key."""
    digest = f"digest: {PROPOSED}\n"
    ref = "    signature: {publicKeyRef: {name: model-signing, key: cosign.pub}}\n"
    key = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "model-signing", "labels": {"sentinel.dev/input": "true"}},
        "data": {"cosign.pub": pem},
    }
    return edited(files, "model.yaml", digest, digest + ref) | {"key.json": json.dumps(key)}
