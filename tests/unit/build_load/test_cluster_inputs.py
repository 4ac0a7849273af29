"""What goes into the cluster beside the images."""

from __future__ import annotations

import stat

import pytest
from starlette.datastructures import Headers

from sentinel_bentos.decision.auth import load_keys
from sentinel_core.artifacts.stores.config import read_store_config
from sentinel_core.errors import UnauthenticatedError
from tests.cluster.build_load import api_key, store
from tests.cluster.build_load.base_image import find_mirror
from tests.cluster.build_load.images import IMAGES, Built

CREDENTIALS = store.Credentials("somebody", "their-secret")


@pytest.fixture
def deployment():
    (image,) = [image for image in IMAGES if image.name == store.NAME]
    return store.deployment(Built(image, "digest-of-inputs"))


def test_a_key_is_drawn_once_and_belongs_to_its_owner_alone(tmp_path):
    path = tmp_path / "state" / "api-key"
    key = api_key.load_or_draw(path)
    assert key == api_key.load_or_draw(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_two_keys_differ(tmp_path):
    first, second = (api_key.load_or_draw(tmp_path / name) for name in ("one", "two"))
    assert first != second


def test_a_server_knows_the_key_by_its_digest(tmp_path):
    file = tmp_path / "keys.yaml"
    file.write_text(api_key.key_file("a key"))
    assert "a key" not in file.read_text()
    caller = load_keys(file).identify(Headers({"x-api-key": "a key"}))
    assert (caller.name, caller.tenant, caller.role) == ("first", "default", "admin")


def test_a_server_knows_no_other_key(tmp_path):
    file = tmp_path / "keys.yaml"
    file.write_text(api_key.key_file("a key"))
    with pytest.raises(UnauthenticatedError):
        load_keys(file).identify(Headers({"x-api-key": "another key"}))


def test_the_store_s_settings_are_those_that_sentinel_reads():
    with store.store_folder(CREDENTIALS) as folder:
        config = read_store_config(folder)
    assert config.endpoint == f"http://127.0.0.1:{store.NODE_PORT}"
    assert (config.access_key_id, config.secret_access_key) == ("somebody", "their-secret")


def test_the_store_s_settings_are_gone_afterwards():
    with store.store_folder(CREDENTIALS) as folder:
        pass
    assert not folder.exists()


def test_another_build_of_the_store_is_another_pod(deployment):
    annotations = deployment["spec"]["template"]["metadata"]["annotations"]
    assert annotations == {"dev.sentinel.inputs": "digest-of-inputs"}


def test_the_store_takes_its_credentials_from_its_secret(deployment):
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    taken = {entry["name"]: entry["valueFrom"]["secretKeyRef"] for entry in container["env"]}
    assert taken == {
        "ROOT_ACCESS_KEY_ID": {"name": "model-store", "key": "accessKeyId"},
        "ROOT_SECRET_ACCESS_KEY": {"name": "model-store", "key": "secretAccessKey"},
    }


def test_the_mirror_is_that_of_the_suite_s_main_part():
    targets = (
        "bookworm contrib http://one.example/debian/\n"
        "bookworm-updates main http://two.example/debian/\n"
        "bookworm main http://three.example/debian/\n"
    )
    assert find_mirror(targets) == "http://three.example/debian/"


def test_sources_of_another_release_name_no_mirror():
    assert find_mirror("noble main http://one.example/ubuntu/\n") is None
