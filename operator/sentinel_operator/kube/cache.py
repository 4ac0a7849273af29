"""What the watches have told of the cluster, and what the operator's own writes have."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from sentinel_core.resources.metadata import INPUT_LABEL
from sentinel_operator.kube.kinds import (
    CONFIG_MAP,
    MODEL,
    PIPELINE,
    POD,
    RESOURCES,
    REVISION,
    ObjectKey,
    ResourceKey,
    key_of,
    owner_of,
)
from sentinel_operator.kube.ownership import owned_fields
from sentinel_operator.kube.sets import Sets

_RESOURCE_KINDS = tuple(kind.name for kind in RESOURCES)
_REFERENCES = {
    "configMapRef": CONFIG_MAP.name, "publicKeyRef": CONFIG_MAP.name, "modelRef": MODEL.name,
}  # fmt: skip
"""Fields of a spec that name another object, and its kind."""
_POD_PARTS = ("nodeName", "volumes")
_DROPPED_ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"


@dataclass(frozen=True, slots=True)
class Entry:
    """An object as it was last seen.

    Attributes
    ----------
    thing : the object, without what nobody here reads; see `trim`
    owned : the fields that are ours, see `kube.ownership`
    settled : digest of what was applied when the API server answered with just this version
    """

    thing: Mapping[str, Any]
    owned: str
    settled: str | None = None

    @classmethod
    def of(cls, thing: Mapping[str, Any], settled: str | None = None) -> Self:
        """Make an entry of an object as the API server gives it."""
        return cls(trim(thing), owned_fields(thing), settled)

    @property
    def uid(self) -> str:
        """Unique in time too: an object made anew under the same name has another."""
        uid: str = self.thing["metadata"]["uid"]
        return uid

    @property
    def version(self) -> int:
        """The resource version, which grows with each change (KEP-5504 lets clients compare)."""
        return int(self.thing["metadata"]["resourceVersion"])


def trim(thing: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what nobody reads and what takes most of the memory.

    Those are ``managedFields`` (kept in `Entry.owned`), kubectl's copy of the object in an
    annotation, most of the spec of pods, and the data of the projections
    that the operator writes itself.
    """
    metadata = {k: v for k, v in thing["metadata"].items() if k != "managedFields"}
    if _DROPPED_ANNOTATION in (metadata.get("annotations") or {}):
        kept = {k: v for k, v in metadata["annotations"].items() if k != _DROPPED_ANNOTATION}
        metadata["annotations"] = kept
    trimmed = {**thing, "metadata": metadata}
    if thing["kind"] == POD.name:
        spec = thing.get("spec") or {}
        trimmed["spec"] = {part: spec[part] for part in _POD_PARTS if part in spec}
    elif thing["kind"] == CONFIG_MAP.name and not is_input(thing):
        trimmed.pop("data", None)
        trimmed.pop("binaryData", None)
    return trimmed


def is_input(thing: Mapping[str, Any]) -> bool:
    """Tell whether an object is a ConfigMap that resources read."""
    labels = thing["metadata"].get("labels") or {}
    return thing["kind"] == CONFIG_MAP.name and labels.get(INPUT_LABEL) == "true"


