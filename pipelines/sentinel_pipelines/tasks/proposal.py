"""Proposing an artifact: its address and digest, written into a manifest that people keep."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from sentinel_core.errors import InvalidDocumentError, NotFoundError
from sentinel_core.located import (
    Located,
    Position,
    load_yaml_all,
    parse_model,
    problem,
    refusal,
)
from sentinel_core.resources import Declared, SentinelModel, load_manifest
from sentinel_core.resources.model import REMOTE_SCHEMES

_SCALAR = re.compile(r"""("[^"]*"|'[^']*'|[^\s,}]+)""")
"""A plain or quoted scalar that ends on its line, as addresses, digests and names do."""
_STORE = re.compile(r"storeSecretRef:\s*\{\s*name:\s*[^\s{},]+\s*\}(,\s*)?")
"""The Secret of a store with its key, where all of it is on one line."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a SentinelModel shall stand for from now on.

    Attributes
    ----------
    store_secret : name of the Secret by which the store is reached; None leaves what is written,
        unless the artifact lies in no store
    """

    uri: str
    digest: str
    store_secret: str | None = None


@dataclass(frozen=True, slots=True)
class _Edit:
    """Characters to put at a place of a text, instead of what is there or, without that, before it.

    Attributes
    ----------
    instead_of : what to take away from the place on; a line of which nothing is left goes too
    """

    place: Position
    text: str
    instead_of: re.Pattern[str] | None = _SCALAR

    def apply(self, lines: list[str]) -> None:
        line = lines[self.place.line - 1]
        before, rest = line[: self.place.column - 1], line[self.place.column - 1 :]
        found = self.instead_of.match(rest) if self.instead_of else None
        changed = f"{before}{self.text}{rest[found.end() :] if found else rest}"
        lines[self.place.line - 1] = changed if changed.strip() else ""


def find_model(manifest_path: Path, name: str | None) -> Declared[SentinelModel]:
    """Find the SentinelModel to propose for.

    Raises
    ------
    NotFoundError
        There is not exactly one, or none of the name. Retryable: no.
    InvalidDocumentError
        The manifest is not valid. Retryable: no.
    """
    models = load_manifest(manifest_path).models
    found = [d for d in models if name in (None, d.resource.metadata.name)]
    if len(found) != 1:
        names = ", ".join(d.resource.metadata.name for d in models) or "none"
        raise NotFoundError(
            f"The SentinelModel to propose for is not clear; declared are: {names}.",
            user_action="Name one with --model.",
        )
    return found[0]


def propose(declared: Declared[SentinelModel], proposal: Proposal) -> Path:
    """Write an artifact's URI, its digest and the Secret of its store into a SentinelModel.

    Only these values change; comments and everything else stay as they are written.

    Returns
    -------
    Path
        The file that was changed.

    Raises
    ------
    InvalidDocumentError
        The manifest would not be valid with it, or is written in a way that is not understood; the
        file stays as it is. Retryable: no.
    """
    file = Path(declared.located.position.path)
    lines = file.read_text("utf-8").splitlines(keepends=True)
    artifact = declared.located.value["spec"].value["artifact"]
    # From the end, so that no edit moves the place of one that is still to come.
    edits = sorted(_edits(artifact, proposal, lines), key=lambda e: (e.place.line, e.place.column))
    for edit in reversed(edits):
        edit.apply(lines)
    text = "".join(lines)
    _check(text, declared, proposal)
    partial = file.with_name(f".{file.name}.partial")
    partial.write_text(text, "utf-8")
    partial.replace(file)
    return file


def _edits(artifact: Located, proposal: Proposal, lines: list[str]) -> list[_Edit]:
    edits = [
        _Edit(artifact.value["uri"].position, proposal.uri),
        _Edit(artifact.value["digest"].position, proposal.digest),
    ]
    if proposal.store_secret is not None:
        edits.append(_store_edit(artifact, proposal.store_secret, lines))
    elif "storeSecretRef" in artifact.value and not proposal.uri.startswith(REMOTE_SCHEMES):
        edits.append(_Edit(artifact.keys["storeSecretRef"], "", _STORE))
    return edits


def _store_edit(artifact: Located, name: str, lines: list[str]) -> _Edit:
    written = artifact.value.get("storeSecretRef")
    if written is not None:
        return _Edit(written.value["name"].position, name)
    place, start = artifact.keys["digest"], artifact.position
    in_braces = lines[start.line - 1][start.column - 1] == "{"
    ending = ", " if in_braces else "\n" + " " * (place.column - 1)
    return _Edit(place, f"storeSecretRef: {{name: {name}}}{ending}", None)


def _check(text: str, declared: Declared[SentinelModel], proposal: Proposal) -> None:
    """Hold that the new text declares what is proposed, and nothing that is not valid."""
    name = declared.resource.metadata.name
    path = declared.located.position.path
    for document in load_yaml_all(text, path):
        plain = document.plain()
        if plain.get("kind") == "SentinelModel" and plain["metadata"]["name"] == name:
            artifact = parse_model(document, SentinelModel).spec.artifact
            store = artifact.store_secret_ref.name if artifact.store_secret_ref else None
            wanted = proposal.store_secret or store
            if (artifact.uri, artifact.digest, store) == (proposal.uri, proposal.digest, wanted):
                return
    raise _not_understood(declared)


def _not_understood(declared: Declared[SentinelModel]) -> InvalidDocumentError:
    place = declared.located.at(("spec", "artifact"))
    return refusal(
        [
            problem(
                place,
                "spec.artifact is written in a way that is not changed by a program",
                "write uri, digest and storeSecretRef on lines of their own",
            )
        ]
    )
