"""A malformed request is refused with what to mend, and changes nothing."""

from __future__ import annotations

import pytest

from sentinel_core.release import write_projection
from sentinel_core.store import Store
from tests.support.decision_server import serve, wait_until_ready, wire_payment
from tests.support.malformed import KEPT_CARD, MALFORMED
from tests.support.pipelines import build_release

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(bento, bentoml_home, tmp_path_factory):
    state = tmp_path_factory.mktemp("state")
    write_projection(state / "releases", build_release())
    with serve(bento, bentoml_home, state) as running:
        wait_until_ready(running)
        running.post("/score", wire_payment("known", card="other"))
        yield running


def send(server, case):
    headers = {} if case.content_type is None else {"Content-Type": case.content_type}
    return server.client.request(
        case.method, f"/api/v1{case.path}", content=case.body, headers=headers
    )


def last_seq(server):
    store = Store.open(server.state / "record.db", read_only=True)
    try:
        return store.last_seq()
    finally:
        store.close()


@pytest.mark.parametrize("case", MALFORMED, ids=[case.title for case in MALFORMED])
def test_it_is_refused_with_field_reason_and_what_to_do(server, case):
    before = last_seq(server)
    refused = send(server, case)
    problem = refused.json()
    assert (refused.status_code, refused.headers["content-type"]) == (
        case.status, "application/problem+json",
    )  # fmt: skip
    if case.status == 422:
        assert case.names in [error["location"] for error in problem["errors"]]
        assert all(error["message"] and error["hint"] for error in problem["errors"])
    else:
        assert case.names in problem["detail"]
    assert problem["user_action"]
    assert last_seq(server) == before


def test_a_body_that_grows_over_its_limit_as_it_comes_is_refused(server):
    def chunks():
        for _ in range(100):
            yield b" " * 1024

    headers = {"Content-Type": "application/json"}
    refused = server.client.post("/api/v1/score", content=chunks(), headers=headers)
    assert refused.status_code == 413


def test_after_all_of_them_the_windows_are_untouched_and_the_server_is_well(server):
    for case in MALFORMED:
        send(server, case)
    decision = server.post("/score", wire_payment("first", card=KEPT_CARD)).json()
    features = server.get(f"/decisions/{decision['id']}").json()["features"]
    assert (features["card_count_1h"], features["card_sum_1d"]) == (0.0, 0.0)
    assert [server.get(p).status_code for p in ("/health", "/ready")] == [200, 200]
    assert server.metric("sentinel_decisions_total") == 2
