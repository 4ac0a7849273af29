"""What the operator's tests share: an API server that has the two definitions, and a namespace."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.control_plane import LightControlPlane
from tests.support.operator_place import Place
from tests.support.operator_process import OperatorProcess, install_crds, running_operator
from tests.support.simulated_pods import SimulatedPods, simulated_pods


@pytest.fixture(scope="session")
def api(control_plane: LightControlPlane) -> LightControlPlane:
    """The shared control plane, with the definitions installed."""
    install_crds(control_plane.kubectl)
    return control_plane


@pytest.fixture
def place(api: LightControlPlane, tmp_path: Path) -> Place:
    """A namespace of the test's own."""
    return Place(api, api.namespace("operator"), tmp_path)


@pytest.fixture(scope="module")
def pods(api: LightControlPlane) -> Iterator[SimulatedPods]:
    """Pods that run as Deployments and Jobs want them, in every namespace."""
    with simulated_pods(api.kubeconfig) as simulated:
        yield simulated


@pytest.fixture(scope="module")
def operator(
    api: LightControlPlane, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OperatorProcess]:
    """An operator for all namespaces and all tests of a module."""
    folder = tmp_path_factory.mktemp("operator")
    namespace = api.namespace("sentinel-system")
    with running_operator(api.kubeconfig, folder, namespace=namespace) as running:
        yield running
