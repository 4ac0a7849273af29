"""What must hold in every state that the operator's decisions lead through."""

from __future__ import annotations

from sentinel_core.ids import digest_bytes
from tests.support.simulated.cluster import SimulatedCluster

READY_ROLES = ("stable", "candidate")


def check_ready(cluster: SimulatedCluster, kind: str, name: str) -> None:
    """Ready=True: of this generation, and every ready pod reports what is declared and no other."""
    resource = cluster.objects[kind, name]
    status = resource.get("status", {})
    ready = [one for one in status.get("conditions", []) if one["type"] == "Ready"]
    if not ready or ready[0]["status"] != "True":
        return
    assert ready[0]["observedGeneration"] == status["observedGeneration"]
    if status["observedGeneration"] != resource["metadata"]["generation"]:
        return  # it speaks of an earlier spec, and says so
    if kind == "SentinelModel":
        wanted = resource["spec"]["artifact"]["digest"]
        assert status["artifact"]["digest"] == wanted
    else:
        wanted = status["stable"]["digest"]
    if "server" in resource["spec"] or kind == "SentinelPipeline":
        assert {wanted} == set(reported(cluster, kind, name).values())


def reported(cluster: SimulatedCluster, kind: str, name: str) -> dict[str, str | None]:
    """Return what each ready pod says it serves."""
    labels = {"sentinel.dev/kind": kind, "sentinel.dev/resource": name}
    pods = (pod for pod in cluster.pods.values() if pod.ready and not pod.deleted)
    return {pod.name: pod.server.stable for pod in pods if pod.server and pod.has(labels)}


def projected(cluster: SimulatedCluster, name: str, key: str = "stable.json") -> str | None:
    """Return the digest of a release that a pipeline's pods are given."""
    data = cluster.objects.get(("ConfigMap", f"{name}-decision"), {}).get("data", {})
    return digest_bytes(data[key].encode()) if key in data else None


def check_takeover(cluster: SimulatedCluster, name: str, before: str | None) -> None:
    """No release takes over from one that serves, unless every ready pod has loaded it.

    Parameters
    ----------
    before : digest of the stable release that pods were given before the round
    """
    now = projected(cluster, name)
    assert now is not None or before is None, "the stable release is lost"
    if before in (None, now):
        return
    labels = {"sentinel.dev/kind": "SentinelPipeline", "sentinel.dev/resource": name}
    for pod in cluster.pods.values():
        if pod.ready and not pod.deleted and pod.has(labels) and pod.server is not None:
            report = pod.server.report()
            assert now in (report["stable"], report["candidate"])


def check_roles(cluster: SimulatedCluster, name: str) -> None:
    """One revision is the stable one, and it is what pods are given."""
    found = [
        thing
        for (kind, _), thing in cluster.objects.items()
        if kind == "ControllerRevision"
        and thing["metadata"]["labels"]["sentinel.dev/resource"] == name
    ]
    for role, key in zip(READY_ROLES, ("stable.json", "candidate.json"), strict=True):
        has_role = [
            one["metadata"]["annotations"]["sentinel.dev/digest"]
            for one in found
            if one["metadata"]["labels"]["sentinel.dev/role"] == role
        ]
        given = projected(cluster, name, key)
        assert ([given] if given else []) == has_role


def pass_by_lawfully(cluster: SimulatedCluster) -> None:
    """Reconcile every resource once, let a step of time pass, and hold both to the laws."""
    resources = [key for key in cluster.objects if key[0].startswith("Sentinel")]
    for kind, name in resources:
        before = projected(cluster, name)
        cluster.reconcile(kind, name)
        check_ready(cluster, kind, name)
        if kind == "SentinelPipeline":
            check_takeover(cluster, name, before)
            check_roles(cluster, name)
    cluster.step()
