"""Summaries of a column answer any window as its values do, whatever happened to them since."""

from __future__ import annotations

import random

import pytest

from sentinel_core.state import wide
from sentinel_core.state.wide import Distinct, Extremes


class Column:
    """Values that change in every way a track changes them, and the summaries that are told."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.values: list[int] = []
        self.extremes, self.distinct = Extremes(), Distinct()

    def change(self) -> None:
        kind = self.draw.random()
        if kind < 0.6 or not self.values:
            self.values.append(self.draw.randrange(12))
        elif kind < 0.8:
            position, value = self.draw.randrange(len(self.values)), self.draw.randrange(12)
            self.values.insert(position, value)
            for summary in (self.extremes, self.distinct):
                summary.inserted(position, value)
        elif kind < 0.97:
            position = self.draw.randrange(len(self.values))
            value = self.values.pop(position)
            for summary in (self.extremes, self.distinct):
                summary.removed(position, value)
        else:
            count = self.draw.randrange(len(self.values) + 1)
            del self.values[:count]
            for summary in (self.extremes, self.distinct):
                summary.trimmed(count)

    def window(self) -> tuple[int, int]:
        """Draw a window with a value in it."""
        low = self.draw.randrange(len(self.values))
        return low, self.draw.randrange(low, len(self.values)) + 1


@pytest.mark.parametrize("seed", range(20))
def test_a_window_is_answered_as_its_values_are(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wide, "BLOCK_EVENTS", 4)
    column = Column(seed)
    for _ in range(1_500):
        for _ in range(column.draw.randrange(4)):
            column.change()
        if not column.values:
            continue
        low, high = column.window()
        inside = column.values[low:high]
        assert column.extremes.find(column.values, low, high, smallest=True) == min(inside)
        assert column.extremes.find(column.values, low, high, smallest=False) == max(inside)
        assert set(column.distinct.values(column.values, low, high)) == set(inside)
