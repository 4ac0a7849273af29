"""What has to be there before anything is watched: a cluster, its APIs, and kopf told to watch only."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import ssl
from collections.abc import Iterator
from pathlib import Path

import kopf

from sentinel_core.clock import Clock
from sentinel_core.errors import ConfigurationError
from sentinel_operator.factory import Operator
from sentinel_operator.kube.connect import CONNECT_SECONDS, Cluster, TokenFile
from sentinel_operator.kube.errors import KubeError
from sentinel_operator.kube.kinds import RESOURCES, WATCHED, Kind
from sentinel_operator.kube.recheck import find_apis

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod finds its ServiceAccount (Kubernetes, "Accessing the API from a Pod")."""
LIST_SECONDS = 30.0
"""For a page of a list."""
PAGE = 250
"""Objects in a page, so that a large cluster's lists are never in memory as a whole."""
INACTIVE_SECONDS = 70.0
"""For a watch without an event. The API server sends a bookmark about once a minute."""
WAIT_SECONDS = 2.0

logger = logging.getLogger(__name__)


def find_cluster(clock: Clock) -> Cluster:
    """Find the API server: that of the pod's own cluster, or that of a kubeconfig.

    Raises
    ------
    ConfigurationError
        There is neither, or it cannot be read.
    """
    host, port = (
        os.environ.get("KUBERNETES_SERVICE_HOST"),
        os.environ.get("KUBERNETES_SERVICE_PORT"),
    )
    if host and (ACCOUNT / "token").exists():
        authority = ssl.create_default_context(cafile=ACCOUNT / "ca.crt")
        server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
        return Cluster(server, authority, token=TokenFile(ACCOUNT / "token", clock))
    found = kopf.login_with_kubeconfig(settings=kopf.OperatorSettings())
    if not isinstance(found, kopf.ConnectionInfo):
        raise ConfigurationError(
            "There is no cluster: this is no pod with a ServiceAccount, and there is no kubeconfig.",
            user_action="Run it in a cluster, or set KUBECONFIG.",
        )
    return Cluster(found.server, found.as_ssl_context(), headers=found.as_http_headers())


def configure_kopf(operator: Operator) -> kopf.OperatorSettings:
    """Have kopf watch, and do nothing else.

    It posts no Events, persists nothing on objects, knows no peers; its session refuses writes.
    """
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.peering.standalone = True
    # Which kinds there are is looked up before, and again in `upkeep`; kopf's own way would need the
    # right to list and watch every CustomResourceDefinition.
    settings.scanning.disabled = True
    settings.networking.request_timeout = LIST_SECONDS
    settings.networking.connect_timeout = CONNECT_SECONDS
    settings.networking.error_backoffs = _Backoffs()
    settings.networking.enforce_retry_after = True
    settings.watching.connect_timeout = CONNECT_SECONDS
    settings.watching.inactivity_timeout = INACTIVE_SECONDS
    settings.watching.chunk_size = PAGE
    settings.queueing.idle_timeout = 1.0
    settings.queueing.exit_timeout = 0.5
    for kind in operator.kinds:
        if kind.selector:
            selectors = settings.watching.label_selectors
            selectors[kind.group or "v1", kind.plural] = kind.selector
    return settings


class _Backoffs:
    """Waits between kopf's attempts at a call, without an end: it outlives the API server's absence."""

    def __iter__(self) -> Iterator[float]:
        full = 0.5
        while True:
            # Jitter keeps clients apart; nobody gains by guessing it.
            yield full * (0.5 + random.random() / 2)  # noqa: S311  # nosec B311
            full = min(full * 2, 8.0)


async def wait_for_apis(operator: Operator) -> None:
    """Wait until the cluster has both resources, and note which optional APIs it has."""
    said = False
    while True:
        try:
            operator.apis |= await find_apis(operator.client, _asked())
            missing = [kind.plural for kind in RESOURCES if kind.api not in operator.apis]
        except KubeError as error:
            logger.warning("the API server cannot be asked for its APIs: %s", error)
            missing = []
        else:
            if not missing:
                return
        if missing and not said:
            logger.error(
                "the cluster has no %s in sentinel.dev/v1alpha1; install the CRDs: "
                "crds.enabled of the chart, or kubectl apply -f manifests/crds",
                " and no ".join(missing),
            )
            said = True
        await asyncio.sleep(WAIT_SECONDS)


def _asked() -> tuple[Kind, ...]:
    return (*RESOURCES, *(kind for kind in WATCHED if kind.optional))
