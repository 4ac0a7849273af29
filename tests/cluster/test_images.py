"""The images: who runs in them, what is in them, and what is not."""

from __future__ import annotations

import json
import re
import subprocess
import time
from pathlib import Path

import pytest

from tests.cluster.build_load.base_image import SUITE, mirror
from tests.cluster.build_load.builders import Docker, find_builder
from tests.cluster.build_load.images import IMAGES, build_images
from tests.cluster.build_load.pip_settings import read_pip_settings

PROBE = (Path(__file__).parents[1] / "support" / "image_probe.py").read_text()
PATIENCE_SECONDS = 120
LARGEST_BYTES = {"operator": 210e6, "bento": 720e6, "pipelines": 1_040e6}
"""A tenth above what each was when this was written: 189, 654 and 946 MB."""
WITH_PYTHON = sorted(LARGEST_BYTES)
IN_CLUSTER = [image.name for image in IMAGES if image.in_cluster and image.name in LARGEST_BYTES]


def reference(name):
    (image,) = [image for image in IMAGES if image.name == name]
    return image.references[0]


def private_hosts():
    """Return the hosts that this machine takes packages from, but for Python's public ones."""
    mirror_here = "" if isinstance(find_builder(), Docker) else mirror()
    hosts = re.findall(r"://(?:[^/@\s]*@)?([^/:\s]+)", f"{read_pip_settings().text}\n{mirror_here}")
    public = {"pypi.org", "files.pythonhosted.org"}
    return sorted(set(hosts) - public)


def run_in(name, *command):
    """Run a program in an image, outside of any cluster."""
    if isinstance(find_builder(), Docker):
        docker = ["docker", "run", "--rm", "--entrypoint", command[0], reference(name)]
        return subprocess.run([*docker, *command[1:]], capture_output=True, text=True, check=False)
    made = subprocess.run(
        ["buildah", "from", reference(name)], capture_output=True, text=True, check=True
    )
    container = made.stdout.strip()
    try:
        buildah = ["buildah", "run", "--isolation", "chroot", container, "--", *command]
        return subprocess.run(buildah, capture_output=True, text=True, check=False)
    finally:
        subprocess.run(["buildah", "rm", container], capture_output=True, check=True)


@pytest.fixture(scope="module")
def contents(prepared):
    """What a probe found in each image."""
    found = {}
    for name in WITH_PYTHON:
        ran = run_in(name, "python", "-c", PROBE, SUITE, *private_hosts())
        assert ran.returncode == 0, ran.stderr
        found[name] = json.loads(ran.stdout)
    return found


@pytest.fixture(scope="module")
def in_a_pod(cluster, namespace, prepared):
    """What the same probe found in a restricted pod with a read-only root."""

    def probe(name):
        cluster.kubectl.apply(pod(name, namespace))
        wait_for_end(cluster.kubectl, namespace, name)
        return json.loads(cluster.kubectl("logs", name, "--namespace", namespace))

    return {name: probe(name) for name in IN_CLUSTER}


def pod(name, namespace):
    container = {
        "name": "probe",
        "image": reference(name),
        "command": ["python", "-c", PROBE],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            # No user is named: the kubelet refuses an image whose own is root, or is a name.
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "volumes": [{"name": "tmp", "emptyDir": {}}],
            "containers": [container],
        },
    }


def wait_for_end(kubectl, namespace, name):
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        status = kubectl.get("pod", name, "--namespace", namespace)["status"]
        if status["phase"] == "Succeeded":
            return
        assert status["phase"] != "Failed", status
        assert time.monotonic() < until, status
        time.sleep(0.5)


@pytest.mark.parametrize("name", IN_CLUSTER)
def test_a_restricted_pod_runs_as_the_user_of_the_image(in_a_pod, name):
    assert in_a_pod[name]["user"] == 65532


@pytest.mark.parametrize("name", IN_CLUSTER)
def test_nothing_but_tmp_can_be_written_in_a_pod(in_a_pod, name):
    assert in_a_pod[name]["writable"] == ["/tmp"]


@pytest.mark.parametrize("name", WITH_PYTHON)
def test_the_user_of_an_image_owns_nothing_of_it(contents, name):
    assert contents[name]["writable"] == ["/tmp"]


@pytest.mark.parametrize("name", WITH_PYTHON)
def test_no_compiler_and_no_package_manager_of_python_is_left(contents, name):
    assert contents[name]["builders"] == []


@pytest.mark.parametrize("name", WITH_PYTHON)
def test_no_settings_of_a_package_manager_are_left(contents, name):
    assert contents[name]["settings"] == []


@pytest.mark.parametrize("name", WITH_PYTHON)
def test_no_source_of_packages_of_this_machine_is_named(contents, name):
    named = {found.rpartition(" ")[2] for found in contents[name]["hosts"]}
    # Every image of the suite names that: the probe would have found the rest as well.
    assert named == {SUITE}


@pytest.mark.parametrize("name", WITH_PYTHON)
def test_an_image_is_no_larger_than_it_was(contents, name):
    assert contents[name]["size_bytes"] < LARGEST_BYTES[name]


def test_the_image_of_the_bentos_says_which_it_holds(prepared):
    ran = run_in("bento", "sentinel-bento")
    assert "NAME    serve this Bento: decision, model\n" in ran.stderr


def test_the_image_of_the_pipelines_has_their_commands(prepared):
    ran = run_in("pipelines", "sentinel", "--help")
    listed = {line.split()[0] for line in ran.stdout.splitlines() if line.startswith("  ")}
    assert {"evaluate", "propose", "simulate", "train"} <= listed


def test_an_image_that_has_not_changed_is_not_built_again(prepared, capsys):
    # The one that is not made of the checkout, where somebody may be at work.
    build_images(find_builder(), [image for image in IMAGES if image.programs])
    assert capsys.readouterr().out.endswith(", unchanged\n")
