"""Manifest files: the same documents that ``kubectl apply -f`` takes, read from a laptop's disk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from sentinel_core.errors import InvalidDocumentError, NotFoundError, Problem
from sentinel_core.located import Located, Position, load_yaml_all, problem, refusal
from sentinel_core.resources.config_map import ConfigMap, load_text
from sentinel_core.resources.faults import parse_block
from sentinel_core.resources.metadata import API_VERSION
from sentinel_core.resources.model import SentinelModel
from sentinel_core.resources.pipeline import SentinelPipeline

SUFFIXES = (".yaml", ".yml", ".json")
"""Files that ``kubectl apply -f FOLDER`` takes; like it, we do not look into folders inside."""

Document = SentinelModel | SentinelPipeline | ConfigMap
Resource = TypeVar("Resource", bound=Document)
Resource_co = TypeVar("Resource_co", bound=Document, covariant=True)


@dataclass(frozen=True, slots=True)
class Declared(Generic[Resource_co]):
    """A resource with the place where it was declared.

    Attributes
    ----------
    located : the document, with positions
    source : the whole text of its file; empty for an object that did not come from a file
    """

    resource: Resource_co
    located: Located
    source: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """Namespace and name."""
        return self.resource.metadata.namespace, self.resource.metadata.name


def load_input(declared: Declared[ConfigMap], key: str) -> Located:
    """Read the YAML text under a key of a ConfigMap. Raises as `load_text`; the key must exist."""
    at = declared.located.value["data"].value[key]
    return load_text(declared.resource.data[key], at, declared.source)


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything that a set of manifest files declares."""

    models: tuple[Declared[SentinelModel], ...]
    pipelines: tuple[Declared[SentinelPipeline], ...]
    config_maps: tuple[Declared[ConfigMap], ...]

    def models_in(self, namespace: str) -> dict[str, Declared[SentinelModel]]:
        """Return the models of a namespace by name."""
        return {d.key[1]: d for d in self.models if d.key[0] == namespace}

    def config_maps_in(self, namespace: str) -> dict[str, Declared[ConfigMap]]:
        """Return the ConfigMaps of a namespace by name."""
        return {d.key[1]: d for d in self.config_maps if d.key[0] == namespace}

    def pipeline(self, name: str | None = None) -> Declared[SentinelPipeline]:
        """Return the pipeline of a name, or the only one.

        Raises
        ------
        NotFoundError
            There is none of the name, or no name was given and there is not exactly one.
            Retryable: no.
        """
        names = ", ".join(d.key[1] for d in self.pipelines) or "none"
        found = [d for d in self.pipelines if name in (None, d.key[1])]
        if len(found) != 1:
            wanted = f"SentinelPipeline {name}" if name else "only SentinelPipeline"
            raise NotFoundError(
                f"The {wanted} is not among those declared: {names}.",
                user_action="Name one of them, or give the folder that declares it.",
            )
        return found[0]


def load_manifest(path: Path) -> Manifest:
    """Read a manifest file, or all manifest files of a folder in the order of their names.

    Raises
    ------
    NotFoundError
        There is no such file, or no manifest file in the folder. Retryable: no.
    InvalidDocumentError
        With every fault of every file. Retryable: no.
    """
    declared: list[Declared[Document]] = []
    problems: list[Problem] = []
    for file in _files(path):
        declared += _parse_file(file, problems)
    problems += _declared_twice(declared)
    if problems:
        raise refusal(problems)
    return _manifest(declared)


def parse_manifest(text: str, path: str) -> Manifest:
    """Read the documents of one manifest text.

    Raises
    ------
    InvalidDocumentError
        With every fault at ``path:line:column``. Retryable: no.
    """
    problems: list[Problem] = []
    declared = list(_parse_text(text, path, problems))
    problems += _declared_twice(declared)
    if problems:
        raise refusal(problems)
    return _manifest(declared)


_KINDS: dict[tuple[str, str], type[Document]] = {
    (API_VERSION, "SentinelModel"): SentinelModel,
    (API_VERSION, "SentinelPipeline"): SentinelPipeline,
    ("v1", "ConfigMap"): ConfigMap,
}


def _manifest(declared: list[Declared[Document]]) -> Manifest:
    return Manifest(
        models=tuple(_of(SentinelModel, declared)),
        pipelines=tuple(_of(SentinelPipeline, declared)),
        config_maps=tuple(_of(ConfigMap, declared)),
    )


def _of(kind: type[Resource], declared: list[Declared[Document]]) -> Iterator[Declared[Resource]]:
    for d in declared:
        if isinstance(d.resource, kind):
            yield Declared(d.resource, d.located, d.source)


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    files = sorted(f for f in path.glob("*") if f.suffix in SUFFIXES and f.is_file())
    if not files:
        raise NotFoundError(
            f"No manifest is at {path}: no file, and no folder with {', '.join(SUFFIXES)} files.",
            user_action="Give a manifest file or the folder that holds some.",
        )
    return files


def _parse_file(file: Path, problems: list[Problem]) -> list[Declared[Document]]:
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        where = Position(str(file), 1, 1)
        message = f"byte {error.start + 1} is not UTF-8"
        problems.append(problem(where, message, "save the file as UTF-8"))
        return []
    return list(_parse_text(text, str(file), problems))


def _parse_text(text: str, path: str, problems: list[Problem]) -> Iterator[Declared[Document]]:
    try:
        documents = load_yaml_all(text, path)
    except InvalidDocumentError as error:
        problems.extend(error.problems)
        return
    for document in documents:
        try:
            resource = parse_block(document, _kind_of(document))
        except InvalidDocumentError as error:
            problems.extend(error.problems)
        else:
            yield Declared(resource, document, text)


def _kind_of(document: Located) -> type[Document]:
    """Return the class of a document by its apiVersion and kind."""
    given = document.value if isinstance(document.value, dict) else {}
    version, kind = (given[k].value if k in given else None for k in ("apiVersion", "kind"))
    if isinstance(version, str) and isinstance(kind, str) and (version, kind) in _KINDS:
        return _KINDS[version, kind]
    where = document.keys.get("kind", document.position)
    if kind == "Secret":
        message = "a Secret does not belong in a manifest folder"
        hint = "remove it: on a laptop API keys come from a file given to sentinel up"
        raise refusal([problem(where, message, hint)])
    known = ", ".join(f"{v} {k}" for v, k in _KINDS)
    said = f"{version or 'no apiVersion'} {kind or 'no kind'}"
    raise refusal([problem(where, f"{said} is not read", f"write one of {known}")])


def _declared_twice(declared: list[Declared[Document]]) -> Iterator[Problem]:
    first: dict[tuple[str, str, str], Position] = {}
    for d in declared:
        name = (d.resource.kind, *d.key)
        where = d.located.at(("metadata", "name"))
        if name in first:
            message = f"{name[0]} {d.key[1]} is declared at {first[name]} already"
            yield problem(where, message, "keep one, or rename one")
        first.setdefault(name, where)
