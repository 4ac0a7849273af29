"""What is wrong with a resource, in the words of the one table of reasons."""

from __future__ import annotations

from dataclasses import dataclass

from sentinel_core.errors import InvalidDocumentError, ProblemsError, SentinelError
from sentinel_core.resources.conditions import REASONS
from sentinel_core.resources.reason import Location

UNKNOWN = "Unexpected"
"""Stands for a word that a pod of another version says and this one does not know."""
_SHOWN_PROBLEMS = 10
"""Of a text's faults; a status is no log, and the first ones are mostly the cause of the rest."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that keeps a resource from being as it is declared.

    Attributes
    ----------
    user_action : the next thing to do
    """

    location: Location
    reason: str
    message: str
    user_action: str


def find_fault(reason: str, message: str, resource: str, user_action: str = "") -> Fault:
    """Return a fault with the words of the table.

    Parameters
    ----------
    resource : name that stands for NAME in the table
    user_action : where it is known better than in general
    """
    said = message if reason in REASONS else f"{reason}: {message}"
    word = reason if reason in REASONS else UNKNOWN
    doc = REASONS[word]
    action = user_action or doc.user_action.replace("NAME", resource)
    return Fault(doc.location or "server", word, said, action)


def fault_of_error(error: SentinelError, resource: str) -> Fault:
    """Return the fault that an error of the parsers or the compiler tells of."""
    if isinstance(error, InvalidDocumentError):
        return find_fault("InvalidDocument", words_of(error), resource, error.user_action)
    reason: str = getattr(error, "reason", type(error).__name__.removesuffix("Error"))
    return find_fault(reason, error.message, resource, error.user_action)


def words_of(error: ProblemsError) -> str:
    """Return the first faults of a text, and how many there are beside them."""
    shown = [str(one) for one in error.problems[:_SHOWN_PROBLEMS]]
    left = len(error.problems) - len(shown)
    more = [f"and {left} more; sentinel release compile shows all of them"] if left else []
    return "; ".join([*shown, *more])
