"""Signals, hits and profiles for tests of fusion, and random cases of them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from sentinel_core.fusion import FailurePolicy, FusionProfile, parse_fusion
from sentinel_core.located import locate
from sentinel_core.reason import Reason
from sentinel_core.rules.pack import RuleHit
from sentinel_core.signals.signal import Outcome, Signal, SignalKind, SignalStatus

KINDS: dict[str, SignalKind] = {
    "behaviour": "behaviour",
    "fraud": "model",
    "lists": "lists",
    "nlp": "model",
    "reputation": "model",
    "url": "model",
    "velocity": "velocity",
}

_WEIGHTS = {
    "fraud": 1.0, "nlp": 0.8, "url": 0.2, "reputation": 0.6, "velocity": 0.5,
    "behaviour": 0.3, "rules": 1.0, "lists": 1.0,
}  # fmt: skip
BLOCKS: dict[str, dict[str, Any]] = {
    "NoisyOr": {"method": "NoisyOr", "weights": _WEIGHTS},
    "Weighted": {"method": "Weighted", "weights": _WEIGHTS},
    "SeedV1": {"method": "SeedV1"},
    "StreamSeed": {"method": "StreamSeed", "velocityFeature": "card_count_60s"},
}
"""One ``fusion:`` block of each method."""


def build_profile(block: dict[str, Any]) -> FusionProfile:
    return parse_fusion(locate(block, "fusion"))


PROFILES = {method: build_profile(block) for method, block in BLOCKS.items()}


def build_signal(name: str, score: float | None = None, **changes: Any) -> Signal:
    """A signal that is ok where it has a score, and absent where it has none."""
    status: SignalStatus = "absent" if score is None else "ok"
    return replace(Signal(name, KINDS[name], status, score), **changes)


def build_hit(rule_id: str, **effect: Any) -> RuleHit:
    values: dict[str, Any] = {"outcome": None, "points": 0.0, "floor": None, "cap": None} | effect
    return RuleHit(rule_id, rule_id, "fraud", text=f"Rule {rule_id} hit.", **values)


@dataclass(frozen=True, slots=True)
class Case:
    """What one call of `fuse` gets."""

    profile: FusionProfile
    policy: FailurePolicy
    signals: tuple[Signal, ...]
    hits: tuple[RuleHit, ...]


def draw_profile(random: Random) -> FusionProfile:
    return build_profile(_draw_block(random))


def draw_case(random: Random, profile: FusionProfile) -> Case:
    """Draw signals and hits, with values at the edges more often than chance has them."""
    names = random.sample(sorted(KINDS), random.randrange(len(KINDS) + 1))
    signals = tuple(_draw_signal(random, name) for name in names)
    hits = tuple(_draw_hit(random, f"rule-{i}") for i in range(random.choice((0, 0, 1, 2, 5))))
    policy: FailurePolicy = random.choice(("Open", "Review", "Closed"))
    return Case(profile, policy, signals, hits)


def draw_hit_without_cap(random: Random) -> RuleHit:
    return replace(_draw_hit(random, f"added-{random.randrange(9)}"), cap=None)


def draw_score(random: Random) -> float:
    return random.choice((0.0, 1.0, 0.5, 1e-12, 1e-300, random.random(), random.random()))


def _draw_block(random: Random) -> dict[str, Any]:
    block = dict(BLOCKS[random.choice(sorted(BLOCKS))])
    if "weights" in block:
        lowest = 0.001 if block["method"] == "Weighted" else 0.0
        block["weights"] = {n: max(lowest, draw_score(random)) for n in _WEIGHTS}
        bounds = sorted({0.0, *(float(random.randrange(1, 101)) for _ in range(3))})
        names = itertools.islice(("LOW", "MEDIUM", "HIGH", "CRITICAL"), len(bounds))
        block["levels"] = dict(zip(names, bounds, strict=True))
    if block["method"] == "StreamSeed":
        block["scoreThreshold"] = random.choice((0.5, 0.55, 0.07, 0.29))
        block["velocityThreshold"] = random.randrange(1, 7)
    else:
        review, bound = sorted(random.randrange(1, 101) for _ in range(2))
        block["outcomes"] = {"review": review, "block": bound}
    return block


def _draw_signal(random: Random, name: str) -> Signal:
    kind = KINDS[name]
    status: SignalStatus = random.choice(("ok", "ok", "ok", "absent", "late", "failed"))
    has_score = status == "ok" or (kind == "model" and status != "absent" and random.random() < 0.3)
    score = draw_score(random) if has_score else None
    weights = [random.choice((-1.0, 0.0, 0.5, 2.0)) for _ in range(random.randrange(4))]
    reasons = tuple(Reason(f"{name}:{i}", f"Reason {i}.", w) for i, w in enumerate(weights))
    raw = float(random.randrange(13)) if kind == "velocity" and score is not None else None
    cap = float(random.randrange(101)) if kind == "lists" and random.random() < 0.3 else None
    is_closed = kind == "model" and score is None and random.random() < 0.2
    hard: Outcome | None = random.choice(("review", "block")) if is_closed else None
    return Signal(name, kind, status, score, reasons if has_score else (), raw, cap, hard)


def _draw_hit(random: Random, rule_id: str) -> RuleHit:
    return build_hit(
        rule_id,
        points=random.choice((0.0, 5.0, 100.0, 100 * random.random())),
        floor=random.choice((None, None, 0.0, 75.0, 100 * random.random())),
        cap=random.choice((None, None, 20.0, 100 * random.random())),
        outcome=random.choice((None, None, None, "review", "block")),
    )
