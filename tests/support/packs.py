"""The schemas and small packs that the suites about rules share."""

from sentinel_core.events import schema_of
from sentinel_core.features.parse import parse_spec
from sentinel_core.located import load_yaml, locate
from sentinel_core.rules import Pack, RuleSchema, parse_pack
from sentinel_core.rules.library import DOMAINS, features_text

PAYMENTS = RuleSchema(
    schema_of("Transaction"),
    features=("card_count_1h", "card_mean_7d", "card_amount", "speed_kmh"),
    signals=("fraud", "velocity"),
    lists=("known-bad-cards", "sanctioned-countries"),
)


class NoLists:
    """Lists without an entry."""

    def find(self, list_name, value, at_us):
        return None


class Listed:
    """One list with some values that expire at a time."""

    def __init__(self, list_name, values, expires_us):
        self._list_name = list_name
        self._values = values
        self._expires_us = expires_us

    def find(self, list_name, value, at_us):
        found = list_name == self._list_name and value in self._values
        return value if found and at_us < self._expires_us else None


def library_schema(domain: str) -> RuleSchema:
    """The schema that a domain's own feature spec makes."""
    schema = schema_of(DOMAINS[domain])
    spec = parse_spec(load_yaml(features_text(domain), f"{domain}.features.yaml"), schema)
    return RuleSchema(schema, spec.names)


def rule_of(when, *, tests=None, **changes):
    """A plain rule around a condition; its tests hold only for conditions that they are made for."""
    rule = {
        "id": "the-rule",
        "name": "The rule",
        "category": "fraud",
        "when": when,
        "effect": {"points": 10},
        "tests": tests or [{"hit": True}, {"hit": False}],
    }
    return {key: value for key, value in (rule | changes).items() if value is not None}


def pack_of(*rules) -> Pack:
    """A parsed pack of plain rules, whose own tests must hold."""
    return parse_pack(locate(list(rules), "pack.yaml"), PAYMENTS)
