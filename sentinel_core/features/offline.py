"""The offline feeder: the kernel over a whole table of events.

The features of each kind of entity run in a process of their own over the same rows. The values are
those of the kernel, to the bit: nothing is computed here.
"""

from __future__ import annotations

import multiprocessing
from array import array
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from sentinel_core.events import Fields
from sentinel_core.events.labels import Told, labels_by_row
from sentinel_core.events.table import EventTable, LabelTable
from sentinel_core.features.aggregates import MISSING
from sentinel_core.features.kernel import Kernel, Vector
from sentinel_core.features.spec import Feature, FeatureSpec
from sentinel_core.state import FeatureIs, MemoryState

Progress = Callable[[int, int], None]
"""Called with events done and events in all, about a hundred times."""

_TENANT = "offline"


@dataclass(frozen=True, slots=True)
class FeatureTable:
    """Feature vectors of a table of events.

    Attributes
    ----------
    names : names of the columns, in the order of the spec
    values : (n, f) float64, one row per input row in its order; NaN is missing
    selections : for each ``where`` on a feature value, (n,) bool: whether the event is selected
    """

    names: tuple[str, ...]
    values: np.ndarray
    selections: dict[FeatureIs, np.ndarray]


def build_features(
    events: EventTable,
    spec: FeatureSpec,
    labels: LabelTable | None = None,
    *,
    processes: int = 1,
    progress: Progress | None = None,
) -> FeatureTable:
    """Compute the feature vector of every event of a table, in its order of arrival.

    A later row with an id that came before is the same event: it gets the same values and counts
    once. Labels rule from their ``known_at`` on.

    Raises
    ------
    InvalidTableError
        A label names an event that the table does not have. Retryable: no.
    """
    known = labels_by_row(events, labels)
    groups = entity_groups(spec) if processes > 1 else [list(spec.names)]
    jobs = [_job(events, spec.closure(group), known) for group in groups]
    if len(jobs) == 1:
        return _joined(spec, [_run(jobs[0], progress)], events)
    # A fresh interpreter per group: forking a process that has threads can hang it.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(processes, len(jobs)) - 1 or 1, mp_context=context) as pool:
        waiting = [pool.submit(_run, job) for job in jobs[1:]]
        parts = [_run(jobs[0], progress), *(job.result() for job in waiting)]
    return _joined(spec, parts, events)


def arrival_selections(
    events: EventTable,
    spec: FeatureSpec,
    labels: LabelTable | None = None,
    progress: Progress | None = None,
) -> dict[FeatureIs, np.ndarray]:
    """Tell for each selection by feature value which events are in it; at no cost where none is."""
    selected = [f.name for f in spec.features if isinstance(f.where, FeatureIs)]
    if not selected:
        return {}
    return build_features(events, spec.closure(selected), labels, progress=progress).selections


def entity_groups(spec: FeatureSpec) -> list[list[str]]:
    """Split a spec into what each kind of entity needs, largest first.

    A feature that another kind's features read is computed for both: doing it twice costs less than
    handing its values from process to process, and gives the same bits.
    """
    groups: dict[str, list[str]] = {}
    for feature in spec.features:
        groups.setdefault(_entity_of(feature, spec) or "", []).append(feature.name)
    rows = groups.pop("", [])
    ordered = sorted(groups.values(), key=len, reverse=True) or [[]]
    ordered[-1] += rows  # row forms cost next to nothing; the smallest group has room
    return ordered


def _entity_of(feature: Feature, spec: FeatureSpec) -> str | None:
    """Return the kind of entity that a feature is computed with; None for plain row forms."""
    if feature.entity is not None or feature.operands is None:
        return feature.entity
    kinds = [_entity_of(spec.by_name[name], spec) for name in feature.operands]
    return next((kind for kind in kinds if kind is not None), None)


@dataclass(frozen=True, slots=True)
class _Job:
    """What one process needs: a part of the spec, and the columns which that part reads."""

    spec: FeatureSpec
    times_us: list[int]
    columns: dict[str, list[Any]]
    first: np.ndarray | None
    known: dict[int, list[Told]]


@dataclass(frozen=True, slots=True)
class _Part:
    """Features and selections of one job."""

    names: tuple[str, ...]
    values: np.ndarray
    selections: dict[FeatureIs, np.ndarray]


def _job(events: EventTable, spec: FeatureSpec, known: dict[int, list[Told]]) -> _Job:
    wanted = _read_fields(spec)
    columns = {name: values for name, values in events.columns.items() if name in wanted}
    return _Job(spec, events.occurred_at_us.tolist(), columns, events.first, known)


def _run(job: _Job, progress: Progress | None = None) -> _Part:
    kernel = Kernel(job.spec)
    state = MemoryState(kernel.layouts)
    total, names = len(job.times_us), tuple(job.columns)
    width = len(job.spec.features)
    # Plain arrays: setting a row of a NumPy matrix costs more than computing some features.
    values = array("d")
    missing = [MISSING] * width
    selections = {where: bytearray(total) for where in kernel.selections}
    step = max(total // 100, 1)
    for row, (time_us, *cells) in enumerate(zip(job.times_us, *job.columns.values(), strict=True)):
        if progress and row % step == 0:
            progress(row, total)
        if job.first is not None and job.first[row] != row:
            values.extend(missing)  # the same event again; its values are filled in afterwards
            continue
        fields = {n: v for n, v in zip(names, cells, strict=True) if v is not None}
        vector, selected = _observe(kernel, state, time_us, fields, job.known.get(row, ()))
        values.extend(vector)
        for where, holds in selected.items():
            selections[where][row] = holds
    if progress:
        progress(total, total)
    flags = {where: np.frombuffer(held, dtype=bool) for where, held in selections.items()}
    return _Part(job.spec.names, np.frombuffer(values).reshape(total, width), flags)


def _observe(
    kernel: Kernel, state: MemoryState, time_us: int, fields: Fields, known: Sequence[Told]
) -> tuple[Vector, dict[FeatureIs, bool]]:
    """Read, compute and admit one event, as the engine does, and tell what its file knows of it."""
    logs = state.logs_of(_TENANT, fields)
    vector = kernel.compute(time_us, fields, logs)
    selected = kernel.select(vector)
    state.admit(logs, time_us, fields, selected.__getitem__)
    for told in known:
        state.label(
            _TENANT, told.event_id, time_us, fields,
            known_at_us=told.known_at_us, order=told.order, label=told.label,
        )  # fmt: skip
    return vector, selected


def _read_fields(spec: FeatureSpec) -> list[str]:
    names: dict[str, None] = {}
    for feature in spec.features:
        where_field = getattr(feature.where, "field", None)
        for name in (feature.field, feature.entity, where_field):
            if name is not None:
                names[name] = None
        if feature.form == "geo_speed":
            names["lon"] = None
    return list(names)


def _joined(spec: FeatureSpec, parts: Sequence[_Part], events: EventTable) -> FeatureTable:
    values = np.empty((len(events), len(spec.features)))
    selections: dict[FeatureIs, np.ndarray] = {}
    for part in parts:
        for index, name in enumerate(part.names):
            values[:, spec.names.index(name)] = part.values[:, index]
        selections |= part.selections
    if events.first is not None:
        values = values[events.first]
        selections = {where: holds[events.first] for where, holds in selections.items()}
    return FeatureTable(spec.names, values, selections)
