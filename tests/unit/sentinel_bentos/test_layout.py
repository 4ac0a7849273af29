"""BentoML stays at the edge."""

from __future__ import annotations

import re
from pathlib import Path

import sentinel_bentos

ROOT = Path(sentinel_bentos.__file__).parent


def test_only_services_import_bentoml():
    importing = re.compile(r"^\s*(import|from) bentoml", re.MULTILINE)
    found = {p.name for p in ROOT.rglob("*.py") if importing.search(p.read_text())}
    assert found == {"service.py"}
