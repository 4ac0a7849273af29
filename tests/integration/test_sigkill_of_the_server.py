"""A server that is killed in the middle of its writes has what it answered, once, bit for bit."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter

import httpx
import pytest

from sentinel_core.clock import SystemClock
from sentinel_core.engine.loader import Loader
from sentinel_core.engine.replay import Replayer
from sentinel_core.release import write_projection
from sentinel_core.store import Store
from tests.support.decision_server import serve, wait_until, wait_until_ready, wire_payment
from tests.support.pipelines import build_release

pytestmark = pytest.mark.slow

KILLS = 20
CLIENTS = 8


class Client(threading.Thread):
    """Posts one payment after the other until the server is gone."""

    def __init__(self, url, name):
        super().__init__(name=name)
        self.url = url
        self.sent = []
        self.answered = {}

    def run(self):
        with httpx.Client(base_url=self.url, timeout=60, verify=False) as client:
            while True:
                body = wire_payment(f"{self.name}-{len(self.sent)}", card=f"c{len(self.sent) % 5}")
                self.sent.append(body)
                try:
                    answer = client.post("/api/v1/score", json=body)
                except httpx.TransportError:
                    return
                assert answer.status_code == 200, answer.text
                self.answered[body["id"]] = answer.content


def post_and_kill(server, kill, wait_seconds):
    """Let clients post, and kill the whole group of the server some time after the first answer."""
    clients = [Client(server.addresses.url, f"k{kill}-c{n}") for n in range(CLIENTS)]
    for client in clients:
        client.start()
    wait_until(lambda: any(client.answered for client in clients), "a first answer")
    time.sleep(wait_seconds)
    os.killpg(server.process._process.pid, signal.SIGKILL)
    for client in clients:
        client.join()
    wait_until(lambda: server.process.exit_code is not None, "the end")
    return clients


def check_answers(server, clients):
    """Send everything again: what was answered is answered alike, what was not is answered now."""
    for client in clients:
        for body in client.sent:
            answer = server.post("/score", body)
            assert answer.status_code == 200, answer.text
            assert client.answered.setdefault(body["id"], answer.content) == answer.content


def test_every_answered_decision_is_there_once_after_twenty_kills(bento, bentoml_home, tmp_path):
    write_projection(tmp_path / "releases", build_release())
    moments = random.Random(21)
    clients = []
    answered_before_a_kill = 0
    for kill in range(KILLS + 1):
        with serve(bento, bentoml_home, tmp_path) as server:
            wait_until_ready(server)
            check_answers(server, clients[-CLIENTS:])
            if kill < KILLS:
                clients += post_and_kill(server, kill, moments.uniform(0, 0.3))
                answered_before_a_kill += sum(len(c.answered) for c in clients[-CLIENTS:])
    assert answered_before_a_kill > KILLS * CLIENTS
    store = Store.open(tmp_path / "record.db", read_only=True)
    decisions = list(store.decisions())
    clock = SystemClock()
    replayer = Replayer(store, Loader(tmp_path / "artifacts", store, clock), clock)
    unequal = [replay for replay in map(replayer.decision, decisions) if not replay.equal]
    store.close()
    sent = Counter(body["id"] for client in clients for body in client.sent)
    assert Counter(d.event_id for d in decisions) == sent
    assert unequal == []
    # All payments name one terminal and one time, so the k-th arrival saw k - 1 before it.
    assert [d.vector[3] for d in decisions] == [float(k) for k in range(len(decisions))]
