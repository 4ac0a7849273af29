"""What an entity log keeps: no more than the loaded releases read.

A feature spec is compiled into one layout per entity kind. A layout has tracks (which events: all of
them, or those a ``where`` selects) and each track has columns (which values of those events).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sentinel_core.clock import HOUR_US
from sentinel_core.events import Fields, Label

Comparison = Literal["eq", "ne", "gt", "gte", "lt", "lte", "in"]

LATENESS_US = HOUR_US
"""How far behind an entity's newest event an event may come and still find all it needs."""

COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "in": lambda value, choices: value in choices,
}


@dataclass(frozen=True, slots=True)
class LabelIs:
    """Select events by the label known about them; unlabelled events count as legitimate."""

    label: Label


@dataclass(frozen=True, slots=True)
class FieldIs:
    """Select events by a field of theirs; an event without the field is not selected."""

    field: str
    comparison: Comparison
    operand: float | str | tuple[str, ...] | tuple[float, ...]

    def holds(self, fields: Fields) -> bool:
        """Tell whether an event with these fields is selected."""
        value = fields.get(self.field)
        return value is not None and COMPARE[self.comparison](value, self.operand)


@dataclass(frozen=True, slots=True)
class FeatureIs:
    """Select events by a feature value that they had when they arrived.

    ``definition`` is the digest of what the feature computes, so that two releases that give one
    name to two things do not share a track.
    """

    feature: str
    definition: str
    comparison: Comparison
    operand: float

    def __hash__(self) -> int:
        # A string keeps its hash; hashing all fields for every event would cost more than the rest.
        return hash(self.definition)

    def holds(self, value: float) -> bool:
        """Tell whether an event is selected; a missing value (NaN) compares false, so is not."""
        return value == value and COMPARE[self.comparison](value, self.operand)  # noqa: PLR0124

    @property
    def column(self) -> str:
        """Name under which a history file keeps this selection."""
        return f"where:{self.definition[-16:]}:{self.comparison}:{self.operand!r}"


Where = LabelIs | FieldIs | FeatureIs | None


@dataclass(frozen=True, slots=True)
class Column:
    """One value kept of each event of a track.

    ``sum`` and ``square`` are kept as running totals of integers, so that a window is one
    subtraction and no order of addition changes a bit; ``number``, ``text`` and ``place`` are kept
    as they are.
    """

    field: str
    kind: Literal["sum", "square", "number", "text", "place"]
    scale: int = 1


@dataclass(frozen=True, slots=True)
class TrackLayout:
    """One selection of an entity's events, and what is kept of each.

    ``present`` names an optional field that an event must have to stand in the track.
    """

    where: Where
    present: str | None
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class LogLayout:
    """What is kept of every entity of one kind.

    ``retention_us`` is the longest window plus delay; logs keep `LATENESS_US` more.
    """

    entity_kind: str
    tracks: tuple[TrackLayout, ...]
    retention_us: int

    def covers(self, other: LogLayout) -> bool:
        """Tell whether logs of this layout hold all that another layout asks for."""
        if self.retention_us < other.retention_us:
            return False
        mine = {(t.where, t.present): set(t.columns) for t in self.tracks}
        return all(
            set(t.columns) <= mine.get((t.where, t.present), set()) and (t.where, t.present) in mine
            for t in other.tracks
        )


def merge_layouts(
    parts: Iterable[Mapping[str, LogLayout]],
) -> dict[str, LogLayout]:
    """Unite the layouts of several specs into what their logs must keep together."""
    merged: dict[str, LogLayout] = {}
    for part in parts:
        for kind, layout in part.items():
            known = merged.get(kind)
            merged[kind] = layout if known is None else _unite(known, layout)
    return merged


def _unite(one: LogLayout, other: LogLayout) -> LogLayout:
    columns: dict[tuple[Where, str | None], dict[Column, None]] = {}
    for track in (*one.tracks, *other.tracks):
        columns.setdefault((track.where, track.present), {}).update(dict.fromkeys(track.columns))
    tracks = tuple(TrackLayout(where, present, tuple(c)) for (where, present), c in columns.items())
    return LogLayout(one.entity_kind, tracks, max(one.retention_us, other.retention_us))


def scaled(value: float, scale: int) -> int:
    """Turn a number into the integer that is summed: exact for money, else to 1 / scale."""
    return round(value * scale)
