"""Collecting every fault of a pack before refusing it, each at its place and with a hint."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence
from difflib import get_close_matches

from sentinel_core.errors import InvalidDocumentError, Problem
from sentinel_core.located import Located, Position, problem, refusal

MAX_NAMES_IN_HINT = 16
"""A hint lists at most so many names, and says how many there are; more is not read on a terminal."""

_QUOTED_NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?")


class Faults:
    """The faults found so far, and the checks of shape that every part of a pack needs."""

    def __init__(self) -> None:
        self._found: list[tuple[Position, Problem]] = []

    def __len__(self) -> int:
        return len(self._found)

    def add(self, where: Position, message: str, hint: str) -> None:
        """Note a fault."""
        self._found.append((where, problem(where, message, hint)))

    def error(self) -> InvalidDocumentError:
        """Make the error that names every fault, in the order of the document."""
        ordered = sorted(self._found, key=lambda f: (f[0].path, f[0].line, f[0].column))
        return refusal([p for _, p in ordered])

    def mapping(
        self, node: Located, noun: str, required: Sequence[str], optional: Sequence[str] = ()
    ) -> dict[str, Located]:
        """Return a mapping's known keys; note what is unknown, missing or no mapping at all."""
        known = (*required, *optional)
        if not isinstance(node.value, dict):
            hint = f"write a mapping with {', '.join(required or known)}"
            self.add(node.position, f"{noun} must be a mapping, not {described(node)}", hint)
            return {}
        for key, where in node.keys.items():
            if key not in known:
                self.add(where, f"{noun} has no key {key}", did_you_mean(key, known))
        for key in required:
            if key not in node.value:
                self.add(node.position, f"{noun} has no {key}", f"add {key}")
        return {key: value for key, value in node.value.items() if key in known}

    def items(self, node: Located, noun: str) -> list[Located]:
        """Return a list's items; note where it is none or empty."""
        if not isinstance(node.value, list):
            hint = "write [...]" if isinstance(node.value, dict) else f"write [{node.value}]"
            self.add(node.position, f"{noun} must be a list, not {described(node)}", hint)
            return []
        if not node.value:
            self.add(node.position, f"{noun} is empty", "write at least one item or remove it")
        return node.value

    def text(self, node: Located, noun: str, max_characters: int) -> str:
        """Return a text; note where it is none, empty or too long."""
        if not isinstance(node.value, str) or not node.value.strip():
            hint = "put it in quotes" if _is_scalar(node) else "write one line of text"
            self.add(node.position, f"{noun} must be a text, not {described(node)}", hint)
            return ""
        if len(node.value) > max_characters:
            message = f"{noun} has {len(node.value)} characters, more than {max_characters}"
            self.add(node.position, message, "shorten it")
        return node.value

    def number(self, node: Located, noun: str) -> float | None:
        """Return a finite number as a float; note where it is none."""
        value = node.value
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
        hint = f"write {int(value)}" if isinstance(value, bool) else "write a number"
        if isinstance(value, str) and _QUOTED_NUMBER.fullmatch(value):
            hint = "write it without quotes"
        self.add(node.position, f"{noun} is a number, not {described(node)}", hint)
        return None

    def boolean(self, node: Located, noun: str) -> bool | None:
        """Return a boolean; note where it is none."""
        if isinstance(node.value, bool):
            return node.value
        message = f"{noun} must be true or false, not {described(node)}"
        self.add(node.position, message, "write true or false")
        return None

    def choice(self, node: Located, noun: str, choices: Collection[str]) -> str | None:
        """Return one of some words; note where it is none of them."""
        if isinstance(node.value, str) and node.value in choices:
            return node.value
        hint = did_you_mean(str(node.value), choices)
        self.add(node.position, f"{noun} cannot be {described(node)}", hint)
        return None


def did_you_mean(word: str, names: Collection[str]) -> str:
    """Name the closest of some names, or else the names themselves."""
    close = get_close_matches(word, names, n=1)
    if close:
        return f"did you mean {close[0]}?"
    listed = ", ".join(sorted(names)[:MAX_NAMES_IN_HINT])
    if len(names) > MAX_NAMES_IN_HINT:
        return f"there are {len(names)}, such as {listed}"
    return f"write one of {listed}"


def described(node: Located) -> str:
    """Say what stands at a place, short enough for a message."""
    value = node.value
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return repr(value) if isinstance(value, str) else str(value)


def _is_scalar(node: Located) -> bool:
    return isinstance(node.value, bool | int | float)
