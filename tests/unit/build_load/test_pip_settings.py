"""Which of a machine's pip settings a build is given."""

from __future__ import annotations

import pytest

from tests.cluster.build_load.pip_settings import pip_settings

INDEX = "https://packages.example/simple"


def test_a_machine_without_settings_gives_none():
    settings = pip_settings("", {})
    assert (settings.text, settings.certificates, settings.folders) == ("[global]\n", None, ())


def test_the_index_and_the_patience_are_passed_on():
    listed = f"global.index-url='{INDEX}'\nglobal.timeout='60'\n"
    assert pip_settings(listed, {}).text == f"[global]\nindex-url = {INDEX}\ntimeout = 60\n"


def test_several_values_stand_on_lines_of_their_own():
    listed = "global.extra-index-url='\\nhttps://one.example\\nhttps://two.example'\n"
    assert pip_settings(listed, {}).text == (
        "[global]\nextra-index-url = https://one.example\n    https://two.example\n"
    )


@pytest.mark.parametrize(
    "listed",
    [
        f":env:.index-url='{INDEX}'\nglobal.index-url='https://weaker.example'\n",
        f"global.index-url='https://weaker.example'\ninstall.index-url='{INDEX}'\n",
    ],
)
def test_the_environment_goes_before_the_command_and_that_before_all_commands(listed):
    assert f"index-url = {INDEX}\n" in pip_settings(listed, {}).text


def test_what_only_this_machine_can_use_stays_here():
    listed = "global.cache-dir='~/cache'\nglobal.target='~/packages'\ndownload.dest='here'\n"
    assert pip_settings(listed, {}).text == "[global]\n"


def test_certificates_are_mounted_and_named_where_the_build_finds_them(tmp_path):
    certificates = tmp_path / "ca.pem"
    certificates.touch()
    settings = pip_settings(f"global.cert='{certificates}'\n", {})
    assert settings.certificates == certificates
    assert settings.text == "[global]\ncert = /run/secrets/ca.crt\n"


def test_without_a_word_to_pip_the_system_s_variable_names_the_certificates(tmp_path):
    certificates = tmp_path / "ca.pem"
    certificates.touch()
    assert pip_settings("", {"SSL_CERT_FILE": str(certificates)}).certificates == certificates


def test_certificates_that_are_not_there_are_not_mounted(tmp_path):
    settings = pip_settings(f"global.cert='{tmp_path / 'gone.pem'}'\n", {})
    assert (settings.text, settings.certificates) == ("[global]\n", None)


def test_folders_of_packages_are_mounted_where_they_are(tmp_path):
    listed = f":env:.find-links='{tmp_path} https://links.example {tmp_path / 'gone'}'\n"
    assert pip_settings(listed, {}).folders == (tmp_path,)
