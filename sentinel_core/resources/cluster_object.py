"""Resources as an API server gives them, read with the classes that read manifest files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel

from sentinel_core.located import Located, Position, locate
from sentinel_core.resources.config_map import ConfigMap
from sentinel_core.resources.faults import parse_block
from sentinel_core.resources.manifest import Declared, Document
from sentinel_core.resources.metadata import INPUT_LABEL

Resource = TypeVar("Resource", bound=Document)


def read_object(given: Mapping[str, Any], kind: type[Resource]) -> Declared[Resource]:
    """Read an object of an API server as what its author declared.

    What the server and others add is left out: status, annotations, labels that Sentinel does not
    read, and the bookkeeping in the metadata. In faults ``KIND/NAME`` stands where a file has its
    path, and ``ConfigMap/NAME[KEY]:line:column`` for the text under a key.

    Raises
    ------
    InvalidDocumentError
        This version does not read such an object: it was written past the schema, or the schema in
        the cluster is of another version. Retryable: no.

    Examples
    --------
    >>> read_object({"metadata": {"name": "rules", "uid": "1"}, "data": {}}, ConfigMap).key
    ('default', 'rules')
    """
    declared = _declared(given, kind)
    where = Position(f"{declared['kind']}/{declared['metadata'].get('name')}", 0, 0)
    located = locate(declared, where)
    if kind is ConfigMap:
        located.value["data"] = _locate_texts(declared["data"], where)
    return Declared(parse_block(located, kind), located)


def _declared(given: Mapping[str, Any], kind: type[BaseModel]) -> dict[str, Any]:
    """Return the object as its author could have written it."""
    metadata = given.get("metadata", {})
    kept = {name: metadata[name] for name in ("name", "namespace") if name in metadata}
    labels = metadata.get("labels") or {}
    kept["labels"] = {INPUT_LABEL: labels[INPUT_LABEL]} if INPUT_LABEL in labels else {}
    # Objects of a list carry neither of the two.
    declared = {"apiVersion": _only(kind, "api_version"), "kind": _only(kind, "kind")}
    if kind is ConfigMap:
        return declared | {"metadata": kept, "data": given.get("data") or {}}
    return declared | {"metadata": kept, "spec": given.get("spec")}


def _only(kind: type[BaseModel], field: str) -> str:
    """Return the one value of a field that names the kind."""
    value: str = get_args(kind.model_fields[field].annotation)[0]
    return value


def _locate_texts(data: Mapping[str, Any], where: Position) -> Located:
    places = {key: Position(f"{where.path}[{key}]", 0, 0) for key in data}
    return Located({key: locate(data[key], places[key]) for key in data}, where, places)
