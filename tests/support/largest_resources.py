"""The largest resources that the bounds of the schema allow, or nearly."""

from __future__ import annotations

from typing import Any

from tests.support.manifests import MODEL, PIPELINE, replaced

REF = {"name": f"card-rules-{'x' * 242}", "key": "k" * 253}
PEER = {
    "podSelector": {
        "matchLabels": {f"{'p' * 200}.example/{'n' * 60}-{i:02}": "v" * 63 for i in range(16)}
    },
    "namespaceSelector": {"matchLabels": {f"team-{i}": "risk" for i in range(16)}},
}
RANGE = {"ipBlock": {"cidr": "fd00::/8", "except": [f"fd00:{i:x}::/32" for i in range(16)]}}
SERVER: dict[str, Any] = {
    "image": "registry.example.com/" + "b" * 491,
    "autoscaling": {
        "minReplicas": 1000,
        "maxReplicas": 1000,
        "targetCPUUtilization": 1000,
        "behavior": {
            direction: {
                "stabilizationWindowSeconds": 3600,
                "selectPolicy": "Max",
                "policies": [{"type": "Pods", "value": 10_000, "periodSeconds": 1800}] * 8,
            }
            for direction in ("scaleUp", "scaleDown")
        },
    },
    "resources": {
        part: {"cpu": "100000m", "memory": "1000000Mi", "ephemeral-storage": "1000000Mi"}
        for part in ("requests", "limits")
    },
    "env": [{"name": f"N{i:02}{'N' * 125}", "value": "v" * 4096} for i in range(64)],
    "drainSeconds": 600,
    "networkPolicy": {
        "allowFrom": [PEER] * 8 + [RANGE] * 8,
        "egress": [
            {"to": [PEER] * 2 + [RANGE] * 14, "ports": [{"port": 65535, "protocol": "UDP"}] * 16}
        ]
        * 16,
    },
}
NAMES = [f"m{'n' * 59}{i:02}" for i in range(16)]
CURVES = [
    {"feature": f"f{'x' * 60}{i:02}", "points": [[float(x), x / 31] for x in range(32)]}
    for i in range(32)
]

LARGEST_MODEL: dict[str, Any] = replaced(
    replaced(MODEL, "spec.server", SERVER),
    "spec.artifact",
    {
        "uri": "s3://models/" + "k" * 1012,
        "digest": f"sha256:{'a' * 64}",
        "storeSecretRef": {"name": "s" * 253},
        "signature": {"publicKeyRef": REF},
    },
)
LARGEST_PIPELINE: dict[str, Any] = {
    **PIPELINE,
    "spec": {
        "event": "Transaction",
        "features": {
            "inline": {
                "features": [{"name": f"f{i:062}", "hour_between": [0, 6]} for i in range(256)]
            }
        },
        "models": [
            {
                "name": name,
                "modelRef": {"name": "c" * 40},
                "placement": "Remote",
                "deadlineMs": 10_000,
                "onFailure": {"action": "Score", "score": 0.5},
            }
            for name in NAMES
        ],
        "signals": {
            "velocity": {"curves": CURVES},
            "behaviour": {"curves": CURVES, "history": "h" * 63, "minHistory": 1_000_000},
        },
        "rules": {"configMapRef": REF},
        "lists": [{"name": f"l{'x' * 60}{i:02}", "configMapRef": REF} for i in range(64)],
        "fusion": {
            "method": "Weighted",
            "weights": dict.fromkeys([*NAMES, "velocity", "behaviour", "rules", "lists"], 0.5),
            "levels": {f"L{'X' * 29}{i:02}": i * 6.25 for i in range(16)},
            "outcomes": {"review": 100, "block": 100},
        },
        "failurePolicy": "Closed",
        "budgetMs": 60_000,
        "rollout": {"strategy": "Immediate", "splitBy": "card"},
        "auth": {"apiKeysSecretRef": {"name": "k" * 253}},
        "server": {name: value for name, value in SERVER.items() if name != "autoscaling"},
        "suspend": False,
        "revisionHistoryLimit": 100,
    },
}
