"""The cluster that the other tests stand on: pods on two nodes, names, Services, metrics, scaling."""

from __future__ import annotations

import time

import httpx
import pytest

from tests.cluster.harness.addresses import FORWARDED_NODE_PORTS
from tests.cluster.harness.images import BUSYBOX
from tests.setup.versions import KUBERNETES

PATIENCE_SECONDS = 120
NODE_PORT = FORWARDED_NODE_PORTS[-1]
SERVE_OWN_NAME = """\
cd /tmp
mkdir www
hostname >www/index.html
echo serving
exec httpd -f -p 8080 -h www
"""
BURN = "while true; do :; done"
RESTRICTED_CONTAINER = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
}
RESTRICTED_POD = {
    "runAsNonRoot": True,
    "runAsUser": 65532,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def wait_until(check, what):
    until = time.monotonic() + PATIENCE_SECONDS
    while not check():
        assert time.monotonic() < until, f"{what} did not happen"
        time.sleep(0.2)


def pod_spec(script, **container):
    return {
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 1,
        "securityContext": RESTRICTED_POD,
        "volumes": [{"name": "tmp", "emptyDir": {}}],
        "containers": [
            {
                "name": "main",
                "image": BUSYBOX,
                "command": ["sh", "-c", script],
                "securityContext": RESTRICTED_CONTAINER,
                "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
                **container,
            }
        ],
    }


def deployment(name, replicas, spec):
    labels = {"app": name}
    spread = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": labels},
    }
    template = {
        "metadata": {"labels": labels},
        "spec": spec | {"topologySpreadConstraints": [spread]},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template},
    }


@pytest.fixture(scope="module")
def kubectl(cluster, namespace):
    def call(*arguments, stdin=None):
        return cluster.kubectl("--namespace", namespace, *arguments, stdin=stdin)

    return call


@pytest.fixture(scope="module")
def apply(cluster, namespace):
    def call(document):
        document["metadata"]["namespace"] = namespace
        cluster.kubectl.apply(document)

    return call


@pytest.fixture(scope="module")
def pods(apply, kubectl):
    """Two pods on two nodes behind a Service; node name to pod name."""
    apply(deployment("web", 2, pod_spec(SERVE_OWN_NAME)))
    ports = [{"port": 80, "targetPort": 8080, "nodePort": NODE_PORT}]
    service = {"type": "NodePort", "selector": {"app": "web"}, "ports": ports}
    apply({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": service})
    kubectl("rollout", "status", "deployment/web", f"--timeout={PATIENCE_SECONDS}s")
    found = "{range .items[*]}{.spec.nodeName} {.metadata.name}{'\\n'}{end}"
    lines = kubectl("get", "pods", "--selector=app=web", f"--output=jsonpath={found}")
    return dict(line.split() for line in lines.splitlines())


def names_that_answer(ask, pods):
    """Ask until each pod has answered, and return who did."""
    answered = set()

    def ask_again():
        answered.add(ask().strip())
        return answered >= set(pods.values())

    wait_until(ask_again, "an answer from each pod")
    return answered


def test_two_nodes_are_ready_with_the_version_of_the_tests(cluster):
    nodes = cluster.kubectl.get("nodes")["items"]
    versions = {n["metadata"]["name"]: n["status"]["nodeInfo"]["kubeletVersion"] for n in nodes}
    assert versions == dict.fromkeys(cluster.kubectl.ready_nodes(), f"v{KUBERNETES}")
    assert len(versions) == 2


def test_restricted_pods_run_on_both_nodes(cluster, pods):
    assert sorted(pods) == cluster.kubectl.ready_nodes()


def test_the_log_of_a_pod_can_be_read_on_each_node(kubectl, pods):
    assert {node: kubectl("logs", pod) for node, pod in pods.items()} == dict.fromkeys(
        pods, "serving\n"
    )


def test_commands_can_be_run_in_a_pod_on_each_node(kubectl, pods):
    said = {node: kubectl("exec", pod, "--", "hostname") for node, pod in pods.items()}
    assert said == {node: f"{pod}\n" for node, pod in pods.items()}


def test_each_node_reaches_both_pods_by_the_service_s_cluster_ip(kubectl, pods):
    address = kubectl("get", "service/web", "--output=jsonpath={.spec.clusterIP}")
    for pod in pods.values():
        answered = names_that_answer(
            lambda pod=pod: kubectl("exec", pod, "--", "wget", "-qO-", f"http://{address}"), pods
        )
        assert answered == set(pods.values())


def test_each_node_reaches_both_pods_by_the_service_s_name(kubectl, namespace, pods):
    url = f"http://web.{namespace}.svc.cluster.local"
    for pod in pods.values():
        answered = names_that_answer(
            lambda pod=pod: kubectl("exec", pod, "--", "wget", "-qO-", url), pods
        )
        assert answered == set(pods.values())


def test_both_pods_answer_at_the_node_port_on_this_machine(pods):
    answered = names_that_answer(lambda: httpx.get(f"http://127.0.0.1:{NODE_PORT}").text, pods)
    assert answered == set(pods.values())


def test_a_changed_config_map_is_in_the_pod_at_once_when_the_pod_is_touched(apply, kubectl):
    def config_map(value):
        metadata = {"name": "settings"}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"k": value}}

    spec = pod_spec("while true; do sleep 1; done")
    spec["volumes"].append({"name": "settings", "configMap": {"name": "settings"}})
    mounts = spec["containers"][0]["volumeMounts"]
    mounts.append({"name": "settings", "mountPath": "/settings"})
    apply(config_map("old"))
    apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "reader"}, "spec": spec})
    kubectl("wait", "pod/reader", "--for=condition=Ready", f"--timeout={PATIENCE_SECONDS}s")
    apply(config_map("new"))
    kubectl("annotate", "pod/reader", "touched=1")
    # Untouched, the kubelet looks again after its sync period of a minute and more.
    until = time.monotonic() + 30
    while kubectl("exec", "reader", "--", "cat", "/settings/k") != "new":
        assert time.monotonic() < until


def test_metrics_of_both_nodes_can_be_read(cluster):
    def rows():
        top = cluster.kubectl.run("top", "nodes", "--no-headers").stdout.splitlines()
        return sorted(row.split()[0] for row in top if "<unknown>" not in row)

    wait_until(lambda: rows() == cluster.kubectl.ready_nodes(), "metrics of both nodes")


def test_an_autoscaler_scales_on_measured_cpu(apply, kubectl):
    resources = {"requests": {"cpu": "20m"}, "limits": {"cpu": "100m"}}
    apply(deployment("busy", 1, pod_spec(BURN, resources=resources)))
    kubectl("autoscale", "deployment/busy", "--cpu=50%", "--min=1", "--max=3")

    def replicas():
        return kubectl("get", "deployment/busy", "--output=jsonpath={.spec.replicas}")

    wait_until(lambda: replicas() == "3", "three replicas")
    kubectl("delete", "deployment/busy", "horizontalpodautoscaler/busy")


def test_writes_are_in_the_cluster_s_audit_log(cluster, namespace):
    since = cluster.audit.mark()
    cluster.kubectl("create", "configmap", "written", "--namespace", namespace)
    writes = cluster.audit.writes(since, user_agent="kubectl")
    assert [(write.verb, write.resource) for write in writes] == [("create", "configmaps")]
