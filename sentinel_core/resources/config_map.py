"""ConfigMaps: the texts that a resource reads, with the place of every value in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from sentinel_core.errors import InvalidDocumentError, Problem
from sentinel_core.located import Located, Position, load_yaml, refusal
from sentinel_core.resources.metadata import DataKey, Declaration, Metadata

MAX_TEXTS = 64

_LITERAL = re.compile(r"^\|[-+1-9]{0,2}\s*(#.*)?$")
"""Header of a literal block scalar (YAML 1.2, 8.1.1), whose lines stand in the file as they are."""


class ConfigMap(Declaration):
    """A Kubernetes ConfigMap, as far as Sentinel reads one."""

    api_version: Literal["v1"] = Field(description="v1.")
    kind: Literal["ConfigMap"] = Field(description="ConfigMap.")
    metadata: Metadata = Field(description="Name, namespace and labels.")
    data: Annotated[dict[DataKey, str], Field(max_length=MAX_TEXTS)] = Field(
        {}, description="Texts by key."
    )
    immutable: bool = Field(False, description="Whether Kubernetes refuses changes of the data.")


@dataclass(frozen=True, slots=True)
class _Shift:
    """How far a text inside a file lies from the file's first line and column."""

    lines: int
    columns: int

    def position(self, inner: Position) -> Position:
        return Position(inner.path, inner.line + self.lines, inner.column + self.columns)

    def located(self, inner: Located) -> Located:
        value = inner.value
        if isinstance(value, dict):
            value = {key: self.located(item) for key, item in value.items()}
        elif isinstance(value, list):
            value = [self.located(item) for item in value]
        keys = {key: self.position(at) for key, at in inner.keys.items()}
        return Located(value, self.position(inner.position), keys)

    def problem(self, inner: Problem) -> Problem:
        path, line, column = inner.location.rsplit(":", 2)
        moved = self.position(Position(path, int(line), int(column)))
        return Problem(str(moved), inner.message, inner.hint)


def load_text(text: str, at: Located, source: str) -> Located:
    """Read the YAML in a text of a ConfigMap.

    Parameters
    ----------
    text : str
        The text, as the YAML reader decoded it.
    at : Located
        Its value in the ConfigMap.
    source : str
        The file that holds the ConfigMap; empty where there is none.

    Returns
    -------
    Located
        For a text in literal style (``key: |``) positions are those in the file, so that an editor
        jumps there. In the other styles lines of the text and of the file do not correspond: the
        path then names the place of the text, and line and column count inside it. So they do for
        an object of an API server, whose path names the ConfigMap and the key.

    Raises
    ------
    InvalidDocumentError
        The text is not in the YAML subset. Retryable: no.
    """
    if not at.position.line:  # an object of an API server
        return load_yaml(text, at.position.path)
    shift = _literal_shift(text, at.position, source)
    if shift is None:
        return load_yaml(text, f"{at.position.path}:{at.position.line}(text)")
    try:
        return shift.located(load_yaml(text, at.position.path))
    except InvalidDocumentError as error:
        raise refusal([shift.problem(p) for p in error.problems]) from error


def _literal_shift(text: str, at: Position, source: str) -> _Shift | None:
    lines = source.splitlines()
    if at.line > len(lines) or not _LITERAL.match(lines[at.line - 1][at.column - 1 :]):
        return None
    for inner, outer in zip(text.splitlines(), lines[at.line :], strict=False):
        if inner:
            return _Shift(at.line, len(outer) - len(inner))
    return _Shift(at.line, 0)
