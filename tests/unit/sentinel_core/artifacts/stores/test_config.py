"""The settings of a store are read from small files, and from nowhere else."""

import os

import pytest

from sentinel_core.artifacts.fetch import open_store
from sentinel_core.artifacts.stores.config import (
    MAX_SETTING_BYTES,
    StoreConfig,
    read_store_config,
    store_folder,
)
from sentinel_core.errors import ArtifactError
from tests.support.object_store import ACCESS_KEY_ID, SECRET_ACCESS_KEY, write_settings

ENDPOINT = "https://store.example:9000"


def refusal_of(read, *arguments):
    with pytest.raises(ArtifactError) as refused:
        read(*arguments)
    assert refused.value.user_action
    assert "canary" not in str(refused.value)
    return refused.value


def test_each_setting_is_a_file(tmp_path):
    folder = write_settings(tmp_path, ENDPOINT, region="eu-1", ca_crt="PEM")
    assert read_store_config(folder) == StoreConfig(
        str(tmp_path), ENDPOINT, "eu-1", ACCESS_KEY_ID, SECRET_ACCESS_KEY, "PEM\n"
    )


def test_every_setting_may_be_absent(tmp_path):
    assert read_store_config(tmp_path) == StoreConfig(where=str(tmp_path), region="us-east-1")


def test_without_a_folder_there_are_no_settings():
    assert read_store_config(None) == StoreConfig()


def test_keys_are_not_part_of_what_is_shown_of_settings(tmp_path):
    shown = repr(read_store_config(write_settings(tmp_path, ENDPOINT)))
    assert ACCESS_KEY_ID not in shown
    assert SECRET_ACCESS_KEY not in shown


@pytest.mark.parametrize("name", ["accessKeyId", "secretAccessKey"])
def test_half_of_a_pair_of_keys_is_none(tmp_path, name):
    folder = write_settings(tmp_path, ENDPOINT, **{name: None})
    assert refusal_of(read_store_config, folder).reason == "StoreMisconfigured"


@pytest.mark.parametrize("name", ["endpoint", "region", "accessKeyId", "secretAccessKey"])
@pytest.mark.parametrize("value", ["", "two canary words", "canary\nline", "canary\0", "ü-canary"])
def test_a_setting_that_is_not_one_word_is_refused_by_its_name(tmp_path, name, value):
    folder = write_settings(tmp_path, ENDPOINT, **{name: value})
    refusal = refusal_of(read_store_config, folder)
    assert refusal.reason == "StoreMisconfigured"
    assert f"The file {name} in {tmp_path}" in refusal.message


@pytest.mark.parametrize(
    "endpoint",
    [
        "store.example", "ftp://store.example", "https://store.example/models",
        "https://key:canary@store.example", "https://store.example?x=canary", "https://",
    ],
)  # fmt: skip
def test_an_endpoint_is_a_scheme_a_host_and_a_port(tmp_path, endpoint):
    refusal = refusal_of(read_store_config, write_settings(tmp_path, endpoint))
    assert refusal.reason == "StoreMisconfigured"


def test_an_endpoint_may_end_with_a_slash(tmp_path):
    folder = write_settings(tmp_path, f"{ENDPOINT}/")
    assert read_store_config(folder).endpoint == f"{ENDPOINT}/"


def test_a_folder_that_is_not_there_is_named(tmp_path):
    refusal = refusal_of(read_store_config, tmp_path / "none")
    assert refusal.reason == "StoreMisconfigured"
    assert str(tmp_path / "none") in refusal.message


@pytest.mark.parametrize("data", [b"\xff\xfe", b"x" * (MAX_SETTING_BYTES + 1)])
def test_a_file_that_is_no_setting_is_refused(tmp_path, data):
    (tmp_path / "ca.crt").write_bytes(data)
    assert refusal_of(read_store_config, tmp_path).reason == "StoreMisconfigured"


def test_a_folder_in_place_of_a_setting_is_refused(tmp_path):
    (tmp_path / "region").mkdir()
    assert refusal_of(read_store_config, tmp_path).reason == "StoreMisconfigured"


def test_a_mounted_secret_s_links_are_followed(tmp_path):
    # As the kubelet mounts one: the files are links by way of the folder ..data.
    write_settings(tmp_path / "..2026", ENDPOINT)
    (tmp_path / "..data").symlink_to("..2026")
    for name in ("endpoint", "accessKeyId", "secretAccessKey"):
        (tmp_path / name).symlink_to(os.path.join("..data", name))  # noqa: PTH118 - a link's text
    assert read_store_config(tmp_path).endpoint == ENDPOINT


def test_an_s3_address_needs_an_endpoint(tmp_path):
    folder = write_settings(tmp_path, None)
    told = [refusal_of(lambda s=s: open_store("s3://models/x", store=s)) for s in (folder, None)]
    assert [refusal.reason for refusal in told] == ["StoreMisconfigured"] * 2
    assert [refusal.message for refusal in told] == [
        f"The store in {tmp_path} has no endpoint, which an s3:// URI needs.",
        "An s3:// URI needs a store, and none is named.",
    ]


def test_a_folder_without_settings_is_a_secret_that_is_not_there(tmp_path):
    # As the kubelet mounts an optional Secret that does not exist.
    (tmp_path / "..2026").mkdir()
    (tmp_path / "..data").symlink_to("..2026")
    refusal = refusal_of(lambda: open_store("s3://models/x", store=tmp_path))
    assert refusal.reason == "SecretNotFound"


def test_authorities_that_are_no_certificates_are_refused(tmp_path):
    folder = write_settings(tmp_path, ENDPOINT, ca_crt="canary")
    store = open_store("https://store.example/x.tar", store=folder)
    refusal = refusal_of(lambda: store.read("https://store.example/x.tar", None))
    assert refusal.reason == "StoreMisconfigured"


def test_the_store_that_a_resource_names_is_a_folder_among_stores(tmp_path):
    assert store_folder(tmp_path, "model-store") == tmp_path / "model-store"
    assert store_folder(tmp_path, None) is None
    assert store_folder(None, None) is None


@pytest.mark.parametrize("name", ["../keys", "a/b", "", ".", "..", "A", "x" * 254])
def test_a_name_that_no_secret_has_is_no_store(tmp_path, name):
    assert refusal_of(store_folder, tmp_path, name).reason == "StoreMisconfigured"


def test_where_there_are_no_stores_a_named_one_has_no_folder():
    assert store_folder(None, "model-store") is None
