"""``sentinel score`` against a server that really decides."""

from __future__ import annotations

import asyncio
import http.server
import json
import socket
import threading

import pytest
import uvicorn

from sentinel_bentos.decision.app import build_app
from sentinel_bentos.decision.auth import LocalCallers
from sentinel_core.release import write_projection
from tests.support.application import become, build_serving, build_settings, running
from tests.support.decision_server import wire_payment
from tests.support.pipelines import build_release
from tests.support.ports import free_port


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    """Return the address of a decision server on a thread of this process."""
    folder = tmp_path_factory.mktemp("server")
    write_projection(folder / "releases", build_release())
    settings, serving = build_settings(folder), build_serving()
    app = build_app(serving, settings, LocalCallers())
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    ready = threading.Event()

    async def serve():
        async with running(serving, settings):
            await become(lambda: serving.ready)
            ready.set()
            await server.serve([listener])

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(60)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture
def score(sentinel, url):
    return lambda *arguments, **given: sentinel("score", "--url", url, *arguments, **given)


def lines(*events):
    return "".join(f"{json.dumps(event)}\n" for event in events).encode()


def test_an_answer_is_shown_with_its_reasons(score, tmp_path):
    for number in range(4):
        path = tmp_path / "payment.json"
        path.write_text(json.dumps(wire_payment(f"burst-{number}", card="burst"), indent=2))
        ran = score(path)
    assert ran.code == 0
    first, *reasons = ran.out.splitlines()
    assert first.startswith("burst-3: approve, score ")
    assert any("Card burst" in line or "payments with this card" in line for line in reasons)


def test_lines_are_sent_one_by_one_and_blank_ones_passed_over(score):
    data = lines(wire_payment("n1"), wire_payment("n2")).replace(b"\n", b"\n\n")
    ran = score("--json", "-", stdin=data)
    answers = [json.loads(line) for line in ran.out.splitlines()]
    assert (ran.code, [a["event_id"] for a in answers]) == (0, ["n1", "n2"])


def test_a_refused_event_is_told_and_the_others_are_decided(score):
    bad = wire_payment("n4", payload={"amount": -1, "currency": "EUR"})
    ran = score("-", stdin=lines(wire_payment("n3"), bad, wire_payment("n5")))
    assert ran.code == 1
    assert [line.split(":")[0] for line in ran.out.splitlines() if line[0] != " "] == [
        "n3",
        "refused",
        "n5",
    ]
    assert "  payload.amount: Input should be greater than or equal to 0" in ran.out


def test_contributions_are_asked_for(score):
    ran = score("--explain", "--json", "-", stdin=lines(wire_payment("explained")))
    assert (ran.code, json.loads(ran.out)["event_id"]) == (0, "explained")


@pytest.mark.parametrize(
    ("data", "place"),
    [(b"", "-: holds no event"), (b"\n\n", "-: holds no event"), (b"{}\n\nx\n", "-:3: ")],
)
def test_what_is_no_json_is_refused_with_its_line(score, data, place):
    ran = score("-", stdin=data)
    assert (ran.code, place in ran.err) == (1, True)


def test_bytes_that_are_no_text_are_refused_with_their_line(score):
    ran = score("-", stdin=b'{"id": "\xff"}\n')
    assert (ran.code, "-:1: " in ran.err) == (1, True)


def test_a_file_that_is_not_there_is_named(score, tmp_path):
    ran = score(tmp_path / "no.json")
    assert (ran.code, "no.json" in ran.err) == (1, True)


def test_without_a_server_it_is_worth_trying_again(sentinel):
    url = f"http://127.0.0.1:{free_port()}"
    ran = sentinel("score", "--url", url, "-", stdin=lines(wire_payment("n6")))
    assert ran.code == 75
    assert f"No decision server answers at {url}" in ran.err
    assert "sentinel up" in ran.err


def test_an_address_that_is_none_is_wrong_usage(sentinel):
    ran = sentinel("score", "--url", "localhost:3000", "-", stdin=lines(wire_payment("n7")))
    assert (ran.code, "starts with http://" in ran.err) == (2, True)


class _Elsewhere(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>hello</html>")

    def log_message(self, *_):
        pass


def test_another_server_than_ours_is_told_apart(sentinel):
    with http.server.HTTPServer(("127.0.0.1", 0), _Elsewhere) as server:
        server.timeout = 60
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        ran = sentinel("score", "--url", url, "-", stdin=lines(wire_payment("n8")))
        thread.join()
    assert "is no decision server" in ran.err
    assert ran.code == 75
