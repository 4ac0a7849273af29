"""A brute-force oracle for windows, and random streams that try to break them.

The oracle keeps every event of an entity in order of arrival and looks at all of them each time. It
shares no code with the kernel but the definition.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field

import numpy as np

from sentinel_core.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US

SPEC = """
features:
  - {name: amt, value: payload.amount}
  - {name: n_1m, entity: card, count: {}, window: 1m}
  - {name: n_1h_self, entity: card, count: {}, window: 1h, include_self: true}
  - {name: n_180d, entity: card, count: {}, window: 180d}
  - {name: sum_1h, entity: card, sum: payload.amount, window: 1h}
  - {name: mean_7d, entity: card, mean: payload.amount, window: 7d}
  - {name: mean_7d_self, entity: card, mean: payload.amount, window: 7d, include_self: true}
  - {name: min_1d, entity: card, min: payload.amount, window: 1d}
  - {name: max_1d_delay, entity: card, max: payload.amount, window: 1d, delay: 2h}
  - {name: sd_30d, entity: card, stddev: payload.amount, window: 30d, empty: -1}
  - {name: z_30d, entity: card, zscore: payload.amount, window: 30d}
  - {name: devices_1d, entity: card, distinct: device, window: 1d}
  - {name: min_30d_self, entity: card, min: payload.amount, window: 30d, include_self: true}
  - {name: good_max_30d, entity: card, max: payload.amount, where: {label: legitimate}, window: 30d}
  - {name: devices_30d, entity: card, distinct: device, window: 30d, delay: 1h}
  - {name: good_devices_7d, entity: card, distinct: device, where: {label: legitimate}, window: 7d,
     include_self: true}
  - {name: risk_7d, entity: card, rate: label.fraud, window: 7d, delay: 1d}
  - {name: frauds_30d, entity: card, count: {}, where: {label: fraud}, window: 30d}
  - {name: fraud_sum_30d, entity: card, sum: payload.amount, where: {label: fraud}, window: 30d}
  - {name: good_7d, entity: card, count: {}, where: {label: legitimate}, window: 7d}
  - {name: since_fraud, entity: card, since_first: {}, where: {label: fraud}, window: 60d}
  - {name: since_big, entity: card, since_last: {}, where: {field: amount, gt: 300}, window: 7d}
  - {name: big_z_7d, entity: card, count: {}, where: {feature: z_30d, gt: 1}, window: 7d}
