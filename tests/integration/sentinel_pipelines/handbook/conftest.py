"""The published stream, generated once for all tests here (about 8 s)."""

from __future__ import annotations

import pyarrow as pa
import pytest

from sentinel_pipelines.handbook.generator import generate_stream


@pytest.fixture(scope="session")
def stream() -> pa.Table:
    return generate_stream()
