"""The network between the two nodes: a bridge, a network namespace for the second, and routes.

Not every kernel has ``dummy`` interfaces, but all have bridges: one with nothing but the second
node attached carries the machine's address in the cluster.
"""

from __future__ import annotations

import ipaddress
import json
import subprocess
from pathlib import Path

from tests.cluster.harness.addresses import (
    MACHINE_ADDRESS,
    MACHINE_NETWORK,
    NODE1,
    NODE2,
    POD_NETWORK,
    SERVICE_NETWORK,
)
from tests.cluster.harness.commands import run
from tests.setup.cache import program

NODE_BRIDGE = "sentinel-nodes"
POD_BRIDGE = "sentinel-pods"
NODE2_LINK = "sentinel-node2"
"""The end on the machine of the second node's cable."""
_NETWORKS = (MACHINE_NETWORK, POD_NETWORK, SERVICE_NETWORK)
_ACTION = "Run ./task k8s:down, which removes what a broken start left, and try again as root."
_RULE_MARKS = ("KUBE-", "CNI-")
"""What kube-proxy, kubelet and the CNI plugins put into the name of each chain of theirs."""


def conflicting_routes() -> list[str]:
    """Return the machine's routes into the cluster's networks that are not the cluster's own."""
    ours = {NODE_BRIDGE, POD_BRIDGE}
    routes = json.loads(run(["ip", "-json", "-4", "route"], user_action=_ACTION))
    return [
        f"{route['dst']} dev {route.get('dev', '?')}"
        for route in routes
        if route["dst"] != "default" and route.get("dev") not in ours and _overlaps(route["dst"])
    ]


def _overlaps(destination: str) -> bool:
    network = ipaddress.ip_network(destination)
    return any(network.overlaps(ipaddress.ip_network(ours)) for ours in _NETWORKS)


def create_network() -> None:
    """Make bridge, namespace, cable and routes.

    Raises
    ------
    HarnessError
        This is not root, or the kernel lacks bridges or network namespaces.
    """
    _ip("link", "add", NODE_BRIDGE, "type", "bridge")
    _ip("address", "add", f"{MACHINE_ADDRESS}/24", "dev", NODE_BRIDGE)
    _ip("link", "set", NODE_BRIDGE, "up")
    _ip("netns", "add", NODE2.namespace)
    _ip("link", "add", NODE2_LINK, "type", "veth", "peer", "name", "eth0", "netns", NODE2.namespace)
    _ip("link", "set", NODE2_LINK, "master", NODE_BRIDGE, "up")
    _ip("route", "add", NODE2.pod_network, "via", NODE2.address)
    for arguments in (
        ("link", "set", "lo", "up"),
        ("link", "set", "eth0", "up"),
        ("address", "add", f"{NODE2.address}/24", "dev", "eth0"),
        ("route", "add", "default", "via", NODE1.address),
    ):
        _ip("-netns", NODE2.namespace, *arguments)
    _forward_packets()


def _forward_packets() -> None:
    within = ["nsenter", f"--net=/run/netns/{NODE2.namespace}"]
    for prefix in ([], within):
        run([*prefix, "sysctl", "-qw", "net.ipv4.ip_forward=1"], user_action=_ACTION)
    # Without it, answers between pods of one node pass the bridge beside kube-proxy's rules. Kernels
    # that have it compiled in show no such file until the first bridge is there.
    if Path("/proc/sys/net/bridge").exists():
        run(["sysctl", "-qw", "net.bridge.bridge-nf-call-iptables=1"], user_action=_ACTION)


def remove_network() -> None:
    """Remove it all, as far as it is there, with the packet filter's rules for pods and Services."""
    # The cable before the namespace, which would take it along in its own time.
    for link in (NODE2_LINK, POD_BRIDGE, NODE_BRIDGE):
        if Path("/sys/class/net", link).exists():
            _ip("link", "delete", link)
    if Path("/run/netns", NODE2.namespace).exists():
        _ip("netns", "delete", NODE2.namespace)
    for family in ("iptables", "ip6tables"):
        for table in ("nat", "filter", "mangle"):
            _remove_rules(family, table)


def _remove_rules(family: str, table: str) -> None:
    saved = subprocess.run(
        [str(program(f"{family}-save")), "-t", table], capture_output=True, text=True, check=False
    )
    lines = saved.stdout.splitlines(keepends=True)
    kept = [line for line in lines if not any(mark in line for mark in _RULE_MARKS)]
    # A kernel without IPv6 has no table to save: then nothing was ever written there.
    if saved.returncode == 0 and kept != lines:
        restore = [str(program(f"{family}-restore")), "-T", table]
        subprocess.run(restore, input="".join(kept), text=True, check=True)


def _ip(*arguments: str) -> None:
    run(["ip", *arguments], user_action=_ACTION)
