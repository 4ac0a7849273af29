"""What every suite shares: golden files, hypothesis profiles and the place of the data."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
os.environ.setdefault("DO_NOT_TRACK", "1")

pytest_plugins = [
    "tests.support.cluster",
    "tests.support.control_plane",
    "tests.support.figures",
    "tests.support.object_store",
]

MARKS = {"control_plane": "server", "new_control_plane": "server", "cluster": "cluster"}
"""What a test is marked with for a fixture that it uses, so that none can be forgotten."""

settings.register_profile(
    "fast", deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("thorough", settings.get_profile("fast"), max_examples=100_000)
settings.load_profile(os.environ.get("SENTINEL_HYPOTHESIS", "fast"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="Write the golden files anew; review the diff."
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for name in getattr(item, "fixturenames", ()):
            if name in MARKS:
                item.add_marker(MARKS[name])


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[Path, str], None]:
    """Compare a text with its golden file, or write the file with --update-golden."""

    def check(path: Path, actual: str) -> None:
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(actual)
        assert path.read_text() == actual

    return check


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real and benchmark data, which is never part of the project."""
    folder = os.environ.get("SENTINEL_DATA")
    if not folder:
        pytest.skip("SENTINEL_DATA is unset: it names the folder with the published data")
    return Path(folder)
