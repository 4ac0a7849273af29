"""What the samples declare is enough where it is enforced."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from sentinel_core.resources.manifest import load_manifest
from tests.cluster.build_load.store import ENDPOINT
from tests.support.pages import ROOT

SAMPLE = load_manifest(ROOT / "manifests" / "samples" / "card-payments")


@pytest.mark.parametrize("kind", ["SentinelModel", "SentinelPipeline"])
def test_what_reads_the_store_of_build_load_may_reach_it(kind):
    place = urlsplit(ENDPOINT)
    _, namespace, *_ = str(place.hostname).split(".")
    declared = {"SentinelModel": SAMPLE.models, "SentinelPipeline": SAMPLE.pipelines}
    (resource,) = [one.resource for one in declared[kind]]
    reached = [
        (peer.namespace_selector.match_labels, port.port)
        for rule in resource.spec.server.network_policy.egress
        for peer in rule.to
        for port in rule.ports
    ]
    assert ({"kubernetes.io/metadata.name": namespace}, place.port) in reached
