"""Each field of the two resources takes what its bounds allow, and nothing beyond."""

import pytest

from sentinel_core.errors import InvalidDocumentError
from sentinel_core.ids import digest_bytes
from sentinel_core.located import locate
from sentinel_core.resources import ConfigMap, SentinelModel, SentinelPipeline
from sentinel_core.resources.faults import parse_block
from tests.support.manifests import MODEL, PIPELINE, removed, replaced

CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "card-rules"}}
DOCUMENTS = {SentinelModel: MODEL, SentinelPipeline: PIPELINE, ConfigMap: CONFIG_MAP}
REF = {"name": "card-rules", "key": "rules.yaml"}
S3_ARTIFACT = {
    "uri": "s3://models/card-fraud.tar",
    "digest": digest_bytes(b""),
    "storeSecretRef": {"name": "model-store"},
}
BEHAVIOR = {
    "scaleUp": {"stabilizationWindowSeconds": 0, "selectPolicy": "Max"},
    "scaleDown": {"policies": [{"type": "Percent", "value": 50, "periodSeconds": 60}]},
}
PEERS = [
    {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "gateway"}}},
    {"namespaceSelector": {"matchLabels": {"team": "risk"}}, "podSelector": {}},
    {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}},
    {"ipBlock": {"cidr": "fd00::/8"}},
]


def models(count):
    return [{"name": f"m{i}", "modelRef": {"name": "card-fraud"}} for i in range(count)]


def lists(count):
    return [{"name": f"l{i}", "configMapRef": REF} for i in range(count)]


TAKEN = [
    (SentinelModel, "metadata.name", "a" * 40),
    (SentinelModel, "metadata.name", "a1-b"),
    (SentinelModel, "metadata.namespace", "1-payments"),
    (SentinelModel, "metadata.labels", {"team": "risk"}),
    (SentinelModel, "metadata.annotations", {f"note-{i}": "" for i in range(64)}),
    (SentinelModel, "spec.artifact.uri", "models/card-fraud"),
    (SentinelModel, "spec.artifact.uri", "/srv/models/card-fraud"),
    (SentinelModel, "spec.artifact.uri", "file:///srv/" + "m" * 1012),
    (SentinelModel, "spec.artifact.digest", digest_bytes(b"")),
    (SentinelModel, "spec.artifact.signature.publicKeyRef", REF),
    (SentinelModel, "spec.artifact.uri", "https://models.example/card-fraud.tar"),
    (SentinelModel, "spec.artifact", S3_ARTIFACT),
    (SentinelModel, "spec.server", {}),
    (SentinelModel, "spec.server.replicas", 1),
    (SentinelModel, "spec.server.replicas", 1000),
    (SentinelModel, "spec.server.image", "registry.example:5000/bento@" + digest_bytes(b"")),
    (SentinelModel, "spec.server.autoscaling", {"maxReplicas": 1}),
    (SentinelModel, "spec.server.autoscaling", {"minReplicas": 3, "maxReplicas": 3}),
    (SentinelModel, "spec.server.autoscaling", {"maxReplicas": 3, "behavior": BEHAVIOR}),
    (SentinelModel, "spec.server.resources.requests", {"cpu": 1, "memory": "1Gi"}),
    (SentinelModel, "spec.server.resources.requests", {"cpu": "0.5", "ephemeral-storage": "1Gi"}),
    (SentinelModel, "spec.server.resources.limits", {}),
    (SentinelModel, "spec.server.env", [{"name": f"A{i}"} for i in range(64)]),
    (SentinelModel, "spec.server.drainSeconds", 600),
    (SentinelModel, "spec.server.networkPolicy", {"enabled": False}),
    (SentinelModel, "spec.server.networkPolicy.allowFrom", []),
    (SentinelModel, "spec.server.networkPolicy.allowFrom", PEERS),
    (SentinelModel, "spec.server.networkPolicy.egress", [{"to": PEERS, "ports": [{"port": 443}]}]),
    (SentinelModel, "spec.suspend", True),
    (SentinelPipeline, "spec.revisionHistoryLimit", 0),
    (SentinelPipeline, "spec.server.replicas", 1),
    (SentinelPipeline, "spec.auth.apiKeysSecretRef.name", "keys"),
    (SentinelPipeline, "spec.models.0.placement", "Remote"),
    (SentinelPipeline, "spec.event", "Login"),
    (SentinelPipeline, "spec.features", {"configMapRef": REF}),
    (SentinelPipeline, "spec.models", []),
    (SentinelPipeline, "spec.models", models(16)),
    (SentinelPipeline, "spec.models.0.name", "f" * 63),
    (SentinelPipeline, "spec.models.0.placement", "Inline"),
    (SentinelPipeline, "spec.models.0.deadlineMs", 1),
    (SentinelPipeline, "spec.models.0.deadlineMs", 10_000),
    (SentinelPipeline, "spec.models.0.onFailure", {"action": "FailClosed"}),
    (SentinelPipeline, "spec.models.0.onFailure", {"action": "Score", "score": 0}),
    (SentinelPipeline, "spec.models.0.onFailure", {"action": "Score", "score": 1}),
    (SentinelPipeline, "spec.rules.configMapRef", REF),
    (SentinelPipeline, "spec.lists", lists(64)),
    (SentinelPipeline, "spec.failurePolicy", "Open"),
    (SentinelPipeline, "spec.failurePolicy", "Closed"),
    (SentinelPipeline, "spec.budgetMs", 1),
    (SentinelPipeline, "spec.budgetMs", 60_000),
    (SentinelPipeline, "spec.rollout", {"strategy": "Immediate", "splitBy": "card"}),
    (ConfigMap, "metadata.name", "a.b-c.0"),
    (ConfigMap, "metadata.name", "a" * 253),
    (ConfigMap, "data", {f"k{i}": "" for i in range(64)}),
    (ConfigMap, "immutable", True),
]

