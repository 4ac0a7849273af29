"""What every store in a network does when the network, or the store, does not do its part."""

from __future__ import annotations

import traceback
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from sentinel_core.artifacts.contents import Limits
from sentinel_core.artifacts.fetch import open_store
from sentinel_core.artifacts.stores.budget import Budget
from sentinel_core.artifacts.write import pack_files
from sentinel_core.errors import ArtifactError
from tests.cluster.harness.certificates import Authority
from tests.support.fault_proxy import Fault, FaultProxy, fault_proxy, status
from tests.support.object_store import ACCESS_KEY_ID, SECRET_ACCESS_KEY, write_settings
from tests.support.ports import free_port
from tests.support.web_server import MOVED_FOLDER, serving_folder

FILES = {"manifest.json": b"{}", "model.onnx": bytes(range(256)) * 1000}
TAR = pack_files(FILES)
PATIENT = Budget(
    connect_seconds=20, read_seconds=20, total_seconds=120, attempts=3, pause_seconds=0.01
)
IMPATIENT = replace(PATIENT, connect_seconds=1, read_seconds=1, attempts=4)
"""For stores that never answer; a store that is merely slow may take several attempts."""
CANARIES = (ACCESS_KEY_ID, SECRET_ACCESS_KEY, "canary-of-the-query")


@dataclass(frozen=True)
class Behind:
    """A tar in a store behind a proxy that breaks connections."""

    uri: str
    store: Path
    proxy: FaultProxy

    def read(self, budget: Budget = PATIENT, limits: Limits = Limits()):  # noqa: B008 - frozen
        return open_store(self.uri, store=self.store, budget=budget).read(self.uri, limits)

    def refusal(self, *arguments, **options) -> ArtifactError:
        with pytest.raises(ArtifactError) as refused:
            self.read(*arguments, **options)
        told = "".join(traceback.format_exception(refused.value))
        assert [canary for canary in CANARIES if canary in told] == []
        return refused.value


@pytest.fixture
def web_behind(tmp_path):
    (tmp_path / "card.tar").write_bytes(TAR)
    store = write_settings(tmp_path / "store", None)
    with serving_folder(tmp_path) as url, fault_proxy(int(url.rpartition(":")[2])) as (proxy, port):
        uri = f"http://127.0.0.1:{port}/card.tar?X-Amz-Signature=canary-of-the-query"
        yield Behind(uri, store, proxy)


@pytest.fixture
def tls_behind(tmp_path):
    (tmp_path / "card.tar").write_bytes(TAR)
    authority = Authority(tmp_path / "authority")
    authority.create()
    identity = authority.issue("server", "server", hosts=["127.0.0.1"])
    store = write_settings(tmp_path / "store", None, ca_crt=authority.certificate.read_text())
    served = serving_folder(tmp_path, identity)
    with served as url, fault_proxy(int(url.rpartition(":")[2])) as (proxy, port):
        yield Behind(f"https://127.0.0.1:{port}/card.tar", store, proxy)


@pytest.fixture
def s3_behind(tmp_path, object_store):
    uri = object_store.put(f"{tmp_path.name}/card.tar", TAR)
    with fault_proxy(object_store.port) as (proxy, port):
        yield Behind(uri, write_settings(tmp_path / "store", f"http://127.0.0.1:{port}"), proxy)


S3 = pytest.param("s3", marks=pytest.mark.server)


@pytest.fixture(params=["web", "tls", S3])
def behind(request) -> Behind:
    """A store whose connections break."""
    found: Behind = request.getfixturevalue(f"{request.param}_behind")
    return found


@pytest.fixture(params=["web", S3])
def plain(request) -> Behind:
    """A store without TLS, in whose place the proxy can speak."""
    found: Behind = request.getfixturevalue(f"{request.param}_behind")
    return found


BROKEN = [
    pytest.param(Fault("reset"), id="reset before the answer"),
    pytest.param(Fault("reset", after_bytes=50_000), id="reset in the middle"),
    pytest.param(Fault("cut", after_bytes=1), id="closed in the first line"),
    pytest.param(Fault("cut", after_bytes=50_000), id="closed in the middle"),
]
BLACK_HOLE = Fault("black hole")
BUSY = [status(503), status(500), status(429), status(408)]


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_connection_is_tried_again(behind, fault):
    behind.proxy.next(fault)
    assert behind.read() == FILES
    assert behind.proxy.connections == 2


