"""The rules that come with Sentinel, one in a file, to start a pack from.

Each domain has a folder of rules and, beside it, the feature spec that they read. A pack is made of
whole files: rules are read and changed where they stand, with their reference, runbook and tests.
"""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable

from sentinel_core.errors import NotFoundError
from sentinel_core.events import EventType
from sentinel_core.located import Located, Position, load_yaml

DOMAINS: dict[str, EventType] = {"logins": "Login", "payments": "Transaction"}
"""Type of event that the rules of each domain judge."""


def load_library(domain: str) -> Located:
    """Read the rules of a domain as one pack, each located in its own file.

    Raises
    ------
    NotFoundError
        There is no such domain. Retryable: no.
    """
    rules = [load_yaml(text, f"{domain}/{name}") for name, text in _rule_texts(domain)]
    return Located(rules, Position(domain, 1, 1), {})


def library_text(domain: str) -> str:
    """Write the rules of a domain as the text of one pack. Raises as `load_library`."""
    return "\n".join(_as_item(text) for _, text in _rule_texts(domain))


def features_text(domain: str) -> str:
    """Return the feature spec that the rules of a domain read. Raises as `load_library`."""
    return _folder(domain).joinpath(f"{domain}.features.yaml").read_text("utf-8")


def _folder(domain: str) -> Traversable:
    if domain not in DOMAINS:
        action = f"Name one of {', '.join(DOMAINS)}."
        raise NotFoundError(f"The library has no domain {domain}.", user_action=action)
    return files("sentinel_core.rules").joinpath("library")


def _rule_texts(domain: str) -> list[tuple[str, str]]:
    folder = _folder(domain).joinpath(domain)
    return sorted((entry.name, entry.read_text("utf-8")) for entry in folder.iterdir())


def _as_item(text: str) -> str:
    """Indent a mapping so that it becomes an item of a list."""
    first, *rest = text.splitlines()
    return "\n".join([f"- {first}", *(f"  {line}" if line else "" for line in rest)]) + "\n"