REFUSED = [
    (SentinelModel, "apiVersion", "sentinel.dev/v1"),
    (SentinelModel, "metadata.name", "a" * 41),
    (SentinelModel, "metadata.name", "Card"),
    (SentinelModel, "metadata.name", "1card"),
    (SentinelModel, "metadata.name", "card-"),
    (SentinelModel, "metadata.name", "card\n"),
    (SentinelModel, "metadata.namespace", "a" * 64),
    (SentinelModel, "metadata.namespace", "a.b"),
    (SentinelModel, "metadata.labels", {"team": 5}),
    (SentinelModel, "metadata.labels", {"k" * 318: "v"}),
    (SentinelModel, "metadata.annotations", {"note": "v" * 4097}),
    (SentinelModel, "metadata.annotations", {f"note-{i}": "" for i in range(65)}),
    (SentinelModel, "spec.artifact.uri", "file:///srv/" + "m" * 1013),
    (SentinelModel, "spec.artifact.uri", "file://host/m"),
    (SentinelModel, "spec.artifact.uri", "s3://m/card-fraud.tar"),
    (SentinelModel, "spec.artifact.uri", "s3://models"),
    (SentinelModel, "spec.artifact.uri", "https://user:word@models.example/1.tar"),
    (SentinelModel, "spec.artifact.uri", "ftp://models.example/1.tar"),
    (SentinelModel, "spec.artifact.uri", "a path"),
    (SentinelModel, "spec.artifact.uri", ""),
    (SentinelModel, "spec.artifact.digest", "sha256:" + "a" * 63),
    (SentinelModel, "spec.artifact.digest", "sha256:" + "A" * 64),
    (SentinelModel, "spec.artifact.signature", {}),
    (SentinelModel, "spec.artifact.storeSecretRef", {"name": "store"}),  # the URI is a file
    (SentinelModel, "spec.artifact.storeSecretRef.key", "endpoint"),
    (SentinelModel, "spec.server.replicas", 0),
    (SentinelModel, "spec.server.replicas", 1001),
    (SentinelModel, "spec.server.image", "Not An Image"),
    (SentinelModel, "spec.server.autoscaling.maxReplicas", 0),
    (SentinelModel, "spec.server.autoscaling.minReplicas", 1001),
    (SentinelModel, "spec.server.autoscaling.targetCPUUtilization", 0),
    (SentinelModel, "spec.server.autoscaling.targetCpuUtilization", 70),
    (SentinelModel, "spec.server.resources.requests.cpu", "half"),
    (SentinelModel, "spec.server.resources.requests.memory", "2Gi"),
    (SentinelModel, "spec.server.resources.limits.memory", "-1Gi"),
    (SentinelModel, "spec.server.resources.limits.memroy", "1Gi"),
    (SentinelModel, "spec.server.env", [{"name": "A-B"}]),
    (SentinelModel, "spec.server.env", [{"name": "A"}, {"name": "A"}]),
    (SentinelModel, "spec.server.env", [{"name": f"A{i}"} for i in range(65)]),
    (SentinelModel, "spec.server.env", [{"name": "A", "value": "v" * 4097}]),
    (SentinelModel, "spec.server.drainSeconds", 0),
    (SentinelModel, "spec.server.drainSeconds", 601),
    (SentinelModel, "spec.server.networkPolicy.allowFrom", [{}] * 17),
    (SentinelModel, "spec.server.networkPolicy.egress", [{"ports": [{"port": 0}]}]),
    (SentinelModel, "spec.suspend", "yes"),
    (SentinelPipeline, "spec.revisionHistoryLimit", -1),
    (SentinelPipeline, "spec.revisionHistoryLimit", 101),
    (SentinelPipeline, "spec.server.replicas", 2),
    (SentinelPipeline, "spec.server.autoscaling", {"maxReplicas": 3}),
    (SentinelPipeline, "spec.auth.apiKeysSecretRef", "keys"),
    (SentinelPipeline, "spec.auth.apiKeysSecretRef.name", "Keys"),
    (SentinelPipeline, "metadata.name", "a" * 41),
    (SentinelPipeline, "spec.event", "Email"),
    (SentinelPipeline, "spec.features", {}),
    (SentinelPipeline, "spec.features", {"configMapRef": REF, "inline": {"features": []}}),
    (SentinelPipeline, "spec.features.inline", {"features": [], "more": []}),
    (SentinelPipeline, "spec.models", models(17)),
    (SentinelPipeline, "spec.models.0.name", "f" * 64),
    (SentinelPipeline, "spec.models.0.name", "Fraud"),
    (SentinelPipeline, "spec.models.0.name", "signals.fraud"),
    (SentinelPipeline, "spec.models.0.modelRef.name", "a" * 41),
    (SentinelPipeline, "spec.models.0.placement", "remote"),
    (SentinelPipeline, "spec.models.0.deadlineMs", 0),
    (SentinelPipeline, "spec.models.0.deadlineMs", 10_001),
    (SentinelPipeline, "spec.models.0.deadlineMs", "10"),
    (SentinelPipeline, "spec.models.0.deadlineMs", 1.5),
    (SentinelPipeline, "spec.models.0.onFailure", {"action": "Retry"}),
    (SentinelPipeline, "spec.models.0.onFailure", {"action": "Score"}),
    (SentinelPipeline, "spec.models.0.onFailure", {"action": "Skip", "score": 0.5}),
    (SentinelPipeline, "spec.models.0.onFailure", {"action": "Score", "score": 1.01}),
    (SentinelPipeline, "spec.models.0.onFailure", {"action": "Score", "score": -0.01}),
    (SentinelPipeline, "spec.models.0.onFailure", {"action": "Score", "score": float("nan")}),
    (SentinelPipeline, "spec.signals", {f"s{i}": {} for i in range(17)}),
    (SentinelPipeline, "spec.rules", REF),
    (SentinelPipeline, "spec.rules.configMapRef", {"name": "card_rules", "key": "rules.yaml"}),
    (SentinelPipeline, "spec.rules.configMapRef", {"name": "card-rules", "key": "a/b"}),
    (SentinelPipeline, "spec.rules.configMapRef", {"name": "card-rules", "key": ""}),
    (SentinelPipeline, "spec.rules.configMapRef", {"name": "card-rules", "key": "k" * 254}),
    (SentinelPipeline, "spec.lists", lists(65)),
    (SentinelPipeline, "spec.lists", [{"name": "l" * 64, "configMapRef": REF}]),
    (SentinelPipeline, "spec.fusion", {f"f{i}": 1 for i in range(17)}),
    (SentinelPipeline, "spec.failurePolicy", "review"),
    (SentinelPipeline, "spec.budgetMs", 0),
    (SentinelPipeline, "spec.budgetMs", 60_001),
    (SentinelPipeline, "spec.budgetMs", True),
    (SentinelPipeline, "spec.rollout", {"strategy": "Canary"}),
    (SentinelPipeline, "spec.rollout", {"splitBy": "Card"}),
    (SentinelPipeline, "spec.deadline_ms", 5),
    (ConfigMap, "metadata.name", "a" * 254),
    (ConfigMap, "metadata.name", "a..b"),
    (ConfigMap, "data", {f"k{i}": "" for i in range(65)}),
    (ConfigMap, "data", {"rules.yaml": 5}),
    (ConfigMap, "data", {"a/b": ""}),
    (ConfigMap, "binaryData", {}),
    (ConfigMap, "immutable", "yes"),
]


