"""YAML with the place of every value.

People write feature specs, rule packs, lists and manifests by hand, so a fault must be named where it
stands: ``path:line:column``. The reader is a safe subset of YAML: no tags, no anchors (a few bytes
of aliases can expand to gigabytes), no duplicate keys, and only ``true`` and ``false`` are booleans,
so that the country code NO stays a string.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from sentinel_core.errors import InvalidDocumentError, Problem

MAX_DOCUMENT_BYTES = 256 * 1024
"""Largest document read; the bound that the resources' schema gives a rules text."""
MAX_DEPTH = 32
"""Deepest nesting read; hand-written documents stay below ten."""

MAX_INTEGER_DIGITS = 18
"""A longer run of digits is read as a float: 64 bits hold 18 digits, and nothing counts further."""

Model = TypeVar("Model", bound=BaseModel)

_INT = re.compile(r"^[-+]?(0|[1-9][0-9]*)$")
_FLOAT = re.compile(r"^[-+]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+)([eE][-+]?[0-9]+)?$")
_SURROGATE = re.compile("[\ud800-\udfff]")
_MEND = "Correct the places named above and try again."


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a text, counted from 1; line 0 is the whole of what has no lines."""

    path: str
    line: int
    column: int

    def __str__(self) -> str:
        if not self.line:
            return self.path
        return f"{self.path}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Located:
    """A YAML value that knows where it stands.

    ``value`` is a scalar, a list of `Located`, or a dict from key to `Located`; ``keys`` holds the
    position of each key of a dict.
    """

    value: Any
    position: Position
    keys: dict[str, Position]

    def plain(self) -> Any:
        """Return the value without positions, as ``json.loads`` would."""
        if isinstance(self.value, dict):
            return {k: v.plain() for k, v in self.value.items()}
        if isinstance(self.value, list):
            return [v.plain() for v in self.value]
        return self.value

    def at(self, loc: Sequence[int | str]) -> Position:
        """Return the position of the deepest part of a path that exists."""
        node, position = self, self.position
        for part in loc:
            if isinstance(node.value, dict) and part in node.value:
                position, node = node.keys[str(part)], node.value[part]
            elif isinstance(node.value, list) and isinstance(part, int) and part < len(node.value):
                node = node.value[part]
                position = node.position
        return position


def load_yaml(text: str, path: str) -> Located:
    """Read one YAML document.

    Raises
    ------
    InvalidDocumentError
        The text is not in the subset, or is over its limits. Retryable: no.
    """
    documents = load_yaml_all(text, path)
    if len(documents) != 1:
        where = documents[1].position if documents else Position(path, 1, 1)
        raise refusal([problem(where, f"found {len(documents)} documents", "write exactly one")])
    return documents[0]


def read_yaml(path: Path) -> Located:
    """Read one YAML document from a file, as `load_yaml` does from a text."""
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        start = Position(str(path), 1, 1)
        raise refusal([problem(start, "the file is not UTF-8", "save it as UTF-8")]) from error
    return load_yaml(text, str(path))


def load_yaml_all(text: str, path: str) -> list[Located]:
    """Read every YAML document of a text, as `load_yaml` does one; empty documents are left out."""
    start = Position(path, 1, 1)
    size_bytes = len(text.encode())
    if size_bytes > MAX_DOCUMENT_BYTES:
        message = f"the text has {size_bytes} bytes, more than {MAX_DOCUMENT_BYTES}"
        raise refusal([problem(start, message, "split it")])
    try:
        _refuse_what_is_not_read(text, path)
        nodes = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = Position(path, mark.line + 1, mark.column + 1) if mark else start
        raise refusal([problem(where, error.problem or "not YAML", "check the syntax")]) from error
    except yaml.YAMLError as error:  # characters that YAML does not allow
        raise refusal([problem(start, str(error).replace("\n", " "), "save as UTF-8")]) from error
    problems: list[Problem] = []
    documents = [_convert(n, path, 0, problems) for n in nodes if not _is_empty(n)]
    if problems:
        raise refusal(problems)
    return documents


def locate(value: Any, path: str | Position) -> Located:
    """Give plain JSON values (from a release, say) one common position, for parsers that want one."""
    where = Position(path, 1, 1) if isinstance(path, str) else path
    if isinstance(value, dict):
        return Located(
            {k: locate(v, where) for k, v in value.items()}, where, dict.fromkeys(value, where)
        )
    if isinstance(value, list | tuple):
        return Located([locate(v, where) for v in value], where, {})
    return Located(value, where, {})


def parse_model(located: Located, model: type[Model]) -> Model:
    """Validate a located document with a pydantic model, keeping positions in the errors.

    Raises
    ------
    InvalidDocumentError
        With one problem for each fault that pydantic finds. Retryable: no.
    """
    try:
        return model.model_validate(located.plain())
    except ValidationError as error:
        raise refusal(list(validation_problems(error, located))) from error


def validation_problems(error: ValidationError, located: Located) -> Iterator[Problem]:
    """Place each fault of a pydantic validation in the document it came from."""
    for fault in error.errors(include_url=False, include_input=False):
        loc = fault["loc"]
        name = ".".join(str(part) for part in loc) or "the document"
        where = located.at(loc)
        yield problem(where, f"{name}: {fault['msg']}", f"fault {fault['type']}")


def problem(where: Position, message: str, hint: str) -> Problem:
    """Make the problem that stands at a position."""
    return Problem(str(where), message, hint)


def refusal(problems: Sequence[Problem]) -> InvalidDocumentError:
    """Make the error that carries all problems of a document."""
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    return InvalidDocumentError(f"Found {count}.", tuple(problems), user_action=_MEND)


def _refuse_what_is_not_read(text: str, path: str) -> None:
    """Refuse anchors, tags and over-deep nesting before composing, while nothing is expanded."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        mark = event.start_mark
        where = Position(path, mark.line + 1, mark.column + 1) if mark else Position(path, 1, 1)
        if getattr(event, "anchor", None):
            raise refusal([problem(where, "anchors and aliases are not read", "repeat the value")])
        tag = getattr(event, "tag", None)
        if tag:
            message = f"the tag {tag} is not read"
            raise refusal([problem(where, message, "write a plain value")])
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise refusal([problem(where, f"nested deeper than {MAX_DEPTH}", "flatten it")])


