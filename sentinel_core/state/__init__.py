"""Entity logs: what each card, terminal or account did lately, exact to the event."""

from sentinel_core.state.layout import (
    Column,
    FeatureIs,
    FieldIs,
    LabelIs,
    LogLayout,
    TrackLayout,
    Where,
    merge_layouts,
)
from sentinel_core.state.log import EntityLog, LabelledEvent
from sentinel_core.state.memory import MemoryState

__all__ = [
    "Column",
    "EntityLog",
    "FeatureIs",
    "FieldIs",
    "LabelIs",
    "LabelledEvent",
    "LogLayout",
    "MemoryState",
    "TrackLayout",
    "Where",
    "merge_layouts",
]