"""


@dataclass
class Past:
    """All that one card did, in order of arrival."""

    times: list[int] = field(default_factory=list)
    amounts: list[int] = field(default_factory=list)
    devices: list[str | None] = field(default_factory=list)
    high_z: list[bool] = field(default_factory=list)
    labels: dict[int, list[tuple[int, int, str]]] = field(default_factory=dict)

    def devices_in(self, mask: np.ndarray) -> set[str | None]:
        """Return the devices of some of the events."""
        return {d for d, m in zip(self.devices, mask, strict=True) if m and d is not None}


@dataclass(frozen=True)
class Step:
    """One thing that arrives: an event, or a label about an earlier event."""

    event_id: str
    card: str
    time_us: int = 0
    amount: float = 0.0
    device: str | None = None
    label: str | None = None
    known_at_us: int = 0


def random_steps(count: int, seed: int) -> list[Step]:
    """Draw a stream: hot and cold cards, ties, lateness to an hour, duplicates, changing labels."""
    draw = random.Random(seed)
    now = 400 * DAY_US
    steps: list[Step] = []
    recent: list[Step] = []
    while len(steps) < count:
        now += draw.choice([0, 0, SECOND_US, 5 * SECOND_US, MINUTE_US, 20 * MINUTE_US])
        kind = draw.random()
        if kind < 0.02 and recent:
            steps.append(draw.choice(recent))  # the same event again
        elif kind < 0.09 and recent:
            of = draw.choice(recent)
            known = now + draw.choice([-DAY_US, 0, 0, HOUR_US, 3 * DAY_US])
            label = draw.choice(["fraud", "fraud", "legitimate"])
            steps.append(Step(of.event_id, of.card, label=label, known_at_us=known))
        else:
            step = _random_event(draw, len(steps), now)
            steps.append(step)
            recent = [*recent[-200:], step]
    return steps


def _random_event(draw: random.Random, number: int, now: int) -> Step:
    late = draw.choice([0, 0, 0, draw.randrange(HOUR_US), HOUR_US])
    card = f"c{int(draw.paretovariate(0.6)) % 3000}"
    amount = round(draw.choice([draw.uniform(0, 50), draw.gauss(100, 50) ** 2 / 50, 300.0]), 2)
    device = draw.choice([None, "d1", f"d{draw.randrange(6)}"])
    return Step(f"e{number}", card, now - late, amount, device)


def expected(past: Past, step: Step, index_of_names: dict[str, int]) -> list[float]:
    """Compute every feature of `SPEC` by looking at all past events of the card."""
    times = np.array(past.times, dtype=np.int64)
    amounts = np.array(past.amounts, dtype=np.int64)
    high_z = np.array(past.high_z, dtype=bool)
    fraud = np.zeros(len(times), dtype=bool)
    for position, told in past.labels.items():
        known = [entry for entry in told if entry[0] <= step.time_us]
        fraud[position] = bool(known) and max(known)[2] == "fraud"
    own = round(step.amount * 10_000)

    def window(length: int, delay: int = 0) -> np.ndarray:
        end = step.time_us - delay
        return (times > end - length) & (times <= end)

    def mean(mask: np.ndarray, *extra: int) -> float:
        total, count = int(amounts[mask].sum()) + sum(extra), int(mask.sum()) + len(extra)
        return total / (count * 10_000) if count else math.nan

    month, day, week = window(30 * DAY_US), window(DAY_US), window(7 * DAY_US)
    count = int(month.sum())
    total = int(amounts[month].sum())
    square = sum(int(a) ** 2 for a in amounts[month])
    spread = math.sqrt(count * square - total * total)
    big = times[week & (amounts > 3_000_000)]
    risky = window(7 * DAY_US, DAY_US)
    first_fraud = times[window(60 * DAY_US) & fraud]
    delayed = amounts[window(DAY_US, 2 * HOUR_US)]
    good = amounts[month & ~fraud]
    values = {
        "amt": step.amount,
        "n_1m": int(window(MINUTE_US).sum()),
        "n_1h_self": int(window(HOUR_US).sum()) + 1,
        "n_180d": int(window(180 * DAY_US).sum()),
        "sum_1h": int(amounts[window(HOUR_US)].sum()) / 10_000,
        "mean_7d": mean(week),
        "mean_7d_self": mean(week, own),
        "min_1d": int(amounts[day].min()) / 10_000 if day.any() else math.nan,
        "max_1d_delay": int(delayed.max()) / 10_000 if len(delayed) else math.nan,
        "sd_30d": spread / (count * 10_000) if count else -1.0,
        "z_30d": (own * count - total) / spread if count >= 2 and spread else math.nan,
        "devices_1d": len(past.devices_in(day)),
        "min_30d_self": min([own, *amounts[month].tolist()]) / 10_000,
        "good_max_30d": int(good.max()) / 10_000 if len(good) else math.nan,
        "devices_30d": len(past.devices_in(window(30 * DAY_US, HOUR_US))),
        "good_devices_7d": len(past.devices_in(week & ~fraud) | {step.device} - {None}),
        "risk_7d": int((risky & fraud).sum()) / int(risky.sum()) if risky.any() else math.nan,
        "frauds_30d": int((month & fraud).sum()),
        "fraud_sum_30d": int(amounts[month & fraud].sum()) / 10_000,
        "good_7d": int((week & ~fraud).sum()),
        "since_fraud": (step.time_us - int(first_fraud.min())) / SECOND_US
        if len(first_fraud)
        else math.nan,
        "since_big": (step.time_us - int(big.max())) / SECOND_US if len(big) else math.nan,
        "big_z_7d": int((week & high_z).sum()),
    }
    return [float(values[name]) for name in index_of_names]
