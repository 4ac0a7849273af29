"""From the ``tests`` of a rule to what they give and expect.

A test is a mapping; what it does not name is missing::

    - {event: {country: KP}, hit: true}
    - {features: {card_count_1h: 7}, signals: {fraud: 0.4}, hit: true}
    - {event: {card: c-1}, lists: {known-bad-cards: [c-1, c-2]}, hit: true}
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sentinel_core.located import Located
from sentinel_core.rules.check import Checker
from sentinel_core.rules.faults import Faults, described
from sentinel_core.rules.pack import RuleSchema, RuleTest, Source

_GIVEN: dict[str, Source] = {"event": "field", "features": "feature", "signals": "signal"}


class TestParser:
    """Reads the tests of a rule, noting what is wrong; a faulty list of tests is shortened."""

    __test__ = False  # keeps test runners from taking it for a suite

    def __init__(self, schema: RuleSchema, checker: Checker, faults: Faults) -> None:
        self._schema = schema
        self._checker = checker
        self._faults = faults

    def parse(self, node: Located) -> tuple[RuleTest, ...]:
        """Read the tests, at least one with a hit and one with a miss."""
        before = len(self._faults)
        tests = [self._test(item) for item in self._faults.items(node, "tests")]
        sound = tuple(test for test in tests if test is not None)
        if len(self._faults) == before:
            for expected, noun in ((True, "hit"), (False, "miss")):
                if all(test.hit is not expected for test in sound):
                    hint = f"add a test with hit: {'true' if expected else 'false'}"
                    self._faults.add(node.position, f"no test expects a {noun}", hint)
        return sound

    def _test(self, node: Located) -> RuleTest | None:
        before = len(self._faults)
        given = self._faults.mapping(node, "a test", ("hit",), (*_GIVEN, "lists"))
        hit = self._faults.boolean(given["hit"], "hit") if "hit" in given else None
        values = {
            key: self._values(given[key], source) if key in given else {}
            for key, source in _GIVEN.items()
        }
        lists = self._lists(given["lists"]) if "lists" in given else {}
        if hit is None or len(self._faults) > before:
            return None
        event, features, signals = values.values()
        return RuleTest(event, features, signals, lists, hit, node.position)

    def _values(self, node: Located, source: Source) -> dict[str, Any]:
        return self._each(node, lambda name, value: self._value(name, value, source))

    def _value(self, name: Located, value: Located, source: Source) -> Any:
        typed = self._checker.ref(source, name)
        if typed is None:
            return None
        if typed.type == "numbers":
            numbers = [
                self._faults.number(v, name.value) for v in self._faults.items(value, name.value)
            ]
            return tuple(numbers)
        return self._checker.constant(typed, value)

    def _lists(self, node: Located) -> dict[str, frozenset[str]]:
        return self._each(node, self._listed)

    def _listed(self, name: Located, node: Located) -> frozenset[str] | None:
        if self._checker.list_name(name) is None:
            return None
        texts = [v for v in self._faults.items(node, name.value) if isinstance(v.value, str)]
        if len(texts) < len(node.value if isinstance(node.value, list) else []):
            self._faults.add(node.position, f"{name.value} must list texts", "put them in quotes")
        return frozenset(text.value for text in texts)

    def _each(
        self, node: Located, read: Callable[[Located, Located], Any | None]
    ) -> dict[str, Any]:
        if not isinstance(node.value, dict):
            message = f"what a test gives must be a mapping, not {described(node)}"
            self._faults.add(node.position, message, "write {name: value}")
            return {}
        return {
            key: read(Located(key, node.keys[key], {}), value) for key, value in node.value.items()
        }
