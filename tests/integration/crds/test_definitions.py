"""Both definitions at a real API server: taken, told, scaled, and quiet when nothing changes."""

import json

import pytest
import yaml

from sentinel_core.release import compile_release
from sentinel_core.resources import ConfigMap, SentinelModel, SentinelPipeline, read_object
from tests.support.largest_resources import LARGEST_MODEL, LARGEST_PIPELINE
from tests.support.manifests import MODEL, PIPELINE, SAMPLES, compile_files, read_sample, replaced

KINDS = {"SentinelModel": "smodel", "SentinelPipeline": "spipe"}
SAMPLE_NAMES = sorted(path.name for path in SAMPLES.iterdir())


def schema_of(api, kind):
    """Return the schema that ``kubectl explain`` reads."""
    path = "/openapi/v3/apis/sentinel.dev/v1alpha1"
    document = json.loads(api.kubectl("get", "--raw", path))
    return document["components"]["schemas"][f"dev.sentinel.v1alpha1.{kind}"]


def fields_of(schema, path=""):
    """Yield the path and schema of every field below a schema, but for those of Kubernetes itself."""
    for name, field in schema.get("properties", {}).items():
        if path == "" and name == "metadata":
            continue
        yield f"{path}.{name}", field
        below = field
        while "items" in below:
            below = below["items"]
        yield from fields_of(below, f"{path}.{name}")


def apply(api, namespace, *documents):
    text = yaml.safe_dump_all(documents)
    return api.kubectl("apply", f"--namespace={namespace}", "--filename=-", stdin=text)


@pytest.mark.parametrize("kind", KINDS)
def test_a_definition_is_established_and_structural(api, kind):
    crd = api.kubectl.get("crd", f"{kind.lower()}s.sentinel.dev")
    conditions = {one["type"]: one["status"] for one in crd["status"]["conditions"]}
    assert conditions == {"NamesAccepted": "True", "Established": "True"}


@pytest.mark.parametrize("kind", KINDS)
def test_explain_has_text_for_every_field(api, kind):
    fields = list(fields_of(schema_of(api, kind)))
    silent = [path for path, field in fields if not field.get("description")]
    assert (len(fields) > 80, silent) == (True, [])


@pytest.mark.parametrize(("kind", "short_name"), KINDS.items())
def test_explain_prints_the_text_of_each_field(api, kind, short_name):
    fields = dict(fields_of(schema_of(api, kind)))
    parents = [path for path, field in fields.items() if "properties" in field]
    assert parents
    for parent in parents:
        printed = " ".join(api.kubectl("explain", f"{short_name}{parent}").split())
        for name, field in fields[parent]["properties"].items():
            assert " ".join(field["description"].split()) in printed, f"{parent}.{name}"


@pytest.mark.parametrize("sample", SAMPLE_NAMES)
def test_every_sample_applies_and_a_second_time_changes_nothing(api, sample):
    namespace = api.namespace("sample")
    arguments = ("apply", f"--namespace={namespace}", f"--filename={SAMPLES / sample}")
    first = api.kubectl(*arguments).splitlines()
    second = api.kubectl(*arguments).splitlines()
    assert [line.rsplit(" ", 1)[1] for line in first] == ["created"] * len(first)
    assert [line.rsplit(" ", 1)[1] for line in second] == ["unchanged"] * len(first)


@pytest.mark.parametrize("document", [MODEL, PIPELINE], ids=KINDS)
def test_a_second_server_side_apply_writes_nothing(api, document):
    namespace = api.namespace("again")
    versions = []
    for _ in range(2):
        api.kubectl(
            "apply", "--server-side", f"--namespace={namespace}", "--filename=-",
            stdin=yaml.safe_dump(document),
        )  # fmt: skip
        found = api.kubectl.get(KINDS[document["kind"]], f"--namespace={namespace}")["items"]
        versions.append([one["metadata"]["resourceVersion"] for one in found])
    assert versions[0] == versions[1]


@pytest.mark.parametrize("sample", SAMPLE_NAMES)
def test_a_release_is_the_same_from_a_cluster_and_on_a_laptop(api, sample):
    namespace = api.namespace("release")
    files = read_sample(sample)
    for text in files.values():
        api.kubectl("apply", f"--namespace={namespace}", "--filename=-", stdin=text)

    def declared(plural, kind):
        found = api.kubectl.get(plural, f"--namespace={namespace}")["items"]
        return {one["metadata"]["name"]: read_object(one, kind) for one in found}

    (pipeline,) = declared("spipe", SentinelPipeline).values()
    models, texts = declared("smodel", SentinelModel), declared("configmap", ConfigMap)
    compiled = compile_release(pipeline, models, texts).release
    expected = compile_files(files).release.model_copy(update={"namespace": namespace})
    assert compiled.digest == expected.digest


