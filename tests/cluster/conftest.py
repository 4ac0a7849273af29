"""What tests of the cluster share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.cluster import RunningCluster

RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}


@pytest.fixture(scope="module")
def namespace(cluster: RunningCluster) -> Iterator[str]:
    """A namespace of a module's own, under Pod Security `restricted`; it goes with all in it."""
    name = cluster.namespace(labels=RESTRICTED)
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")
