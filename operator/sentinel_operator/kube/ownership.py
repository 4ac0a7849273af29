"""Whether an object is still as the operator applied it, told from what the API server keeps about it.

Comparing values would mean to know what the API server makes of them (defaults, quantities such as
``1`` for ``1000m``). So two other things are compared. The object carries the digest of what was
applied; that tells when the operator itself wants something else. And ``metadata.managedFields``
says which fields are still ours: whoever changes a field takes it from us (server-side apply,
KEP-555), so a wanted field that is not ours was changed or removed by somebody.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from sentinel_core.ids import canonical_json
from sentinel_operator.kube.client import FIELD_MANAGER

APPLIED_ANNOTATION = "sentinel.dev/applied"
"""Digest of what was applied: 16 hexadecimal digits. A slip shows at the next change, no more."""

_NOT_MANAGED = ("apiVersion", "kind")
_NOT_MANAGED_METADATA = ("name", "namespace", "uid", "resourceVersion")
"""What says which object is meant; nobody owns it."""


def digest_of(wanted: Mapping[str, Any]) -> str:
    """Name what is wanted by its content."""
    return hashlib.sha256(canonical_json(wanted)).hexdigest()[:16]


def owned_fields(live: Mapping[str, Any]) -> str:
    """Return the fields that the operator owns by having applied them, as JSON of ``fieldsV1``.

    As text, since it takes a tenth of the memory that the same thing takes as dictionaries.
    """
    for entry in live["metadata"].get("managedFields") or ():
        ours = entry.get("manager") == FIELD_MANAGER and entry.get("operation") == "Apply"
        if ours and not entry.get("subresource"):
            return json.dumps(entry.get("fieldsV1") or {})
    return "{}"


def owns(owned: str, wanted: Mapping[str, Any]) -> bool:
    """Tell whether every field that is wanted is among those owned.

    Parameters
    ----------
    owned : what `owned_fields` returned
    wanted : an object as it is applied
    """
    fields = {key: value for key, value in wanted.items() if key not in _NOT_MANAGED}
    metadata = wanted.get("metadata") or {}
    fields["metadata"] = {k: v for k, v in metadata.items() if k not in _NOT_MANAGED_METADATA}
    ours = json.loads(owned)
    return bool(ours) and _covers(ours, {k: value for k, value in fields.items() if value != {}})


def _covers(owned: Mapping[str, Any], wanted: Any) -> bool:
    if not owned:
        return True  # a leaf: a scalar, or a list or mapping that is owned as a whole
    if isinstance(wanted, Mapping):
        return all(
            f"f:{key}" in owned and _covers(owned[f"f:{key}"], value)
            for key, value in wanted.items()
        )
    if isinstance(wanted, Sequence) and not isinstance(wanted, str):
        return all(_covers_item(owned, item) for item in wanted)
    return False  # a scalar where the owner has fields


def _covers_item(owned: Mapping[str, Any], item: Any) -> bool:
    if not isinstance(item, Mapping):
        return any(key[:2] == "v:" and json.loads(key[2:]) == item for key in owned)
    for name, fields in owned.items():
        # An item of a list that is a map: k:{"containerPort":3000,"protocol":"TCP"}. A part of the
        # key that we leave to its default is not in what we want.
        if name[:2] == "k:" and all(
            item.get(part, value) == value for part, value in json.loads(name[2:]).items()
        ):
            return _covers(fields, item)
    return False
