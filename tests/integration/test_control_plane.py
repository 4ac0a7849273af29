"""The light control plane that other tests stand on is a real API server, and can be broken."""

from __future__ import annotations

import threading
import time

import kubernetes
import pytest

from tests.setup.versions import KUBERNETES

RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "p"},
    "spec": {"containers": [{"name": "c", "image": "i"}]},
}


def config_map(name, **more):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **more}}


def wait_until(check):
    until = time.monotonic() + 60
    while not check():
        assert time.monotonic() < until
        time.sleep(0.1)


def test_it_is_the_kubernetes_of_the_cluster(control_plane):
    version = kubernetes.client.VersionApi(control_plane.client()).get_code()
    assert f"v{KUBERNETES}" == version.git_version


def test_objects_of_one_namespace_are_not_in_another(control_plane):
    one, other = control_plane.namespace(), control_plane.namespace()
    core = kubernetes.client.CoreV1Api(control_plane.client())
    core.create_namespaced_config_map(one, config_map("here"))
    assert [
        [found.metadata.name for found in core.list_namespaced_config_map(namespace).items]
        for namespace in (other, one)
    ] == [[], ["here"]]


def test_pod_security_refuses_what_is_not_restricted(control_plane):
    core = kubernetes.client.CoreV1Api(control_plane.client())
    with pytest.raises(
        kubernetes.client.ApiException, match='violates PodSecurity \\\\"restricted'
    ):
        core.create_namespaced_pod(control_plane.namespace(labels=RESTRICTED), POD)


def test_a_pod_is_accepted_where_pod_security_is_not_asked_for(control_plane):
    namespace = control_plane.namespace()
    core = kubernetes.client.CoreV1Api(control_plane.client())
    assert core.create_namespaced_pod(namespace, POD).status.phase == "Pending"


def test_a_user_is_who_its_certificate_says(control_plane):
    client = control_plane.client(control_plane.as_user("jane", ["auditors"]))
    review = kubernetes.client.AuthenticationV1Api(client).create_self_subject_review(
        {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    )
    assert (
        review.status.user_info.username,
        review.status.user_info.groups,
    ) == ("jane", ["auditors", "system:authenticated"])


def test_rbac_binds_a_service_account_by_its_token(control_plane):
    namespace = control_plane.namespace()
    client = control_plane.client(control_plane.as_service_account(namespace, "default"))
    message = f"system:serviceaccount:{namespace}:default.*cannot list resource"
    with pytest.raises(kubernetes.client.ApiException, match=message):
        kubernetes.client.CoreV1Api(client).list_namespaced_pod(namespace)


def test_the_audit_log_says_who_wrote_what_and_what_came_of_it(control_plane):
    namespace = control_plane.namespace()
    client = control_plane.client()
    client.user_agent = "a-test/1"
    core = kubernetes.client.CoreV1Api(client)
    since = control_plane.audit.mark()
    core.create_namespaced_config_map(namespace, config_map("a"))
    core.patch_namespaced_config_map("a", namespace, {"data": {"k": "v"}}, dry_run="All")
    core.list_namespaced_config_map(namespace)
    with pytest.raises(kubernetes.client.ApiException):
        core.delete_namespaced_config_map("b", namespace)
    core.delete_namespaced_config_map("a", namespace)
    writes = control_plane.audit.writes(since, user_agent="a-test/")
    assert [(write.verb, write.name, write.code, write.dry_run) for write in writes] == [
        ("create", "a", 201, False),
        ("patch", "a", 200, True),
        ("delete", "b", 404, False),
        ("delete", "a", 200, False),
    ]
    assert {("admin", "", "configmaps", namespace)} == {
        (write.user, write.group, write.resource, write.namespace) for write in writes
    }


def test_the_audit_log_counts_from_a_mark(control_plane):
    namespace = control_plane.namespace()
    control_plane.kubectl.apply(config_map("before", namespace=namespace))
    since = control_plane.audit.mark()
    control_plane.kubectl.apply(config_map("after", namespace=namespace))
    assert [write.name for write in control_plane.audit.writes(since)] == ["after"]


@pytest.mark.parametrize("asked", [False, True])
def test_renewals_of_leases_are_in_the_audit_log_where_asked_for(new_control_plane, asked):
    plane = new_control_plane(lease_writes=asked)
    metadata = {"name": "l", "namespace": plane.namespace()}
    since = plane.audit.mark()
    plane.kubectl.apply(
        {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata}
    )
    assert asked == any(write.resource == "leases" for write in plane.audit.writes(since))


def test_the_garbage_collector_runs_where_asked_for(new_control_plane):
    plane = new_control_plane(controllers=["garbage-collector-controller"])
    namespace = plane.namespace()
    core = kubernetes.client.CoreV1Api(plane.client())
    owner = core.create_namespaced_config_map(namespace, config_map("owner"))
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner"}
    owned = config_map("child", ownerReferences=[reference | {"uid": owner.metadata.uid}])
    core.create_namespaced_config_map(namespace, owned)
    core.delete_namespaced_config_map("owner", namespace)
    wait_until(lambda: not core.list_namespaced_config_map(namespace).items)


def test_what_was_written_outlives_a_killed_api_server_and_a_killed_store(new_control_plane):
    plane = new_control_plane()
    namespace = plane.namespace()
    plane.kubectl.apply(config_map("kept", namespace=namespace))
    plane.stop_api_server(kill=True)
    plane.stop_etcd(kill=True)
    assert "refused" in plane.kubectl.run("get", "configmaps").stderr
    plane.start_etcd()
    plane.start_api_server()
    kept = plane.kubectl("get", "configmaps", "--namespace", namespace, "--output=name")
    assert kept == "configmap/kept\n"


def test_a_frozen_api_server_answers_when_it_goes_on(new_control_plane):
    plane = new_control_plane()
    answered = threading.Event()

    def ask():
        plane.kubectl("get", "namespaces")
        answered.set()

    asking = threading.Thread(target=ask)
    with plane.frozen_api_server():
        asking.start()
        assert not answered.wait(1)
    asking.join()
    assert answered.is_set()
