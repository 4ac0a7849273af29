"""The operator's rights: each one is used, none is missing, and there are none beyond."""

from __future__ import annotations

from http import HTTPStatus

import pytest

from tests.support import cluster_resources as resources
from tests.support.chart import NAMESPACE
from tests.support.model_pipelines import RULES
from tests.support.rights import READS, granted, reads, used

MODEL, PIPELINE = ("SentinelModel", "card-fraud"), ("SentinelPipeline", "card-payments")
ACCOUNT = "system:serviceaccount:sentinel-system:sentinel-operator"
MONITORS = "servicemonitors.monitoring.coreos.com"
AUTOSCALING = {"autoscaling": {"minReplicas": 1, "maxReplicas": 2}}
CHILD = "card-fraud-model"


def monitor_definition():
    """Return a definition that stands for that of a Prometheus operator."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": "servicemonitors", "singular": "servicemonitor", "kind": "ServiceMonitor"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": MONITORS},
        "spec": {
            "group": "monitoring.coreos.com",
            "scope": "Namespaced",
            "names": names,
            "versions": [version],
        },
    }


@pytest.fixture(scope="module")
def monitored(sentinel, cluster):
    """The operator in a cluster that has the API of ServiceMonitors."""
    if cluster.kubectl.run("get", "crd", MONITORS).returncode == 0:
        yield sentinel
        return
    cluster.kubectl.apply(monitor_definition())
    cluster.kubectl("wait", "--for=condition=Established", f"crd/{MONITORS}")
    sentinel.restart()
    yield sentinel
    cluster.kubectl("delete", "crd", MONITORS)
    sentinel.restart()


def declare(place, artifact, **server):
    place.apply(resources.model("card-fraud", artifact, server=resources.server(**server)))


@pytest.fixture(scope="module")
def lived(monitored, module_place, store):
    """A namespace in which everything was made, changed and taken away that the operator makes."""
    place, first, second = module_place, store.propose(7), store.propose(8)
    place.apply(resources.features(), resources.rules())
    declare(place, first, **AUTOSCALING)
    pipeline = resources.pipeline("card-payments", "card-fraud", revisionHistoryLimit=0)
    place.apply(pipeline)
    place.wait_until_ready(*PIPELINE)
    place.wait_for(lambda: place.find("HorizontalPodAutoscaler", CHILD), "an autoscaler")
    place.wait_for(lambda: place.find("ServiceMonitor", CHILD), "a monitor")
    before = place.stable("card-payments")
    place.apply(resources.rules(RULES.replace("floor: 70", "floor: 71")))
    place.wait_until_stable("card-payments", before)
    declare(place, second, replicas=2, networkPolicy={"enabled": False})
    place.wait_until_ready(*MODEL)
    place.apply(resources.model("card-fraud", second))
    place.wait_for(lambda: place.find("Deployment", CHILD) is None, "the server is gone")
    place.wait_until_ready(*MODEL)
    return place


def test_every_right_is_used(cluster, lived):
    rules = cluster.kubectl.get("clusterrole", "sentinel-operator")["rules"]
    rules += cluster.kubectl.get("role", "sentinel-operator-lease", f"--namespace={NAMESPACE}")[
        "rules"
    ]
    writes = cluster.audit.writes(user_agent="sentinel-operator/")
    assert granted(rules) - used(writes) - reads() == set()


def test_no_call_was_forbidden(cluster, monitored, lived):
    """Of all reads, and of the writes here: into a namespace that ends, nobody may write."""
    codes = [series for pod in monitored.pods for series in monitored.metrics(pod)]
    refused = [series for series in codes if 'code="403"' in series]
    assert [one for one in refused if any(f'verb="{verb}"' in one for verb in READS)] == []
    writes = cluster.audit.writes(user_agent="sentinel-operator/")
    here = [write for write in writes if write.namespace == lived.namespace]
    assert here
    assert [write for write in here if write.code == HTTPStatus.FORBIDDEN] == []


@pytest.mark.parametrize(
    "what",
    ["get secrets", "list secrets", "create pods", "create pods/exec", "update sentinelmodels",
     "delete sentinelpipelines", "get nodes", "create clusterroles", "escalate roles"],
)  # fmt: skip
def test_what_it_may_not(cluster, sentinel, what):
    asked = cluster.kubectl.run("auth", "can-i", *what.split(), f"--as={ACCOUNT}", "-A")
    assert asked.stdout.strip() == "no"
