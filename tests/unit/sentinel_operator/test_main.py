"""How the parts of the process begin and end together."""

from __future__ import annotations

import asyncio
import ssl

from sentinel_operator import main
from sentinel_operator.config import Settings
from sentinel_operator.kube.connect import Cluster

SETTINGS = Settings(listen_host="127.0.0.1", health_port=0, metrics_port=0)


def test_what_apis_there_are_is_found_out_once_for_rounds_and_watches(monkeypatch):
    looked = []

    async def wait_for_apis(operator):
        looked.append(operator)
        await asyncio.sleep(0)
        operator.stop.set()

    cluster = Cluster("http://127.0.0.1:1", ssl.create_default_context())
    monkeypatch.setattr(main, "find_cluster", lambda _: cluster)
    monkeypatch.setattr(main, "wait_for_apis", wait_for_apis)
    code = asyncio.run(main.run(SETTINGS))
    assert (code, len(looked)) == (0, 1)