@pytest.mark.parametrize("document", [LARGEST_MODEL, LARGEST_PIPELINE], ids=KINDS)
def test_the_largest_resource_that_the_bounds_allow_is_judged_within_the_budget(
    resources, document
):
    assert resources.try_out(document) is None


def test_an_api_server_fills_in_the_defaults_that_a_laptop_fills_in(api):
    namespace = api.namespace("defaults")
    document = replaced(MODEL, "spec.server", {"autoscaling": {"maxReplicas": 3}})
    apply(api, namespace, document, PIPELINE)
    for given, short_name, kind in (
        (document, "smodel", SentinelModel),
        (PIPELINE, "spipe", SentinelPipeline),
    ):
        name = given["metadata"]["name"]
        found = api.kubectl.get(short_name, name, f"--namespace={namespace}")
        filled, ours = read_object(found, kind).resource.spec, kind.model_validate(given).spec
        # The blocks of other rooms are filled in by those rooms.
        blocks = {"fusion"}
        assert filled.model_dump(exclude=blocks) == ours.model_dump(exclude=blocks)
        assert found["spec"]["suspend"] is False


def test_a_model_is_scaled_by_its_scale_subresource(api):
    namespace = api.namespace("scale")
    apply(api, namespace, replaced(MODEL, "spec.server", {}))
    api.kubectl("scale", f"--namespace={namespace}", "--replicas=3", "smodel/card-fraud")
    found = api.kubectl.get("smodel", "card-fraud", f"--namespace={namespace}")
    assert found["spec"]["server"]["replicas"] == 3


def test_the_scale_subresource_shows_what_the_status_says(api):
    namespace = api.namespace("scale")
    apply(api, namespace, replaced(MODEL, "spec.server", {"replicas": 2}))
    patch = json.dumps({"status": {"replicas": 1, "selector": "app=x"}})
    api.kubectl(
        "patch", "smodel/card-fraud", f"--namespace={namespace}", "--subresource=status",
        "--type=merge", f"--patch={patch}",
    )  # fmt: skip
    path = f"/apis/sentinel.dev/v1alpha1/namespaces/{namespace}/sentinelmodels/card-fraud/scale"
    scale = json.loads(api.kubectl("get", "--raw", path))
    assert (scale["spec"], scale["status"]) == (
        {"replicas": 2},
        {"replicas": 1, "selector": "app=x"},
    )


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (
            replaced(MODEL, "spec.server", {"autoscaling": {"maxReplicas": 3}}),
            "replicas and autoscaling exclude each other: load decides",
        ),
        (PIPELINE, "there is one replica (EphemeralState)"),
    ],
    ids=KINDS,
)
def test_scaling_what_others_decide_is_refused_with_the_reason(api, document, words):
    namespace = api.namespace("scale")
    apply(api, namespace, document)
    target = f"{KINDS[document['kind']]}/{document['metadata']['name']}"
    ran = api.kubectl.run("scale", f"--namespace={namespace}", "--replicas=2", target)
    assert (ran.returncode, words in ran.stderr) == (1, True), ran.stderr


@pytest.mark.parametrize(
    ("short_name", "columns"),
    [
        ("smodel", "NAME READY PHASE REVISION REPLICAS REASON AGE"),
        ("spipe", "NAME READY PHASE STABLE CANDIDATE PERCENT REPLICAS REASON AGE"),
    ],
)
def test_get_shows_the_state_in_columns(api, short_name, columns):
    namespace = api.namespace("columns")
    apply(api, namespace, MODEL, PIPELINE)
    header = api.kubectl("get", short_name, f"--namespace={namespace}").splitlines()[0]
    assert " ".join(header.split()) == columns


def test_both_kinds_are_found_by_their_category(api):
    namespace = api.namespace("category")
    apply(api, namespace, MODEL, PIPELINE)
    found = api.kubectl("get", "sentinel", f"--namespace={namespace}", "--output=name").split()
    assert sorted(found) == [
        "sentinelmodel.sentinel.dev/card-fraud",
        "sentinelpipeline.sentinel.dev/card-payments",
    ]
