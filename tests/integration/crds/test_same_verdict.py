"""An API server and a laptop judge the same document alike, whatever its author got wrong."""

import copy

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sentinel_core.errors import SentinelError
from sentinel_core.fusion import parse_fusion
from sentinel_core.located import locate
from sentinel_core.resources import SentinelModel, SentinelPipeline
from sentinel_core.resources.faults import parse_block
from sentinel_core.signals.profile import SignalsProfile
from tests.support.manifests import MODEL, PIPELINE, compile_files, replaced

KINDS = {"SentinelModel": SentinelModel, "SentinelPipeline": SentinelPipeline}
SERVER = {
    "image": "sentinel-bento:1",
    "resources": {"requests": {"cpu": "250m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
    "env": [{"name": "LOG", "value": "info"}, {"name": "OMP_NUM_THREADS"}],
    "drainSeconds": 20,
    "topologySpread": True,
    "networkPolicy": {
        "enabled": True,
        "allowFrom": [
            {"podSelector": {"matchLabels": {"app": "gateway"}}, "namespaceSelector": {}},
            {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16", "10.2.0.0/16"]}},
        ],
        "egress": [
            {
                "to": [{"ipBlock": {"cidr": "fd00::/8"}}],
                "ports": [{"port": 443, "protocol": "TCP"}, {"port": 9000}],
            }
        ],
    },
}
AUTOSCALED = SERVER | {
    "autoscaling": {
        "minReplicas": 1,
        "maxReplicas": 3,
        "targetCPUUtilization": 70,
        "behavior": {
            "scaleUp": {"stabilizationWindowSeconds": 0, "selectPolicy": "Max"},
            "scaleDown": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]},
        },
    }
}
ARTIFACT = {
    "uri": "s3://models/card-fraud.tar",
    "digest": f"sha256:{'a' * 64}",
    "storeSecretRef": {"name": "model-store"},
}
CURVE = {"feature": "is_night", "points": [[0, 0.1], [1, 0.6]]}
FULL_PIPELINE = PIPELINE | {
    "spec": PIPELINE["spec"]
    | {
        "models": [
            {
                "name": "fraud",
                "modelRef": {"name": "card-fraud"},
                "placement": "Inline",
                "deadlineMs": 10,
                "onFailure": {"action": "Score", "score": 0.5},
            },
            {"name": "other", "modelRef": {"name": "card-fraud"}},
        ],
        "signals": {
            "velocity": {"curves": [CURVE]},
            "behaviour": {"curves": [CURVE], "history": "is_night", "minHistory": 5},
        },
        "fusion": {
            "method": "NoisyOr",
            "weights": {"fraud": 1.0, "other": 0.5, "velocity": 0.5, "behaviour": 0.5},
            "levels": {"LOW": 0, "MEDIUM": 30, "HIGH": 60},
            "outcomes": {"review": 60, "block": 85},
        },
        "failurePolicy": "Review",
        "budgetMs": 50,
        "rollout": {"strategy": "Immediate", "splitBy": "card"},
        "auth": {"apiKeysSecretRef": {"name": "keys"}},
        "server": SERVER | {"replicas": 1},
        "suspend": False,
        "revisionHistoryLimit": 10,
    }
}
BASES = (
    replaced(replaced(MODEL, "spec.server", AUTOSCALED), "spec.artifact", ARTIFACT),
    replaced(MODEL, "spec.server", SERVER | {"replicas": 2}),
    FULL_PIPELINE,
    replaced(FULL_PIPELINE, "spec.fusion.method", "Weighted"),
    replaced(
        replaced(FULL_PIPELINE, "spec.fusion", {"method": "StreamSeed", "velocityFeature": "n"}),
        "spec.signals",
        {},
    ),
)
VALUES = (
    *(0, 1, 2, 3, -1, 17, 70, 101, 10_001, 0.5, 1.5, 0.55),
    *(True, False, [], {}, [[1, 0.5]], [{}], {"a": 1}, {"name": "x"}),
    *("", "a", "A", "a b", "a-b", "x" * 64, "1", "500m", "2Gi", "1Gi", "10.0.0.0/8", "10.3.0.0/16"),
    *("Inline", "Remote", "Skip", "NoisyOr", "SeedV1", "card", "user", "velocity", "Login", "Pods"),
    *("https://models.example/1.tar", "models/1", "file:///models/1", "s3://models/1.tar"),
)
MORE_KEYS = ("replicas", "autoscaling", "score", "weights", "velocity", "rules", "except", "tpyo")


def paths_of(value, path=()):
    """Yield the path of everything in a document that a person may get wrong."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        yield (*path, key)
        # What is in a feature, only its parser knows.
        if isinstance(inner, dict | list) and key != "inline":
            yield from paths_of(inner, (*path, key))


@st.composite
def documents(draw):
    """Draw a document with one to three mistakes, or what may be some."""
    document = copy.deepcopy(draw(st.sampled_from(BASES)))
    for _ in range(draw(st.integers(1, 3))):
        named = [("metadata", "name")] if "name" in document["metadata"] else []
        paths = [*named, *paths_of(document["spec"], ("spec",))]
        *parents, last = draw(st.sampled_from(paths))
        at = document
        for key in parents:
            at = at[key]
        mistake = draw(st.sampled_from(["replace", "remove", "add", "repeat"]))
        if mistake == "remove":
            del at[last]
        elif mistake == "repeat" and isinstance(at, list):
            at.append(copy.deepcopy(at[last]))
        elif mistake == "add" and isinstance(at, dict):
            at[draw(st.sampled_from(MORE_KEYS))] = copy.deepcopy(draw(st.sampled_from(VALUES)))
        else:
            at[last] = copy.deepcopy(draw(st.sampled_from(VALUES)))
    return document


def schema_refuses(document):
    """Return what the classes say that the schema is made from, without what compiling adds."""
    located = locate(document, "m.yaml")
    try:
        resource = parse_block(located, KINDS[document["kind"]])
        if isinstance(resource, SentinelPipeline):
            parse_block(locate(resource.spec.signals, "m.yaml"), SignalsProfile)
            parse_fusion(locate(resource.spec.fusion, "m.yaml"))
    except SentinelError as error:
        return str(error)
    return None


def compiling_refuses(document):
    documents = {"SentinelModel": MODEL, "SentinelPipeline": PIPELINE} | {
        document["kind"]: document
    }
    try:
        compile_files({"all.yaml": yaml.safe_dump_all(documents.values())})
    except SentinelError as error:
        return str(error)
    return None


@settings(max_examples=400, suppress_health_check=list(HealthCheck))
@given(document=documents())
def test_what_one_refuses_the_other_does_not_take(resources, document):
    refusal = resources.try_out(document)
    said = refusal.message if refusal else None
    if refusal is None:
        assert schema_refuses(document) is None, said
    else:
        assert compiling_refuses(document) is not None, said


def test_what_the_mistakes_are_made_in_is_taken_by_both(resources):
    assert [resources.try_out(base) for base in BASES] == [None] * len(BASES)
    assert [schema_refuses(base) for base in BASES] == [None] * len(BASES)
