"""Judging an event by the rules of a pack.

Total by construction: names and types were checked when the pack was parsed, every missing value is
an answer of its own, and nothing loops or reads a clock. Given the same facts the hits are the same,
on any machine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from sentinel_core.rules.pack import Facts, Lists, Pack, Rule, RuleHit, RuleTrace


def evaluate(  # noqa: PLR0913, PLR0917  # all that a rule may read, named
    pack: Pack,
    fields: Mapping[str, Any],
    vector: Sequence[float],
    signals: Mapping[str, float | None],
    lists: Lists,
    at_us: int,
) -> tuple[RuleHit, ...]:
    """Return the rules that hold for an event, in the order of the pack.

    Parameters
    ----------
    fields : mapping
        The event seen flat; an absent field has no key.
    vector : (n_features,) float
        In the order of the schema that the pack was parsed with; NaN is missing.
    signals : mapping from name to score in [0, 1]
        None, or no key, is missing.
    lists : Lists
        Every list that the schema names.
    at_us : int
        When the event was received, in microseconds since 1970-01-01 UTC; list entries expire by it.
    """
    facts = Facts(fields, vector, signals, lists, at_us)
    return tuple(_hit(rule, facts) for rule in pack.rules if rule.program.verdict(facts))


def trace(  # noqa: PLR0913, PLR0917  # all that a rule may read, named
    pack: Pack,
    fields: Mapping[str, Any],
    vector: Sequence[float],
    signals: Mapping[str, float | None],
    lists: Lists,
    at_us: int,
) -> tuple[RuleTrace, ...]:
    """Return how every rule answered and what it read. Parameters as in `evaluate`."""
    facts = Facts(fields, vector, signals, lists, at_us)
    return tuple(judge(rule, facts) for rule in pack.rules)


def judge(rule: Rule, facts: Facts) -> RuleTrace:
    """Return how one rule answered and what it read."""
    verdict = rule.program.verdict(facts)
    word: Literal["hit", "miss", "unknown"] = "hit" if verdict else "miss"
    if verdict is None:
        word = "unknown"
    return RuleTrace(rule.id, word, {name: read(facts) for name, read in rule.program.readers})


def _hit(rule: Rule, facts: Facts) -> RuleHit:
    effect = rule.effect
    return RuleHit(
        rule.id,
        rule.name,
        rule.category,
        effect.outcome,
        effect.points,
        effect.floor,
        effect.cap,
        rule.program.sentence(facts),
    )