@pytest.mark.parametrize("fault", BROKEN)
def test_a_store_that_stays_broken_is_unreachable_after_every_attempt(behind, fault):
    behind.proxy.always = fault
    refusal = behind.refusal()
    assert (refusal.reason, refusal.retryable) == ("StoreUnreachable", True)
    assert behind.proxy.connections == PATIENT.attempts


def test_a_store_that_does_not_answer_is_tried_again(behind):
    behind.proxy.next(BLACK_HOLE)
    assert behind.read(IMPATIENT) == FILES
    assert behind.proxy.connections > 1


def test_a_store_that_never_answers_is_unreachable(behind):
    behind.proxy.always = BLACK_HOLE
    refusal = behind.refusal(replace(IMPATIENT, attempts=2))
    assert (refusal.reason, behind.proxy.connections) == ("StoreUnreachable", 2)
    assert "did not answer in time" in refusal.message


@pytest.mark.parametrize("fault", BUSY, ids=lambda fault: fault.answer.split()[1].decode())
def test_a_busy_store_is_tried_again(plain, fault):
    plain.proxy.next(fault, fault)
    assert plain.read() == FILES
    assert plain.proxy.connections == 3


@pytest.mark.parametrize("fault", BUSY, ids=lambda fault: fault.answer.split()[1].decode())
def test_a_store_that_stays_busy_is_unreachable(plain, fault):
    plain.proxy.always = fault
    assert plain.refusal().reason == "StoreUnreachable"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (400, "StoreMisconfigured"),
        (401, "StoreDenied"),
        (403, "StoreDenied"),
        (404, "ArtifactMissing"),
        (405, "StoreMisconfigured"),
        (410, "ArtifactMissing"),
        (204, "StoreMisconfigured"),
    ],
)
def test_what_the_store_refuses_is_not_asked_again(plain, code, reason):
    plain.proxy.always = status(code)
    refusal = plain.refusal()
    assert (refusal.reason, refusal.retryable) == (reason, False)
    assert str(code) in refusal.message
    assert plain.proxy.connections == 1


def test_a_drip_of_bytes_does_not_outlast_the_budget(behind):
    # Each byte comes well within the time for one, and all of them would take eight hours.
    behind.proxy.always = Fault("slow")
    refusal = behind.refusal(replace(PATIENT, total_seconds=1.5))
    assert refusal.reason == "StoreUnreachable"
    assert "the time for it is spent" in refusal.message


def test_no_pause_is_begun_that_the_budget_does_not_hold(behind):
    behind.proxy.always = Fault("reset")
    assert behind.refusal(replace(PATIENT, pause_seconds=3600)).reason == "StoreUnreachable"
    assert behind.proxy.connections == 1


@pytest.mark.parametrize(
    "location", ["http://127.0.0.1:1/card.tar", "file:///etc/passwd", "/b.tar"]
)
def test_a_redirect_is_not_followed(plain, location):
    plain.proxy.always = status(302, Location=location)
    refusal = plain.refusal()
    assert refusal.reason == "StoreMisconfigured"
    assert "Redirects are not followed" in refusal.user_action
    assert plain.proxy.connections == 1


def test_a_real_server_s_redirect_is_not_followed(tmp_path):
    (tmp_path / "card.tar").write_bytes(TAR)
    with serving_folder(tmp_path) as url:
        uri = f"{url}/{MOVED_FOLDER}/card.tar"
        with pytest.raises(ArtifactError) as refused:
            open_store(uri, budget=PATIENT).read(uri, Limits())
    assert refused.value.reason == "StoreMisconfigured"


def test_what_is_no_http_is_unreachable(plain):
    plain.proxy.always = Fault("say", answer=b"220 mail.example ESMTP\r\n")
    refusal = plain.refusal()
    assert refusal.reason == "StoreUnreachable"
    assert "ESMTP" not in refusal.message


def test_a_size_over_the_limit_is_refused_before_anything_is_read(plain):
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n"
    plain.proxy.always = Fault("say", answer=head)
    assert plain.refusal().reason == "ArtifactTooLarge"
    assert plain.proxy.connections == 1


def test_a_body_of_unknown_size_is_read_up_to_the_limit_only(plain):
    body = b"100000\r\n" + bytes(0x100000) + b"\r\n"
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    plain.proxy.always = Fault("say", answer=head + 3 * body)
    assert plain.refusal(limits=Limits(max_total_bytes=1000)).reason == "ArtifactTooLarge"


