"""A light control plane for tests: a real etcd and a real API server, no nodes, up in three seconds."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cluster.harness.control_plane import ControlPlane
from tests.support.kubernetes_api import AuditedApi
from tests.support.missing import need_programs
from tests.support.ports import free_port

PROGRAMS = ("kube-apiserver", "kube-controller-manager", "kubectl", "etcd", "setpriv")

NewControlPlane = Callable[..., "LightControlPlane"]
"""What the fixture `new_control_plane` gives: called with the options of `running_control_plane`."""


@dataclass(frozen=True, slots=True)
class LightControlPlane(AuditedApi):
    """A running control plane of a test's own."""

    plane: ControlPlane

    @property
    def url(self) -> str:
        """Base URL of the API server, for proxies that stand before it."""
        return self.plane.url

    def as_user(self, user: str, groups: Sequence[str] = ()) -> Path:
        """Return a kubeconfig with a client certificate for a user; RBAC says what it may do."""
        return self.plane.write_user(f"user-{user.replace(':', '-')}", user, groups)

    def stop_api_server(self, *, kill: bool = False) -> None:
        """Stop the API server and wait until it is gone; connections break, etcd goes on."""
        self.plane.api_server.stop(kill=kill)

    def start_api_server(self) -> None:
        """Start the API server again, at the same port, and wait until it is ready."""
        self.plane.start_api_server()

    @contextmanager
    def frozen_api_server(self) -> Iterator[None]:
        """Freeze the API server: connections stay open and nothing comes over them."""
        self.plane.api_server.send(signal.SIGSTOP)
        try:
            yield
        finally:
            self.plane.api_server.send(signal.SIGCONT)

    def stop_etcd(self, *, kill: bool = False) -> None:
        """Stop the store under the API server, which answers 500s and time-outs from then on."""
        self.plane.daemons["etcd"].stop(kill=kill)

    def start_etcd(self) -> None:
        """Start the store again with what it held."""
        self.plane.daemons["etcd"].start()


@contextmanager
def running_control_plane(
    folder: Path, *, controllers: Sequence[str] = (), lease_writes: bool = False
) -> Iterator[LightControlPlane]:
    """Run a control plane on free ports for as long as this is open.

    Parameters
    ----------
    folder : for everything that it writes; nobody else's
    controllers : of kube-controller-manager, by the names of its ``--controllers``: ``["*"]`` for
        all, ``["garbage-collector-controller"]`` for one. None by default: nothing then
        makes pods, removes the children of deleted owners or ends namespaces.
    lease_writes : whether the audit log holds renewals of Leases

    Raises
    ------
    HarnessError
        It did not start; with the end of the log concerned.
    """
    api_port, etcd_port, etcd_peer_port = free_port(), free_port(), free_port()
    plane = ControlPlane(
        folder=folder,
        api_port=api_port,
        etcd_port=etcd_port,
        etcd_peer_port=etcd_peer_port,
        controllers=controllers,
        lease_writes=lease_writes,
        tied=True,
    )
    try:
        plane.start()
        yield LightControlPlane(plane.kubeconfig, folder, plane.audit_log, plane)
    finally:
        # Nobody will read what they hold, so nobody waits for them to end in good order.
        plane.stop(kill=True)


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LightControlPlane]:
    """One control plane for the whole session; tests keep apart by namespaces of their own."""
    need_programs(*PROGRAMS)
    with running_control_plane(tmp_path_factory.mktemp("control-plane")) as running:
        yield running


@pytest.fixture
def new_control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewControlPlane]:
    """Start control planes of a test's own, to be broken; they end with the test."""
    need_programs(*PROGRAMS)
    with ExitStack() as running:

        def start(
            *, controllers: Sequence[str] = (), lease_writes: bool = False
        ) -> LightControlPlane:
            folder = tmp_path_factory.mktemp("control-plane")
            return running.enter_context(
                running_control_plane(folder, controllers=controllers, lease_writes=lease_writes)
            )

        yield start