def _is_empty(node: yaml.Node | None) -> bool:
    return node is None or (isinstance(node, yaml.ScalarNode) and not node.value and not node.style)


def _convert(node: yaml.Node, path: str, depth: int, problems: list[Problem]) -> Located:
    where = Position(path, node.start_mark.line + 1, node.start_mark.column + 1)
    if isinstance(node, yaml.SequenceNode):
        return Located([_convert(n, path, depth + 1, problems) for n in node.value], where, {})
    if isinstance(node, yaml.MappingNode):
        return _convert_mapping(node, path, depth, problems)
    return Located(_scalar(node, where, problems), where, {})


def _convert_mapping(
    node: yaml.MappingNode, path: str, depth: int, problems: list[Problem]
) -> Located:
    where = Position(path, node.start_mark.line + 1, node.start_mark.column + 1)
    value: dict[str, Located] = {}
    keys: dict[str, Position] = {}
    for key_node, value_node in node.value:
        at = Position(path, key_node.start_mark.line + 1, key_node.start_mark.column + 1)
        if not isinstance(key_node, yaml.ScalarNode):
            problems.append(problem(at, "a key must be a plain word", "write name: value"))
            continue
        if key_node.value in value:
            problems.append(problem(at, f"the key {key_node.value} is given twice", "keep one"))
        value[key_node.value] = _convert(value_node, path, depth + 1, problems)
        keys[key_node.value] = at
    return Located(value, where, keys)


def _scalar(node: yaml.Node, where: Position, problems: list[Problem]) -> Any:
    text: str = node.value
    if _SURROGATE.search(text):
        problems.append(problem(where, "half of a character is not text", "write it whole"))
        return None
    if getattr(node, "style", None) is not None:
        return text  # quoted: always a string
    if text in {"", "null", "~"}:
        return None
    if text in {"true", "false"}:
        return text == "true"
    if _INT.match(text) and len(text) <= MAX_INTEGER_DIGITS:
        return int(text)
    if _FLOAT.match(text):
        number = float(text)
        if math.isinf(number):
            problems.append(problem(where, f"{text} is too large", "write a smaller number"))
        return number
    return text
