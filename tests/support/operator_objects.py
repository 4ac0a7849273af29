"""Objects as the operator makes them, for servers of every kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sentinel_core.resources.server import Resources, Server
from sentinel_operator.builders.child import Child
from sentinel_operator.builders.deployment import Pod
from sentinel_operator.builders.proof_job import Proof, build_proof_job
from sentinel_operator.builders.revision import build_revision
from sentinel_operator.builders.service_monitor import API as SERVICE_MONITOR
from sentinel_operator.services.defaults import Defaults
from sentinel_operator.services.server import build_server

DIGEST = f"sha256:{'a' * 64}"
PULL = "IfNotPresent"
DEFAULTS = Defaults("sentinel.local/bento:dev", PULL, "sentinel-system")
MODEL = Child("SentinelModel", "card-fraud", "payments", "0c2c7c1e-0000-4000-8000-000000000001")
PIPELINE = Child("SentinelPipeline", "card-payments", "payments", "uid-of-the-pipeline")

EVERYTHING = {
    "autoscaling": {
        "minReplicas": 2,
        "maxReplicas": 10,
        "targetCPUUtilization": 60,
        "behavior": {
            "scaleUp": {"policies": [{"type": "Pods", "value": 2, "periodSeconds": 15}]},
            "scaleDown": {"stabilizationWindowSeconds": 600, "selectPolicy": "Min"},
        },
    },
    "resources": {
        "requests": {"cpu": "500m", "memory": "512Mi", "ephemeral-storage": "1Gi"},
        "limits": {"cpu": 2, "memory": "2Gi"},
    },
    "env": [{"name": "OMP_NUM_THREADS", "value": "1"}],
    "drainSeconds": 45,
    "networkPolicy": {
        "allowFrom": [
            {"namespaceSelector": {"matchLabels": {"team": "payments"}}},
            {"podSelector": {"matchLabels": {"app": "gateway"}}, "namespaceSelector": {}},
            {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}},
        ],
        "egress": [
            {"to": [{"ipBlock": {"cidr": "192.0.2.0/24"}}], "ports": [{"port": 443}]},
            {"ports": [{"port": 9000, "protocol": "TCP"}]},
        ],
    },
}
CLOSED = {
    "replicas": 1,
    "topologySpread": False,
    "networkPolicy": {"allowFrom": []},
}


def build(child: Child, server: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    given = Server.model_validate(server)
    pod = Pod("model", given, "sentinel.local/bento:dev", PULL, stores=("model-store",))
    return build_server(
        child, pod, data={"artifacts.json": "{}"}, defaults=DEFAULTS, apis=frozenset(), **more
    )


def model() -> list[dict[str, Any]]:
    return build(MODEL, {})


def model_with_everything() -> list[dict[str, Any]]:
    given = Server.model_validate(EVERYTHING)
    stores = ("model-store", "an.older.store")
    env = {"SENTINEL_MODEL_NAME": "card-fraud"}
    pod = Pod("model", given, "images.example/bento:2", PULL, stores=stores, env=env)
    return build_server(
        MODEL, pod, data={"artifacts.json": "{}"}, defaults=DEFAULTS,
        apis=frozenset({SERVICE_MONITOR}),
    )  # fmt: skip


def model_for_nobody() -> list[dict[str, Any]]:
    return build(MODEL, CLOSED)


def model_without_a_policy() -> list[dict[str, Any]]:
    return build(MODEL, {"networkPolicy": {"enabled": False}})


def pipeline() -> list[dict[str, Any]]:
    pod = Pod(
        mode="decision",
        server=Server.model_validate({}),
        image="sentinel.local/bento:dev",
        pull_policy=PULL,
        api_keys_secret="card-payments-keys",
        env={"SENTINEL_API_KEYS_FILE": "/etc/sentinel/keys/keys.yaml"},
        recreate=True,
    )
    return build_server(
        PIPELINE, pod, data={"stable.json": "{}", "split.json": '{"percent":0.0}'},
        defaults=DEFAULTS, apis=frozenset(), model_servers=("card-fraud",),
    )  # fmt: skip


def revision() -> list[dict[str, Any]]:
    return [
        build_revision(
            PIPELINE,
            digest=DIGEST,
            number=3,
            role="stable",
            annotations={"sentinel.dev/since": "2026-01-01T00:00:00Z"},
            data={"release": "{}", "lists": {}},
        )
    ]


def proof(**more: Any) -> list[dict[str, Any]]:
    given = {"store": None, "public_key": None, **more}
    resources = Resources.model_validate({})
    job = Proof("https://models.example/1.tar", DIGEST, image="i:1", resources=resources, **given)
    return [build_proof_job(MODEL, job, pull_policy=PULL)]


def proof_of_a_signed_artifact_again() -> list[dict[str, Any]]:
    return proof(store="model-store", public_key="PEM", attempt=2)


CASES: Mapping[str, Callable[[], list[dict[str, Any]]]] = {
    case.__name__: case
    for case in (
        model,
        model_with_everything,
        model_for_nobody,
        model_without_a_policy,
        pipeline,
        revision,
        proof,
        proof_of_a_signed_artifact_again,
    )
}
