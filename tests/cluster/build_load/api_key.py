"""The API key of the sample pipeline: drawn on this machine, known to the cluster by its digest."""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path

import yaml

from tests.cluster.build_load.images import ROOT

PATH = ROOT / ".sentinel" / "api-key"
SECRET = "card-payments-keys"
"""That the sample pipeline names."""
NAME = "first"
ROLE = "admin"
"""May score as well as look decisions up and replay them: what a tutorial does."""
_RANDOM_BYTES = 32


def load_or_draw(path: Path) -> str:
    """Return the key in a file that its owner alone may read, drawing one where there is none."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(_RANDOM_BYTES))
    return path.read_text().strip()


def key_file(key: str) -> str:
    """Return the ``keys.yaml`` by which a server knows a key."""
    digest = hashlib.sha256(key.encode()).hexdigest()
    entry = {"name": NAME, "sha256": digest, "tenant": "default", "role": ROLE}
    return yaml.safe_dump({"keys": [entry]}, sort_keys=False)
