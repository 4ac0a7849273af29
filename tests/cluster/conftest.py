"""What tests of the cluster share: everything that a platform engineer has after the README's block."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cluster.build_load import api_key
from tests.cluster.build_load import store as in_cluster
from tests.cluster.build_load.objects import apply_secret, read_secret
from tests.cluster.harness.addresses import FORWARDED_NODE_PORTS
from tests.cluster.harness.cluster import CHECKOUT_KUBECONFIG
from tests.cluster.harness.existing import ExistingCluster
from tests.support.api_reader import ApiReader
from tests.support.chart import NAMESPACE, ROOT, Chart
from tests.support.cluster import RunningCluster
from tests.support.cluster_place import ClusterPlace
from tests.support.cluster_store import ClusterStore
from tests.support.missing import do_without

RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
LAST = (
    "test_platform_engineer", "test_changes", "test_broken_artifacts", "test_model_server",
    "test_rights", "test_operator", "test_autoscaling",
)  # fmt: skip
"""Modules that need the operator, which cost more than the others; of these the costly ones last."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the modules of this folder into their order, where they are among others."""
    here = Path(__file__).parent
    places = [place for place, item in enumerate(items) if here in item.path.parents]
    ordered = sorted((items[place] for place in places), key=_turn)
    for place, item in zip(places, ordered, strict=True):
        items[place] = item


def _turn(item: pytest.Item) -> int:
    return LAST.index(item.path.stem) if item.path.stem in LAST else -1


@pytest.fixture(scope="module")
def namespace(cluster: RunningCluster) -> Iterator[str]:
    """A namespace of a module's own, under Pod Security `restricted`; it goes with all in it."""
    name = cluster.namespace(labels=RESTRICTED)
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A cluster after ``./task k8s:build-load``.

    Attributes
    ----------
    folder : a checkout whose manifests are a copy, since build-load writes into them
    printed : what build-load said
    """

    folder: Path
    printed: str

    @property
    def api_key(self) -> str:
        """The key that the Secret of API keys knows."""
        return api_key.PATH.read_text().strip()


@pytest.fixture(scope="session")
def reader(cluster: RunningCluster) -> ApiReader:
    """Read from the cluster as its administrator."""
    return ApiReader(cluster.client())


@pytest.fixture(scope="session")
def prepared(cluster: RunningCluster, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """Build and load images, have the store with the sample artifact, and the Secrets."""
    if isinstance(cluster.harness, ExistingCluster):
        do_without("Images cannot be brought to the nodes of this cluster. Use ./task k8s:up.")
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copytree(ROOT / "manifests", folder / "manifests")
    (folder / "helm").symlink_to(ROOT / "helm")
    CHECKOUT_KUBECONFIG.parent.mkdir(exist_ok=True)
    (folder / ".sentinel").symlink_to(CHECKOUT_KUBECONFIG.parent)
    sample = folder / "manifests" / "samples" / "card-payments"
    ran = subprocess.run(
        [sys.executable, "-m", "tests.cluster.build_load", "--manifests", sample],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, f"build-load failed:\n{ran.stdout}\n{ran.stderr}"
    return Prepared(folder, ran.stdout)


@pytest.fixture(scope="session")
def chart(cluster: RunningCluster, reader: ApiReader, prepared: Prepared) -> Iterator[Chart]:
    """The chart, whether it is installed or not; what this session installed goes at its end."""
    place = ClusterPlace(cluster.kubectl, reader, NAMESPACE)
    found = Chart(place, cluster.kubeconfig)
    was_installed = found.is_installed
    if was_installed:
        found.upgrade()
        # The images may be others under the same names.
        found.restart()
    yield found
    if not was_installed and found.is_installed:
        found.uninstall()


@pytest.fixture(scope="module")
def sentinel(chart: Chart) -> Chart:
    """The operator, installed and at work."""
    if not chart.is_installed:
        chart.install()
    return chart


@pytest.fixture(scope="session")
def store(
    cluster: RunningCluster, prepared: Prepared, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ClusterStore]:
    """The store in the cluster, open to this machine."""
    found = read_secret(cluster.kubectl, in_cluster.NAMESPACE, in_cluster.NAME)
    assert found is not None
    credentials = in_cluster.Credentials(found["accessKeyId"], found["secretAccessKey"])
    with in_cluster.store_folder(credentials) as settings:
        yield ClusterStore(settings, tmp_path_factory.mktemp("artifacts"))


@pytest.fixture(scope="module")
def new_place(
    cluster: RunningCluster, reader: ApiReader, prepared: Prepared
) -> Iterator[Callable[[], ClusterPlace]]:
    """Make namespaces under Pod Security `restricted`, with the Secrets that build-load made."""
    made: list[str] = []

    def make() -> ClusterPlace:
        name = cluster.namespace(labels=RESTRICTED)
        made.append(name)
        for secret in (in_cluster.NAME, api_key.SECRET):
            data = read_secret(cluster.kubectl, "default", secret)
            assert data is not None, f"build-load made no Secret {secret}"
            apply_secret(cluster.kubectl, name, secret, data)
        return ClusterPlace(cluster.kubectl, reader, name)

    yield make
    for name in made:
        cluster.kubectl("delete", "namespace", name, "--wait=false", "--ignore-not-found")


@pytest.fixture(scope="module")
def module_place(new_place: Callable[[], ClusterPlace]) -> ClusterPlace:
    """A namespace that the tests of a module share."""
    return new_place()


@pytest.fixture
def place(new_place: Callable[[], ClusterPlace]) -> ClusterPlace:
    """A namespace of a test's own."""
    return new_place()


@pytest.fixture(scope="session")
def node_ports() -> Iterator[int]:
    """Ports of this machine that lead into the cluster, each given once; the last two are taken."""
    return iter(FORWARDED_NODE_PORTS[:-2])
