"""etcd, the API server and, on demand, controllers and scheduler, without any node.

The two-node cluster stands on one of these, and tests that need no pods use one alone.
"""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.harness.addresses import (
    API_PORT,
    API_SERVICE_ADDRESS,
    ETCD_PEER_PORT,
    ETCD_PORT,
    SERVICE_NETWORK,
)
from tests.cluster.harness.certificates import Authority, write_key
from tests.cluster.harness.daemon import Daemon, wait_for
from tests.cluster.harness.kubeconfig import write_kubeconfig
from tests.cluster.harness.kubectl import Kubectl

AUDIT_LOG_MIB = 2_000
"""Before it is rotated, which would tear apart what a test counts: some two million writes."""
_MASTERS = ("system:masters",)
_REVIEW_GROUPS = ("authentication.k8s.io", "authorization.k8s.io")


@dataclass(slots=True, kw_only=True)
class ControlPlane:
    """A control plane in a folder.

    Attributes
    ----------
    address : where the API server listens, and what clients and nodes call
    controllers : of kube-controller-manager, as its ``--controllers`` has them; none: it is not run
    scheduler : whether pods find nodes
    lease_writes : whether the audit log holds the renewals of Leases too
    tied : whether everything ends when this process does
    """

    folder: Path
    address: str = "127.0.0.1"
    api_port: int = API_PORT
    etcd_port: int = ETCD_PORT
    etcd_peer_port: int = ETCD_PEER_PORT
    controllers: Sequence[str] = ()
    scheduler: bool = False
    lease_writes: bool = False
    tied: bool = False
    daemons: dict[str, Daemon] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        commands = {"etcd": self._etcd(), "kube-apiserver": self._api_server()}
        if self.controllers:
            commands["kube-controller-manager"] = self._controller_manager()
        if self.scheduler:
            commands["kube-scheduler"] = self._scheduler()
        for name, flags in commands.items():
            command = [name, *(f"--{key}={value}" for key, value in flags.items())]
            self.daemons[name] = Daemon(
                name=name, command=command, folder=self.folder, tied=self.tied
            )

    @property
    def url(self) -> str:
        """Base URL of the API server."""
        return f"https://{self.address}:{self.api_port}"

    @property
    def authority(self) -> Authority:
        """Who signs for servers, nodes and clients."""
        return Authority(self.folder / "pki")

    @property
    def kubeconfig(self) -> Path:
        """Of an administrator, whom RBAC does not bind."""
        return self.folder / "admin.kubeconfig"

    @property
    def kubectl(self) -> Kubectl:
        """As the administrator."""
        return Kubectl(self.kubeconfig)

    @property
    def audit_log(self) -> Path:
        """One JSON object a line for each write, whatever came of it."""
        return self.folder / "log" / "audit.log"

    @property
    def api_server(self) -> Daemon:
        """The API server, to be stopped, frozen and started by tests."""
        return self.daemons["kube-apiserver"]

    def start(self) -> None:
        """Start everything and return when the API server is ready; controllers may still begin.

        Raises
        ------
        HarnessError
            A program is missing, ended or did not become ready.
        """
        self._write_files()
        self.daemons["etcd"].start()
        self.start_api_server()
        for name in ("kube-controller-manager", "kube-scheduler"):
            if name in self.daemons:
                self.daemons[name].start()

    def start_api_server(self) -> None:
        """Start the API server alone, after it was stopped, and wait until it is ready."""
        self.api_server.start()
        needs = [self.daemons["etcd"], self.api_server]
        wait_for(self.is_ready, "the API server is ready", of=needs)

    def stop(self, *, kill: bool = False) -> None:
        """Stop everything, the API server before its store."""
        for daemon in reversed(self.daemons.values()):
            daemon.stop(kill=kill)

    def is_ready(self) -> bool:
        """Ask the API server whether it and all that it needs are ready."""
        context = ssl.create_default_context(cafile=self.authority.certificate)
        connection = http.client.HTTPSConnection(
            self.address, self.api_port, timeout=5, context=context
        )
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == http.client.OK
        except OSError:
            return False
        finally:
            connection.close()

    def write_user(self, file: str, user: str, groups: Sequence[str] = ()) -> Path:
        """Write a kubeconfig ``<file>.kubeconfig`` with a client certificate of its own."""
        identity = self.authority.issue(file, user, groups=groups)
        target = self.folder / f"{file}.kubeconfig"
        return write_kubeconfig(target, self.url, self.authority.certificate, identity)

    def _write_files(self) -> None:
        self.authority.create()
        hosts = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost"]
        addresses = {"127.0.0.1", API_SERVICE_ADDRESS, self.address}
        self.authority.issue("apiserver", "kube-apiserver", hosts=[*hosts, *sorted(addresses)])
        self.authority.issue("kubelet-client", "kube-apiserver-kubelet-client", groups=_MASTERS)
        self.authority.issue("front-proxy-client", "front-proxy-client")
        if not self._pki("service-accounts.key").exists():
            write_key(self._pki("service-accounts.key"))
        self.write_user("admin", "admin", _MASTERS)
        self.write_user("kube-controller-manager", "system:kube-controller-manager")
        self.write_user("kube-scheduler", "system:kube-scheduler")
        policy = yaml.safe_dump(audit_policy(lease_writes=self.lease_writes))
        (self.folder / "audit-policy.yaml").write_text(policy)

    def _pki(self, name: str) -> Path:
        return self.authority.folder / name

    def _etcd(self) -> Mapping[str, Any]:
        clients = f"http://127.0.0.1:{self.etcd_port}"
        peers = f"http://127.0.0.1:{self.etcd_peer_port}"
        return {
            "data-dir": self.folder / "etcd",
            "listen-client-urls": clients,
            "advertise-client-urls": clients,
            "listen-peer-urls": peers,
            "initial-advertise-peer-urls": peers,
            "initial-cluster": f"default={peers}",
            # What it holds need not outlive the machine, and each write would wait for the disk.
            "unsafe-no-fsync": "true",
        }

    def _api_server(self) -> Mapping[str, Any]:
        no_nodes = {} if self.scheduler else {"endpoint-reconciler-type": "none"}
        return {
            "etcd-servers": f"http://127.0.0.1:{self.etcd_port}",
            "bind-address": self.address,
            # Its place in the Service `kubernetes`; without nodes nobody calls that.
            "advertise-address": self.address,
            **no_nodes,
            "secure-port": self.api_port,
            "service-cluster-ip-range": SERVICE_NETWORK,
            "authorization-mode": "Node,RBAC",
            # PodSecurity is among those that are on without being named.
            "enable-admission-plugins": "NodeRestriction",
            "allow-privileged": "true",
            "shutdown-delay-duration": "0s",
            "audit-policy-file": self.folder / "audit-policy.yaml",
            "audit-log-path": self.audit_log,
            "audit-log-maxsize": AUDIT_LOG_MIB,
            "client-ca-file": self.authority.certificate,
            "tls-cert-file": self._pki("apiserver.crt"),
            "tls-private-key-file": self._pki("apiserver.key"),
            "kubelet-certificate-authority": self.authority.certificate,
            "kubelet-client-certificate": self._pki("kubelet-client.crt"),
            "kubelet-client-key": self._pki("kubelet-client.key"),
            "kubelet-preferred-address-types": "InternalIP",
            "service-account-key-file": self._pki("service-accounts.key"),
            "service-account-signing-key-file": self._pki("service-accounts.key"),
            "service-account-issuer": "https://kubernetes.default.svc",
            **self._aggregation(),
        }

    def _aggregation(self) -> Mapping[str, Any]:
        """Return what lets other API servers, such as metrics-server, trust this one's word."""
        return {
            "requestheader-client-ca-file": self.authority.certificate,
            "requestheader-allowed-names": "front-proxy-client",
            "requestheader-username-headers": "X-Remote-User",
            "requestheader-group-headers": "X-Remote-Group",
            "requestheader-extra-headers-prefix": "X-Remote-Extra-",
            "proxy-client-cert-file": self._pki("front-proxy-client.crt"),
            "proxy-client-key-file": self._pki("front-proxy-client.key"),
            # The API server runs beside the nodes, not on one, so cluster IPs are nothing to it.
            "enable-aggregator-routing": "true",
        }

    def _controller_manager(self) -> Mapping[str, Any]:
        # Several control planes may run on one machine; only the one with nodes takes the usual port.
        port = {} if self.scheduler else {"secure-port": 0}
        return {
            "kubeconfig": self.folder / "kube-controller-manager.kubeconfig",
            "controllers": ",".join(self.controllers),
            **port,
            "leader-elect": "false",
            "use-service-account-credentials": "true",
            "service-account-private-key-file": self._pki("service-accounts.key"),
            "root-ca-file": self.authority.certificate,
            "cluster-signing-cert-file": self.authority.certificate,
            "cluster-signing-key-file": self.authority.key,
            # Three times as often as by default, so that tests of autoscaling end.
            "horizontal-pod-autoscaler-sync-period": "5s",
        }

    def _scheduler(self) -> Mapping[str, Any]:
        kubeconfig = self.folder / "kube-scheduler.kubeconfig"
        return {"kubeconfig": kubeconfig, "leader-elect": "false"}


def audit_policy(*, lease_writes: bool) -> dict[str, Any]:
    """Return what the API server records: every write, by whom, with which client, to what.

    Reviews of tokens and rights are calls by ``create`` that change nothing; only the one by which a
    test marks its place in the log is kept. Nodes and API servers renew Leases of their own all the
    time, which is never what a test asks about.
    """
    reviews = [{"group": group} for group in _REVIEW_GROUPS]
    mark = {"group": "authentication.k8s.io", "resources": ["selfsubjectreviews"]}
    leases = [{"group": "coordination.k8s.io", "resources": ["leases"]}]
    other_leases: list[dict[str, Any]] = [{"level": "None", "resources": leases}]
    own_leases: list[dict[str, Any]] = [
        {"level": "None", "namespaces": ["kube-node-lease"]},
        {"level": "None", "resources": leases, "users": ["system:apiserver"]},
    ]
    writes = ["create", "update", "patch", "delete", "deletecollection"]
    return {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [
            {"level": "Metadata", "resources": [mark]},
            {"level": "None", "resources": reviews},
            *(own_leases if lease_writes else other_leases),
            {"level": "Metadata", "verbs": writes},
            {"level": "None"},
        ],
    }
