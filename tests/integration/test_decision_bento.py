"""A real Bento, built and served, does what its document says, and goes on where it stopped."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from sentinel_bentos.build import Bento, find_or_build
from sentinel_core.release import write_projection
from tests.support.decision_server import (
    serve,
    wait_until,
    wait_until_ready,
    wire_payment,
)
from tests.support.pipelines import RULES, build_release

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(bento, bentoml_home, tmp_path_factory):
    state = tmp_path_factory.mktemp("state")
    write_projection(state / "releases", build_release())
    with serve(bento, bentoml_home, state) as running:
        wait_until_ready(running)
        yield running


def test_a_payment_is_decided_with_its_reasons(server):
    for number in range(4):
        answer = server.post("/score", wire_payment(f"burst-{number}", card="burst")).json()
    sources = [reason["source"] for reason in answer["reasons"]]
    assert sorted(set(sources)) == ["rules", "velocity"]
    assert sum(r["points"] for r in answer["reasons"]) == pytest.approx(answer["score"], abs=1e-9)


def test_an_answer_names_release_arm_and_time(server):
    answer = server.post("/score", wire_payment("named")).json()
    assert (answer["event_id"], answer["release"], answer["arm"]) == (
        "named", build_release().digest, "stable",
    )  # fmt: skip
    assert datetime.fromisoformat(answer["created_at"]).tzinfo is not None


def test_the_same_event_again_has_the_same_bytes(server):
    first = server.post("/score", wire_payment("again"))
    second = server.post("/score", wire_payment("again"))
    assert (first.status_code, first.content) == (200, second.content)


def test_the_same_event_in_other_words_has_the_same_bytes(server):
    first = server.post("/score", wire_payment("words"))
    other = dict(reversed(wire_payment("words", occurred_at="2024-05-01T14:00:00+02:00").items()))
    assert first.content == server.post("/score", other).content


def test_an_id_with_another_body_is_a_conflict(server):
    server.post("/score", wire_payment("taken"))
    other = wire_payment("taken", payload={"amount": 11, "currency": "EUR"})
    refused = server.post("/score", other)
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")


def test_two_equal_payments_with_different_ids_are_two_decisions(server):
    first = server.post("/score", wire_payment("twin-1", card="twin")).json()
    second = server.post("/score", wire_payment("twin-2", card="twin")).json()
    assert first["id"] != second["id"]
    record = server.get(f"/decisions/{second['id']}").json()
    assert record["features"]["card_count_1h"] == 1.0


def test_the_root_path_is_the_same_route(server):
    alias = server.client.post("/score", json=wire_payment("alias"))
    assert alias.content == server.post("/score", wire_payment("alias")).content


def test_a_batch_keeps_its_order_and_gives_each_item_its_own_result(server):
    events = [
        wire_payment("batch-1"),
        wire_payment("batch-2", payload={"amount": -1, "currency": "EUR"}),
        wire_payment("batch-3"),
        wire_payment("batch-1"),
        wire_payment("batch-3", entities={"card": "other"}),
    ]
    results = server.post("/score/batch", {"events": events}).json()["results"]
    kinds = [r["problem"]["code"] if r["problem"] else r["decision"]["event_id"] for r in results]
    assert kinds == ["batch-1", "invalid_event", "batch-3", "batch-1", "conflict"]
    assert results[0] == results[3]


def test_a_batch_of_a_thousand_is_decided(server):
    events = [wire_payment(f"many-{n}", card=f"m{n % 50}") for n in range(1000)]
    results = server.post("/score/batch", {"events": events}).json()["results"]
    assert [f"many-{n}" for n in range(1000)] == [r["decision"]["event_id"] for r in results]


def test_a_decision_is_found_with_its_features_by_name(server):
    decision = server.post("/score", wire_payment("found", card="found")).json()
    record = server.get(f"/decisions/{decision['id']}").json()
    names = ["card_count_1h", "card_sum_1d", "card_frauds_30d", "terminal_count_1d"]
    assert list(record["features"]) == names
    assert {k: record[k] for k in ("id", "score", "reasons", "tenant")} == {
        k: decision[k] for k in ("id", "score", "reasons")
    } | {"tenant": "default"}


def test_a_decision_that_is_not_there_is_not_found(server):
    missing = server.get(f"/decisions/dec_{'0' * 32}")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")


def test_a_replay_proves_every_bit(server):
    decision = server.post("/score", wire_payment("replayed")).json()
    replay = server.client.post(f"/api/v1/decisions/{decision['id']}/replay").json()
    expected = {"id": decision["id"], "equal": True, "proved": "bits", "differences": []}
    assert expected == replay


def test_confirmed_fraud_blocks_the_next_payment_of_the_card(server):
    now = datetime.now(UTC)
    server.post("/score", wire_payment("stolen-1", card="stolen", occurred_at=now.isoformat()))
    told = server.post("/transactions/stolen-1/feedback", {"verdict": "confirmed_fraud"}).json()
    # A verdict counts for events that occur after it; a clock may run this far ahead.
    later = (now + timedelta(minutes=4)).isoformat()
    after = server.post("/score", wire_payment("stolen-2", card="stolen", occurred_at=later))
    assert (told["label"], after.json()["outcome"]) == ("fraud", "block")


def test_the_same_verdict_again_changes_nothing(server):
    server.post("/score", wire_payment("verdict"))
    path, verdict = "/transactions/verdict/feedback", {"verdict": "false_positive", "note": "ok"}
    first, second = server.post(path, verdict).json(), server.post(path, verdict).json()
    assert second == first | {"repeated": True}


def test_feedback_reaches_an_event_whose_id_has_a_slash(server):
    server.post("/score", wire_payment("a/b/c"))
    told = server.post("/transactions/a%2Fb%2Fc/feedback", {"verdict": "escalated"})
    assert (told.status_code, told.json()["event_id"], told.json()["label"]) == (200, "a/b/c", None)


def test_feedback_on_an_unknown_event_is_not_found(server):
    told = server.post("/transactions/nobody/feedback", {"verdict": "escalated"})
    assert (told.status_code, told.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_the_pages_ask_no_other_host_for_anything(server, path):
    page = server.client.get(path)
    links = re.findall(r"""(?:src|href|spec-url)=["']([^"']+)""", page.text)
    assert (page.status_code, re.findall(r"(?:https?:)?//[\w.]+", page.text)) == (200, [])
    assert dict.fromkeys(links, 200) == {
        link: server.client.get(link).status_code for link in links
    }
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_metrics_are_on_the_inner_port_only(server):
    assert (
        server.admin("/metrics").status_code, server.client.get("/metrics").status_code,
    ) == (200, 404)  # fmt: skip


def test_strange_paths_and_methods_make_no_new_series(server):
    def series():
        lines = server.admin("/metrics").text.splitlines()
        return {line.rsplit(" ", 1)[0] for line in lines if line[0] != "#"}

    server.client.get("/nowhere")
    server.client.request("BREW", "/score")
    before = series()
    for number in range(50):
        server.client.get(f"/nowhere/{number}")
        server.client.request(f"BREW{number}", "/score")
    assert series() == before


def test_the_inner_port_has_the_probes_and_what_is_served(server):
    assert [server.admin(p).status_code for p in ("/livez", "/readyz")] == [200, 200]
    served = server.served()
    assert (served["state"], served["stable"]) == ("Ready", build_release().digest)


def test_a_bad_release_never_replaces_a_good_one(server):
    good = build_release()
    folder = server.state / "releases"
    bad = good.model_copy(update={"rules": [{"id": "nonsense"}]})
    write_projection(folder, bad)
    wait_until(lambda: server.served()["state"] == "Refused", "a refusal")
    assert server.served()["stable"] == good.digest
    assert server.post("/score", wire_payment("meanwhile")).json()["release"] == good.digest
    write_projection(folder, good)
    wait_until(lambda: server.served()["state"] == "Ready", "the way back")


def test_a_new_release_is_taken_up_without_a_restart(server):
    other = build_release(rules=RULES.replace("points: 40", "points: 41"))
    write_projection(server.state / "releases", other)
    wait_until(lambda: server.served()["stable"] == other.digest, "the new release")
    assert server.post("/score", wire_payment("anew")).json()["release"] == other.digest
    write_projection(server.state / "releases", build_release())
    wait_until(lambda: server.served()["stable"] != other.digest, "the way back")


def test_a_restarted_server_knows_its_decisions_and_its_windows(bento, bentoml_home, tmp_path):
    write_projection(tmp_path / "releases", build_release())
    with serve(bento, bentoml_home, tmp_path) as running:
        wait_until_ready(running)
        before = running.post("/score", wire_payment("kept", card="kept")).content
    with serve(bento, bentoml_home, tmp_path) as running:
        wait_until_ready(running)
        assert before == running.post("/score", wire_payment("kept", card="kept")).content
        decision = running.post("/score", wire_payment("next", card="kept")).json()
        record = running.get(f"/decisions/{decision['id']}").json()
        assert record["features"]["card_count_1h"] == 1.0


def test_without_a_release_the_server_says_so_and_starts_when_there_is_one(
    bento, bentoml_home, tmp_path
):
    with serve(bento, bentoml_home, tmp_path) as running:
        wait_until(lambda: running.served()["reason"] == "NotReady", "a reason")
        assert running.served()["state"] == "Starting"
        ready = running.get("/ready")
        probe = running.admin("/readyz").status_code
        assert (ready.status_code, ready.json()["code"], probe) == (503, "not_ready", 503)
        assert running.get("/health").status_code == 200
        assert running.post("/score", wire_payment("early")).status_code == 503
        write_projection(tmp_path / "releases", build_release())
        wait_until_ready(running)
        assert running.post("/score", wire_payment("early")).status_code == 200


def test_settings_that_are_refused_are_told_and_end_nothing(bento, bentoml_home, tmp_path):
    with serve(bento, bentoml_home, tmp_path, SENTINEL_HOST="0.0.0.0") as running:
        served = running.served()
        assert (served["state"], served["reason"]) == ("Refused", "Configuration")
        assert "has no API keys" in served["message"]
        with pytest.raises(httpx.ConnectError):
            running.get("/health")


def test_the_code_that_serves_is_the_bentos_own(bento, bentoml_home, tmp_path):
    folder = bento.folder.with_name("marked")
    shutil.copytree(bento.folder, folder)
    file = folder / "src" / "sentinel_bentos" / "decision" / "schemas.py"
    text = file.read_text()
    assert 'Literal["ok"] = "ok"' in text
    file.write_text(text.replace('Literal["ok"] = "ok"', 'str = "marked"'))
    (folder / "bento.yaml").write_text(
        re.sub(r"(?m)^version: .*$", "version: marked", (folder / "bento.yaml").read_text())
    )
    marked = Bento("sentinel_decision:marked", folder)
    with serve(marked, bentoml_home, tmp_path) as running:
        assert running.get("/health").json() == {"status": "marked"}


def test_an_unchanged_bento_is_built_once(bentoml_home):
    first, _ = find_or_build(bentoml_home)
    assert (first, False) == find_or_build(bentoml_home)