def test_pieces_of_a_body_that_break_off_are_tried_again(plain):
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    plain.proxy.next(Fault("say", answer=head + b"100000\r\n" + TAR[:1000]))
    assert plain.read() == FILES
    assert plain.proxy.connections == 2


def test_a_body_that_ends_with_its_connection_is_held_to_the_tar_s_own_end(plain):
    plain.proxy.always = Fault("say", answer=b"HTTP/1.1 200 OK\r\n\r\n" + TAR[:5000])
    assert plain.refusal().reason == "Truncated"


def test_a_store_where_nothing_listens_is_unreachable(tmp_path):
    store = write_settings(tmp_path / "store", f"http://127.0.0.1:{free_port()}")
    unreachable = Behind("s3://models/card.tar", store, FaultProxy(0))
    assert unreachable.refusal().message == (
        "The store of s3://models/card.tar refused the connection."
    )


def test_a_name_that_does_not_exist_is_unreachable(tmp_path):
    # .invalid never resolves (RFC 6761).
    store = write_settings(tmp_path / "store", "https://store.invalid")
    assert Behind("s3://models/card.tar", store, FaultProxy(0)).refusal().message == (
        "The store of s3://models/card.tar has a name that is not found."
    )


def test_an_authority_that_is_not_ours_is_not_trusted(tls_behind, tmp_path):
    other = Authority(tmp_path / "other")
    other.create()
    write_settings(tls_behind.store, None, ca_crt=other.certificate.read_text())
    refusal = tls_behind.refusal()
    assert (refusal.reason, tls_behind.proxy.connections) == ("StoreUntrusted", 1)


def test_an_authority_of_our_own_is_not_trusted_where_none_is_named(tls_behind):
    (tls_behind.store / "ca.crt").unlink()
    assert tls_behind.refusal().reason == "StoreUntrusted"


def test_a_certificate_for_another_name_is_not_trusted(tls_behind):
    elsewhere = replace(tls_behind, uri=tls_behind.uri.replace("127.0.0.1", "localhost"))
    refusal = elsewhere.refusal()
    assert refusal.reason == "StoreUntrusted"
    assert "localhost" in refusal.message


@pytest.mark.server
def test_nothing_of_the_environment_counts(s3_behind, tmp_path, monkeypatch):
    home = tmp_path / "home"
    (home / ".aws").mkdir(parents=True)
    (home / ".aws/config").write_text("[default]\nregion = mars-1\nendpoint_url = http://[::]:1\n")
    (home / ".aws/credentials").write_text("[default]\naws_access_key_id = other\n")
    for name, value in {
        "HOME": str(home),
        "AWS_PROFILE": "none",
        "AWS_ACCESS_KEY_ID": "other",
        "AWS_SECRET_ACCESS_KEY": "other",
        "AWS_SESSION_TOKEN": "other",
        "AWS_REGION": "mars-1",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "HTTP_PROXY": "http://127.0.0.1:1",
        "http_proxy": "http://127.0.0.1:1",
        "ALL_PROXY": "http://127.0.0.1:1",
    }.items():
        monkeypatch.setenv(name, value)
    assert s3_behind.read() == FILES


@pytest.mark.server
def test_keys_of_the_environment_do_not_open_a_store_without_keys(s3_behind, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY)
    for name in ("accessKeyId", "secretAccessKey"):
        (s3_behind.store / name).unlink()
    assert s3_behind.refusal().reason == "StoreDenied"


@pytest.mark.server
@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("secretAccessKey", "another", "StoreDenied"),
        ("accessKeyId", "another", "StoreDenied"),
        ("region", "mars-1", "StoreMisconfigured"),
    ],
)
def test_wrong_settings_are_told_by_the_store(s3_behind, name, value, reason):
    (s3_behind.store / name).write_text(value)
    assert s3_behind.refusal().reason == reason


@pytest.mark.server
def test_settings_are_read_anew_for_each_call(s3_behind):
    (s3_behind.store / "secretAccessKey").write_text("another")
    assert s3_behind.refusal().reason == "StoreDenied"
    (s3_behind.store / "secretAccessKey").write_text(SECRET_ACCESS_KEY)
    assert s3_behind.read() == FILES
