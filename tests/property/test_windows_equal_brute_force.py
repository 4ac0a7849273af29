"""Every aggregate equals a brute-force oracle at every event, whatever order events come in."""

from __future__ import annotations

import math
import os
import struct

import pytest

from sentinel_core.events import schema_of
from sentinel_core.features import FeatureSpec, Kernel, parse_spec
from sentinel_core.located import load_yaml
from sentinel_core.state import FeatureIs, MemoryState, wide
from tests.support.windows import SPEC, Past, Step, expected, random_steps

SPEC_OF_ALL = parse_spec(load_yaml(SPEC, "windows.yaml"), schema_of("Transaction"))


class Replay:
    """Feeds steps to the kernel as the engine does."""

    def __init__(self, spec: FeatureSpec) -> None:
        self.kernel = Kernel(spec)
        self.state = MemoryState(self.kernel.layouts)
        self.seen: dict[str, tuple[Step, dict[FeatureIs, bool]]] = {}
        self.order = 0

    def event(self, step: Step) -> tuple[float, ...] | None:
        if step.event_id in self.seen:
            return None
        fields = _fields(step)
        logs = self.state.logs_of("t", fields)
        vector = self.kernel.compute(step.time_us, fields, logs)
        selected = self.kernel.select(vector)
        self.state.admit(logs, step.time_us, fields, selected.__getitem__)
        self.seen[step.event_id] = (step, selected)
        return vector

    def label(self, step: Step) -> None:
        self.order += 1
        event, _ = self.seen[step.event_id]
        self.state.label(
            "t",
            step.event_id,
            event.time_us,
            _fields(event),
            known_at_us=step.known_at_us,
            order=self.order,
            label="fraud" if step.label == "fraud" else "legitimate",
        )


def _fields(step: Step) -> dict[str, object]:
    device = {} if step.device is None else {"device": step.device}
    return {"card": step.card, "amount": step.amount, "currency": "EUR", **device}


def _bits(values: tuple[float, ...] | list[float]) -> list[bytes]:
    return [b"nan" if math.isnan(v) else struct.pack("<d", v) for v in values]


def _compare(steps: list[Step], spec: FeatureSpec = SPEC_OF_ALL) -> int:
    replay, pasts = Replay(spec), {}
    position: dict[str, int] = {}
    names = {name: i for i, name in enumerate(spec.names)}
    z, compared = names.get("z_30d"), 0
    for step in steps:
        past = pasts.setdefault(step.card, Past())
        if step.label is not None:
            replay.label(step)
            told = past.labels.setdefault(position[step.event_id], [])
            told.append((step.known_at_us, replay.order, step.label))
            continue
        vector = replay.event(step)
        if vector is None:
            continue
        wanted = expected(past, step, names)
        pairs = dict(zip(names, zip(wanted, vector, strict=True), strict=True))
        assert _bits(wanted) == _bits(vector), (step, pairs)
        compared += 1
        position[step.event_id] = len(past.times)
        past.times.append(step.time_us)
        past.amounts.append(round(step.amount * 10_000))
        past.devices.append(step.device)
        past.high_z.append(z is not None and vector[z] > 1)
    return compared


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_aggregate_equals_brute_force_at_every_event(seed: int) -> None:
    assert _compare(random_steps(8_000, seed)) > 7_000


@pytest.mark.parametrize("seed", [5, 6])
def test_summaries_of_wide_windows_equal_brute_force_too(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So narrow that late events, labels and trimming meet the ends of blocks and windows often.
    monkeypatch.setattr(wide, "WIDE_EVENTS", 5)
    monkeypatch.setattr(wide, "BLOCK_EVENTS", 4)
    day = ["min_1d", "max_1d_delay", "devices_1d"]  # what the log forgets after a day
    month = ["min_30d_self", "good_max_30d", "devices_30d", "good_devices_7d"]
    for names in (day, month):
        assert _compare(random_steps(8_000, seed), SPEC_OF_ALL.closure(names)) > 7_000


def test_logs_that_forget_still_answer_exactly() -> None:
    names = ["n_1m", "sum_1h", "max_1d_delay", "risk_7d", "good_7d", "since_big"]
    spec = SPEC_OF_ALL.closure(names)
    assert _compare(random_steps(20_000, 4), spec) > 17_000


@pytest.mark.slow
def test_a_million_steps_equal_brute_force_at_every_event() -> None:
    count = int(os.environ.get("SENTINEL_WINDOW_STEPS", "1000000"))
    shards = max(count // 50_000, 1)
    compared = sum(_compare(random_steps(count // shards, 100 + shard)) for shard in range(shards))
    assert compared > count * 0.9
