"""What integration tests share: Bentos, each built once."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentinel_bentos.build import Bento, find_or_build


@pytest.fixture(scope="session")
def bentoml_home(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("bentoml")


@pytest.fixture(scope="session")
def bento(bentoml_home) -> Bento:
    found, _ = find_or_build(bentoml_home)
    return found


@pytest.fixture(scope="session")
def model_bento(bentoml_home) -> Bento:
    found, _ = find_or_build(bentoml_home, "model")
    return found
