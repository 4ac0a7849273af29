"""The log of one entity: its tracks, and the labels that became known about its events."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

from sentinel_core.events import Label
from sentinel_core.state.layout import LATENESS_US, LabelIs, LogLayout
from sentinel_core.state.track import Row, Track

_TRIM_EVERY = 64
"""Events admitted between two looks for those that no window reaches any more."""
_SWEEP_AT_LEAST = 64
"""Labelled events kept before the first look for those that no window reaches any more."""


@dataclass(slots=True)
class LabelledEvent:
    """An event about which something became known.

    ``labels`` holds (known_at_us, order, label), sorted: the last one known at a time rules then.
    ``order`` settles labels that became known at the same time: their seq, or their row in a file.
    ``placed`` is the label by which the tracks hold the event now.
    """

    time_us: int
    rows: list[Row | None]
    labels: list[tuple[int, int, Label]] = field(default_factory=list)
    placed: Label = "legitimate"

    def ruling(self, at_us: int) -> Label:
        """Return the label that rules at a time; unlabelled counts as legitimate."""
        label: Label = "legitimate"
        for known_at_us, _, candidate in self.labels:
            if known_at_us > at_us:
                break
            label = candidate
        return label


class EntityLog:
    """What one entity did, as far back as the loaded releases look.

    Events are admitted in order of arrival. Reading is exact at any event time within the retention:
    label tracks stand as of `horizon_us`, the latest time they were read at; an earlier read (a late
    event) works on a copy with later labels taken back.
    """

    __slots__ = (
        "_admitted", "_event", "_label_tracks", "_newest_known_us", "_pending", "_sweep_at",
        "horizon_us", "layout", "newest_us", "tracks",
    )  # fmt: skip

    def __init__(self, layout: LogLayout) -> None:
        self.layout = layout
        self.tracks = [Track(track) for track in layout.tracks]
        self.newest_us = 0
        self.horizon_us = 0
        self._label_tracks = [
            i for i, t in enumerate(layout.tracks) if isinstance(t.where, LabelIs)
        ]
        self._event: dict[str, LabelledEvent] = {}
        self._pending: list[tuple[int, int, str]] = []
        self._newest_known_us = 0
        self._sweep_at = _SWEEP_AT_LEAST
        self._admitted = 0

    def track_at(self, index: int, time_us: int) -> Track:
        """Return a track as an event of this time must see it."""
        track = self.tracks[index]
        where = track.layout.where
        if not isinstance(where, LabelIs):
            return track
        if time_us >= self.horizon_us:
            if self._pending and self._pending[0][0] <= time_us:
                self._apply_until(time_us)
            return self.tracks[index]
        if time_us >= self._newest_known_us:
            return track  # events come a little late all the time, labels seldom in between
        return self._taken_back(index, where, time_us)

    def admit(self, time_us: int, rows: list[tuple[int, Row]]) -> None:
        """Add an event to the tracks that select it, each named by its index, with its values.

        To label tracks the event is legitimate; `label` moves it when something becomes known.
        """
        tracks = self.tracks
        for index, row in rows:
            tracks[index].insert(time_us, row)
        self.newest_us = max(self.newest_us, time_us)
        self._admitted += 1
        if self._admitted % _TRIM_EVERY == 0:
            self._trim()

    def label(
        self, event_id: str, event: LabelledEvent, known_at_us: int, order: int, label: Label
    ) -> None:
        """Note what became known about an admitted event; reads from ``known_at_us`` on see it."""
        if event.time_us <= self._oldest_us():
            return  # no window reaches that far back any more
        record = self._event.setdefault(event_id, event)
        record.labels.append((known_at_us, order, label))
        record.labels.sort()
        if known_at_us <= self.horizon_us:
            self._newest_known_us = max(self._newest_known_us, known_at_us)
            self._settle(record, self.horizon_us)
        else:
            heapq.heappush(self._pending, (known_at_us, order, event_id))

    def _apply_until(self, time_us: int) -> None:
        self.horizon_us = time_us
        pending = self._pending
        while pending and pending[0][0] <= time_us:
            self._newest_known_us, _, event_id = heapq.heappop(pending)
            record = self._event.get(event_id)
            if record is not None:
                self._settle(record, time_us)

    def _settle(self, record: LabelledEvent, at_us: int) -> None:
        """Move an event between the label tracks when another label rules now."""
        ruling = record.ruling(at_us)
        if ruling == record.placed or record.time_us <= self._oldest_us():
            return
        record.placed = ruling
        for index in self._label_tracks:
            track = self.tracks[index]
            _move(track, record, index, into=track.layout.where == LabelIs(ruling))

    def _taken_back(self, index: int, where: LabelIs, time_us: int) -> Track:
        twin = self.tracks[index].copy()
        oldest_us = self._oldest_us()
        for record in self._event.values():
            ruling = record.ruling(time_us)
            if ruling != record.placed and record.time_us > oldest_us:
                _move(twin, record, index, into=where.label == ruling)
        return twin

    def _oldest_us(self) -> int:
        return self.newest_us - self.layout.retention_us - LATENESS_US

    def _trim(self) -> None:
        oldest_us = self._oldest_us()
        for track in self.tracks:
            track.trim(oldest_us)
        if len(self._event) >= self._sweep_at:
            self._event = {k: e for k, e in self._event.items() if e.time_us > oldest_us}
            self._sweep_at = max(_SWEEP_AT_LEAST, 2 * len(self._event))


def _move(track: Track, record: LabelledEvent, index: int, *, into: bool) -> None:
    row = record.rows[index]
    if row is None:
        return
    if into:
        track.insert(record.time_us, row)
    else:
        track.remove(record.time_us, row)
