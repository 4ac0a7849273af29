"""Bringing built images to the nodes of a cluster, where they are not there yet."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.cluster.build_load.builders import Builder
from tests.cluster.build_load.images import Built
from tests.cluster.build_load.objects import apply_config_map, read_config_map
from tests.cluster.build_load.store import NAMESPACE
from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.kubectl import Kubectl
from tests.setup.cache import cache_root

RECORD = "loaded-images"
"""A ConfigMap of image names and the digests of what they were made from. It is kept in the cluster, so
that it goes when the nodes and their images go."""


def load_images(
    cluster: Cluster, kubectl: Kubectl, builder: Builder, built: Sequence[Built]
) -> None:
    """Load what the nodes do not have yet, and print how long that took.

    Raises
    ------
    HarnessError
        A node did not take an image. Retryable: once its cause is gone.
    """
    loaded = read_config_map(kubectl, NAMESPACE, RECORD)
    for one in built:
        name = one.image.name
        if not one.image.in_cluster:
            print(f"{name}: not loaded, since nothing in the cluster runs it")
            continue
        if loaded.get(name) == one.inputs:
            print(f"{name}: on the nodes already")
            continue
        started = time.monotonic()
        _load(cluster, builder, one)
        loaded[name] = one.inputs
        apply_config_map(kubectl, NAMESPACE, RECORD, loaded)
        print(f"{name}: loaded in {time.monotonic() - started:.0f} s", flush=True)


def _load(cluster: Cluster, builder: Builder, built: Built) -> None:
    folder = cache_root() / "images"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as unfinished:
        archive = Path(unfinished, f"{built.image.name}.tar")
        builder.save(built.image.references, archive)
        cluster.load_image(archive)
