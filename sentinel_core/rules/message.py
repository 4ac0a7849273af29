"""The sentence that a hit says to an analyst.

A rule may give a template, ``"{login_failures_1m} logins failed in a minute from {ip}."``; without
one the sentence is made of the rule's name and the values it read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from string import Formatter
from typing import Any

from sentinel_core.located import Located
from sentinel_core.rules.check import Checker
from sentinel_core.rules.compile import Reader, compile_reader
from sentinel_core.rules.faults import Faults, did_you_mean
from sentinel_core.rules.pack import Facts, Ref

MAX_MESSAGE_CHARACTERS = 500
"""A sentence, not a page: several of them share one decision."""

_UNKNOWN = "unknown"
Part = str | Ref


def parse_message(node: Located, checker: Checker, faults: Faults) -> tuple[Part, ...] | None:
    """Read a template into texts and the values between them; a faulty one is None."""
    template = faults.text(node, "message", MAX_MESSAGE_CHARACTERS)
    parts: list[Part] = []
    try:
        pieces = list(Formatter().parse(template))
    except ValueError as error:
        faults.add(node.position, f"message: {error}", "write {{ or }} for a brace itself")
        return None
    for text, name, spec, conversion in pieces:
        parts.append(text)
        if name is None:
            continue
        if spec or conversion:
            faults.add(node.position, f"message formats {name}", f"write {{{name}}} alone")
            return None
        ref = checker.by_name(name)
        if ref is None:
            hint = did_you_mean(name, checker.every_name())
            faults.add(node.position, f"message reads {{{name}}}, which is not a name", hint)
            return None
        parts.append(ref)
    return tuple(parts) if template else None


def compile_message(parts: tuple[Part, ...], features: tuple[str, ...]) -> Callable[[Facts], str]:
    """Make the closure that fills a template."""
    readers: list[str | Reader] = [
        part if isinstance(part, str) else compile_reader(part, features) for part in parts
    ]

    def sentence(facts: Facts) -> str:
        return "".join(r if isinstance(r, str) else format_value(r(facts)) for r in readers)

    return sentence


def compile_default(
    name: str, refs: Sequence[Ref], features: tuple[str, ...]
) -> Callable[[Facts], str]:
    """Make the closure that says a rule's name and the values that it read and that are there."""
    readers = [(ref.name, compile_reader(ref, features)) for ref in refs]

    def sentence(facts: Facts) -> str:
        values = [(value_name, reader(facts)) for value_name, reader in readers]
        known = [pair for pair in values if pair[1] is not None] or values
        return f"{name}: {', '.join(f'{n} is {format_value(v)}' for n, v in known)}."

    return sentence


def format_value(value: Any) -> str:
    """Write a value for reading: whole numbers without decimals, others with at most four.

    Examples
    --------
    >>> format_value(5.0), format_value(0.123456), format_value("KP"), format_value(None)
    ('5', '0.1235', 'KP', 'unknown')
    """
    if value is None:
        return _UNKNOWN
    if not isinstance(value, int | float):
        return str(value)
    # Beyond 10^15 a float has no decimals, and below 10^-4 four of them would show 0.
    if not 1e-4 <= abs(value) < 1e15:
        return f"{value:.6g}"
    return f"{value:.4f}".rstrip("0").rstrip(".")
