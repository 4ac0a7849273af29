"""The harness of the test cluster says what is wrong, and knows its own programs from others."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.cluster.harness import cluster as clusters
from tests.cluster.harness import images, requirements
from tests.cluster.harness.certificates import Authority
from tests.cluster.harness.daemon import Daemon, wait_for
from tests.setup import debian, go_modules
from tests.setup.errors import HarnessError


@pytest.fixture
def sleeper(tmp_path):
    """Make a daemon that does nothing; all are stopped at the end."""
    made = []

    def make(**options):
        daemon = Daemon(name="sleeper", command=["sleep", "600"], folder=tmp_path, **options)
        made.append(daemon)
        return daemon

    yield make
    for daemon in made:
        daemon.stop(kill=True)


def test_a_daemon_is_found_again_by_whoever_knows_its_folder(sleeper):
    started = sleeper()
    started.start()
    assert sleeper().pid == started.pid


def test_a_stopped_daemon_is_gone(sleeper):
    daemon = sleeper()
    daemon.start()
    pid = daemon.pid
    daemon.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert sleeper().pid is None


def test_a_frozen_daemon_can_be_stopped(sleeper):
    daemon = sleeper()
    daemon.start()
    daemon.send(signal.SIGSTOP)
    daemon.stop()
    assert daemon.pid is None


def test_another_program_with_the_pid_of_a_daemon_is_not_taken_for_it(sleeper):
    daemon = sleeper()
    daemon.pid_file.parent.mkdir()
    began_elsewhen = 1
    daemon.pid_file.write_text(f"{os.getpid()} {began_elsewhen}")
    assert daemon.pid is None


def test_a_tied_daemon_ends_with_the_process_that_started_it(tmp_path, sleeper):
    code = f"""
import os, pathlib, signal
from tests.cluster.harness.daemon import Daemon
folder = pathlib.Path({str(tmp_path)!r})
daemon = Daemon(name="sleeper", command=["sleep", "600"], folder=folder, tied=True)
daemon.start()
# The tie is made by what the process runs before the command.
while pathlib.Path(f"/proc/{{daemon.pid}}/comm").read_text() != "sleep\\n":
    pass
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", code], check=False)
    until = time.monotonic() + 60
    while sleeper().pid is not None:
        assert time.monotonic() < until
        time.sleep(0.05)


def test_waiting_for_a_program_that_ended_shows_the_end_of_its_log(tmp_path):
    command = ["sh", "-c", "echo 'the disk is full'; exit 1"]
    daemon = Daemon(name="etcd", command=command, folder=tmp_path)
    daemon.start()
    with pytest.raises(HarnessError) as refused:
        wait_for(lambda: False, "it answers", of=[daemon])
    assert refused.value.message == (
        f"etcd ended while waiting until it answers.\n"
        f"The last lines of {tmp_path}/log/etcd.log:\n  the disk is full\n"
    )


def test_waiting_in_vain_shows_the_end_of_the_log(sleeper):
    daemon = sleeper()
    daemon.start()
    with pytest.raises(HarnessError, match=r"still not so that it answers\.\nThe last lines of"):
        wait_for(lambda: False, "it answers", of=[daemon], patience_seconds=0)


def test_equal_programs_give_equal_images(tmp_path):
    program = tmp_path / "program"
    program.write_bytes(b"\x7fELF")
    first, second = (
        images.write_image(tmp_path / name, "a:1", {"p": program}).read_bytes()
        for name in ("first.tar", "second.tar")
    )
    assert first == second


def test_keys_are_for_their_owner_alone(tmp_path):
    authority = Authority(tmp_path)
    authority.create()
    identity = authority.issue("admin", "admin")
    assert [path.stat().st_mode & 0o777 for path in (authority.key, identity.key)] == [0o600] * 2


def test_what_a_machine_lacks_is_named_with_the_task_that_installs_it(monkeypatch, tmp_path):
    monkeypatch.setenv("SENTINEL_CACHE", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(requirements, "check_root", lambda: None)
    with pytest.raises(HarnessError, match=r"kube-apiserver.*\./task setup:servers"):
        requirements.check_machine(tmp_path)


def test_missing_packages_are_named_to_those_who_may_not_install_them(monkeypatch):
    monkeypatch.setattr(debian, "PACKAGES", {"containerd": lambda: False, "runc": lambda: True})
    monkeypatch.setattr(debian.shutil, "which", lambda _: "apt-get")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(HarnessError) as refused:
        debian.install_packages()
    assert refused.value.user_action == "Run: sudo apt-get install containerd"


def test_a_program_that_is_not_there_is_to_be_built(monkeypatch, tmp_path):
    monkeypatch.setenv("SENTINEL_CACHE", str(tmp_path))
    module = go_modules.GoModule("example.org/m", "1.0.0", {"m": "example.org/m/cmd/m"})
    assert go_modules.stale_programs(module) == ["m"]


@pytest.fixture
def state(monkeypatch, tmp_path):
    """An empty state folder, and a checkout of nobody's."""
    folder = tmp_path / "state"
    monkeypatch.setenv("SENTINEL_K8S_STATE", str(folder))
    monkeypatch.setattr(clusters, "CHECKOUT_KUBECONFIG", tmp_path / "checkout" / "kubeconfig")
    return folder


def test_without_a_cluster_the_task_that_starts_one_is_named(state):
    with pytest.raises(HarnessError, match=r"No cluster is up\. Run \./task k8s:up\."):
        clusters.running_cluster()


def test_stopping_without_a_cluster_does_nothing(state, capsys):
    clusters.stop_cluster()
    assert "no cluster is up" in capsys.readouterr().out


def test_a_folder_that_holds_something_else_is_left_alone(state, monkeypatch, control_plane):
    monkeypatch.setenv("KUBECONFIG", str(control_plane.kubeconfig))
    state.mkdir()
    (state / "thesis.tex").touch()
    with pytest.raises(HarnessError, match="holds something that is no cluster's state"):
        clusters.start_cluster(existing=True)
    assert [path.name for path in state.iterdir()] == ["thesis.tex"]


def test_an_existing_cluster_must_be_named(state, monkeypatch):
    monkeypatch.delenv("KUBECONFIG", raising=False)
    with pytest.raises(HarnessError, match="KUBECONFIG is unset"):
        clusters.start_cluster(existing=True)


def test_an_existing_cluster_without_a_ready_node_is_refused(state, monkeypatch, control_plane):
    monkeypatch.setenv("KUBECONFIG", str(control_plane.kubeconfig))
    with pytest.raises(HarnessError, match="has no node that is ready"):
        clusters.start_cluster(existing=True)
    assert clusters.find_cluster() is None


def test_an_existing_cluster_is_used_and_left_as_it_is(state, monkeypatch, new_control_plane):
    plane = new_control_plane()
    monkeypatch.setenv("KUBECONFIG", str(plane.kubeconfig))
    plane.kubectl.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "theirs"}})
    ready = '{"status": {"conditions": [{"type": "Ready", "status": "True"}]}}'
    plane.kubectl("patch", "node", "theirs", "--subresource=status", f"--patch={ready}")
    clusters.start_cluster(existing=True)
    assert clusters.running_cluster().kubeconfig == state / "admin.kubeconfig"
    assert clusters.CHECKOUT_KUBECONFIG.exists()
    since = plane.audit.mark()
    clusters.stop_cluster()
    assert clusters.find_cluster() is None
    assert not clusters.CHECKOUT_KUBECONFIG.exists()
    assert plane.audit.writes(since) == []