def named(case):
    kind, path, value = case
    return f"{kind.__name__}-{path}-{str(value)[:24]}"


@pytest.mark.parametrize("case", TAKEN, ids=named)
def test_a_value_within_the_bounds_is_taken(case):
    kind, path, value = case
    parse_block(locate(replaced(DOCUMENTS[kind], path, value), "m.yaml"), kind)


@pytest.mark.parametrize("case", REFUSED, ids=named)
def test_a_value_beyond_the_bounds_is_refused_by_its_name(case):
    kind, path, value = case
    with pytest.raises(InvalidDocumentError) as caught:
        parse_block(locate(replaced(DOCUMENTS[kind], path, value), "m.yaml"), kind)
    assert any(path in problem.message for problem in caught.value.problems)


@pytest.mark.parametrize(
    "case",
    [
        (SentinelModel, "spec.artifact.uri"),
        (SentinelModel, "spec.artifact.digest"),
        (SentinelModel, "spec.artifact"),
        (SentinelModel, "metadata.name"),
        (SentinelPipeline, "spec.event"),
        (SentinelPipeline, "spec.features"),
        (SentinelPipeline, "spec.fusion"),
        (ConfigMap, "metadata.name"),
    ],
    ids=lambda case: f"{case[0].__name__}-{case[1]}",
)
def test_what_has_no_default_must_be_there(case):
    kind, path = case
    with pytest.raises(InvalidDocumentError) as caught:
        parse_block(locate(removed(DOCUMENTS[kind], path), "m.yaml"), kind)
    assert f"{path} is missing" == caught.value.problems[0].message


def fields_below(kind, path=""):
    for name, info in kind.model_fields.items():
        yield f"{path}{name}", info
        inner = info.annotation
        for candidate in (inner, *getattr(inner, "__args__", ())):
            if isinstance(candidate, type) and hasattr(candidate, "model_fields"):
                yield from fields_below(candidate, f"{path}{name}.")


@pytest.mark.parametrize("kind", [SentinelModel, SentinelPipeline, ConfigMap])
def test_every_field_says_what_it_is_for(kind):
    assert [path for path, info in fields_below(kind) if not info.description] == []