class Cache:
    """Objects by name, and by what belongs together.

    It is filled by watches, which may be late, and by the answers to our own writes, which are not;
    of two versions of an object the newer one stays, whatever order they come in.

    Parameters
    ----------
    changed : called with each resource that a change of an object bears on
    """

    def __init__(self, changed: Callable[[ResourceKey], None] = lambda _: None) -> None:
        self._changed = changed
        self._entries: dict[ObjectKey, Entry] = {}
        self._owned = Sets[ResourceKey, ObjectKey]()
        self._inputs = Sets[str, ObjectKey]()
        self._resources = Sets[tuple[str, str], ObjectKey]()
        self._named_by = Sets[ObjectKey, ResourceKey]()

    def get(self, key: ObjectKey) -> Entry | None:
        """Return an object, if it is known."""
        return self._entries.get(key)

    def put(
        self,
        thing: Mapping[str, Any],
        *,
        settled: str | None = None,
        by: ResourceKey | None = None,
    ) -> None:
        """Take in an object as it is now.

        Parameters
        ----------
        settled : digest of what was applied, where this is the answer to that
        by : the resource whose reconciliation wrote it, to which it is no news
        """
        key = key_of(thing)
        known = self._entries.get(key)
        entry = Entry.of(self._share_rows(thing), settled)
        if known is not None and known.version >= entry.version:
            # Late news; but an answer may come after its own event, and knows more.
            if settled is not None and known.version == entry.version:
                self._entries[key] = entry
            return
        concerned = self._concerned(key)
        self._drop(key)
        self._entries[key] = entry
        self._index(key, entry.thing)
        self._tell(concerned | self._concerned(key), by)

    def delete(self, thing: Mapping[str, Any]) -> None:
        """Take in that an object is gone; not if another has its name by now."""
        self.forget(key_of(thing), thing["metadata"]["uid"])

    def forget(self, key: ObjectKey, uid: str) -> None:
        """Take in that the object with a uid is gone."""
        known = self._entries.get(key)
        if known is not None and known.uid == uid:
            concerned = self._concerned(key)
            self._drop(key)
            self._tell(concerned)

    def resources(self) -> Iterator[ResourceKey]:
        """Yield every resource."""
        for keys in self._resources.values():
            yield from (ResourceKey(*key) for key in keys)

    def named(self, kind: str, namespace: str) -> dict[str, Mapping[str, Any]]:
        """Return the resources of a kind in a namespace by name."""
        return self._by_name(self._resources.get((kind, namespace)))

    def inputs(self, namespace: str) -> dict[str, Mapping[str, Any]]:
        """Return the ConfigMaps of a namespace that resources may read, by name."""
        return self._by_name(self._inputs.get(namespace))

    def belonging_to(self, owner: ResourceKey) -> dict[ObjectKey, Entry]:
        """Return everything that carries a resource's labels, sorted by kind and name."""
        return {key: self._entries[key] for key in sorted(self._owned.get(owner))}

    def all_of(self, kind: str, namespace: str | None = None) -> dict[ObjectKey, Entry]:
        """Return every object of a kind. It looks at all objects, so it is not for each round."""
        return {
            key: entry
            for key, entry in self._entries.items()
            if key.kind == kind and namespace in (None, key.namespace)
        }

    def _by_name(self, keys: Collection[ObjectKey]) -> dict[str, Mapping[str, Any]]:
        return {key.name: self._entries[key].thing for key in sorted(keys)}

    def _share_rows(self, thing: Mapping[str, Any]) -> Mapping[str, Any]:
        """Let a revision hold the rows of its lists in common with its owner's other revisions.

        Rows are most of a release, and most releases of a pipeline name the same lists. Only what is
        equal is shared, whatever digest it is kept under.
        """
        owner, rows = owner_of(thing), _rows_of(thing)
        if owner is None or not rows:
            return thing
        kept: dict[str, Any] = {}
        for key in self._owned.get(owner):
            kept |= _rows_of(self._entries[key].thing)
        shared = {
            digest: kept[digest] if kept.get(digest) == text else text
            for digest, text in rows.items()
        }
        return {**thing, "data": {**thing["data"], "lists": shared}}

    def _index(self, key: ObjectKey, thing: Mapping[str, Any]) -> None:
        owner = owner_of(thing)
        if owner is not None:
            self._owned.add(owner, key)
        if is_input(thing):
            self._inputs.add(key.namespace, key)
        if key.kind in _RESOURCE_KINDS:
            self._resources.add((key.kind, key.namespace), key)
            for name in names_in(thing):
                self._named_by.add(name, ResourceKey(*key))

    def _drop(self, key: ObjectKey) -> None:
        entry = self._entries.pop(key, None)
        if entry is None:
            return
        owner = owner_of(entry.thing)
        if owner is not None:
            self._owned.remove(owner, key)
        self._inputs.remove(key.namespace, key)
        if key.kind in _RESOURCE_KINDS:
            self._resources.remove((key.kind, key.namespace), key)
            for name in names_in(entry.thing):
                self._named_by.remove(name, ResourceKey(*key))

    def _concerned(self, key: ObjectKey) -> set[ResourceKey]:
        """Return the resources that the object bears on, as it is known now."""
        entry = self._entries.get(key)
        if entry is None:
            return set()
        concerned = set(self._named_by.get(key))
        owner = owner_of(entry.thing)
        if owner is not None and owner.kind in _RESOURCE_KINDS:
            concerned.add(owner)
        if key.kind in _RESOURCE_KINDS:
            concerned.add(ResourceKey(*key))
            models = (name for name in names_in(entry.thing) if name.kind == MODEL.name)
            concerned |= {ResourceKey(*name) for name in models}
        if key.kind == REVISION.name and owner is not None and owner.kind == PIPELINE.name:
            # A model keeps what any release names, those too that the pipeline's spec has left.
            all_models = self._resources.get((MODEL.name, key.namespace))
            concerned |= {ResourceKey(*name) for name in all_models}
        return concerned

    def _tell(self, concerned: set[ResourceKey], by: ResourceKey | None = None) -> None:
        for resource in concerned - {by}:
            self._changed(resource)


def _rows_of(thing: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the rows of the lists that a revision keeps, by digest; none of any other object."""
    if thing["kind"] != REVISION.name:
        return {}
    rows = (thing.get("data") or {}).get("lists")
    return rows if isinstance(rows, Mapping) else {}


def names_in(resource: Mapping[str, Any]) -> frozenset[ObjectKey]:
    """Return the ConfigMaps and SentinelModels that a resource's spec names."""
    return frozenset(_names(resource.get("spec") or {}, resource["metadata"]["namespace"]))


def _names(value: Any, namespace: str) -> Iterator[ObjectKey]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key in _REFERENCES and isinstance(inner, Mapping) and "name" in inner:
                yield ObjectKey(_REFERENCES[key], namespace, inner["name"])
            else:
                yield from _names(inner, namespace)
    elif isinstance(value, list):
        for inner in value:
            yield from _names(inner, namespace)
