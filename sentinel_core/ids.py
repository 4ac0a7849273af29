"""Names that must mean the same everywhere: digests, canonical JSON, decision ids, the split."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

DIGEST_PATTERN = re.compile(r"^sha256:[0-9a-f]{64}$")
"""How a digest is written wherever one appears: in releases, manifests, status and the record."""


def digest_bytes(data: bytes) -> str:
    """Name bytes by their content.

    Returns
    -------
    str
        ``sha256:`` and 64 lower-case hexadecimal digits.

    Examples
    --------
    >>> digest_bytes(b"")[:19]
    'sha256:e3b0c44298fc'
    """
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def canonical_json(value: Any) -> bytes:
    """Write JSON in the one form that digests are taken over.

    Keys are sorted, there is no white space, floats take Python's shortest form that reads back
    equal. The form is stable as long as values are plain JSON types; NaN and infinities are refused
    (`ValueError`), since no reader agrees on them.

    Examples
    --------
    >>> canonical_json({"b": 1, "a": [0.5, None]})
    b'{"a":[0.5,null],"b":1}'
    """
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def digest_json(value: Any) -> str:
    """Name a JSON value by the digest of its canonical form."""
    return digest_bytes(canonical_json(value))


def split_fraction(tenant: str, entity_kind: str, entity: str, candidate_digest: str) -> float:
    """Place an entity on [0, 1) for the split between stable and candidate release.

    An entity takes the candidate when its fraction is below percent / 100, so that the entities of a
    small step stay in every larger one, and another candidate draws other entities.

    Returns
    -------
    float in [0, 1)
        The first 8 bytes of a SHA-256 over the four names, as a fraction.
    """
    name = f"{tenant}|{entity_kind}|{entity}|{candidate_digest}".encode()
    return int.from_bytes(hashlib.sha256(name).digest()[:8], "big") / 2**64


def decision_id(tenant: str, event_id: str) -> str:
    """Name the one decision that an event of a tenant has.

    Derived rather than drawn: a retry after a lost answer finds the same name, and a recomputed
    decision carries it too.

    Returns
    -------
    str
        ``dec_`` and 32 hexadecimal digits.
    """
    # The length in front keeps ("a", "b|c") and ("a|b", "c") apart.
    name = f"{len(tenant)}|{tenant}|{event_id}".encode()
    return f"dec_{hashlib.sha256(name).hexdigest()[:32]}"
