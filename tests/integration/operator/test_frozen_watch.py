"""Connections that swallow everything are found out, and the operator hears again by itself."""

from __future__ import annotations

import pytest
import yaml

from tests.support.freezing_proxy import freezing_proxy
from tests.support.operator_place import model
from tests.support.operator_process import eventually

RECOVERED_SECONDS = 90.0


@pytest.fixture
def proxied(place):
    """A proxy before the API server, and a kubeconfig that leads through it."""
    port = int(place.api.url.rpartition(":")[2])
    with freezing_proxy(port) as (proxy, proxy_port):
        config = yaml.safe_load(place.api.kubeconfig.read_text())
        config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{proxy_port}"
        kubeconfig = place.folder / "proxied.kubeconfig"
        kubeconfig.write_text(yaml.safe_dump(config))
        yield proxy, kubeconfig


@pytest.mark.slow
def test_frozen_watches_are_opened_anew_within_90_s(place, proxied):
    proxy, kubeconfig = proxied
    with place.operator(kubeconfig) as operator:
        place.apply(model("a", place.namespace))
        eventually(lambda: place.text("a") == "1", "the child is there")
        assert proxy.freeze() > 10
        place.apply(model("a", place.namespace, text="2"))
        eventually(lambda: place.text("a") == "2", "a round", within_seconds=RECOVERED_SECONDS)
        assert operator.metric("sentinel_operator_watches_reopened_total") == 1
        assert operator.is_ok("healthz")
