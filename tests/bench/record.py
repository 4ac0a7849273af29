"""What a bench hands back, and the JSON file and table that it becomes."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[2]
PIPED_WIDTH = 120
"""Columns of a table that goes to a file, where no terminal says how wide it is."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A bound that a figure must keep: at most, or at least, as its name says."""

    actual: float
    bound: float
    kind: str = "at most"

    @property
    def holds(self) -> bool:
        return self.actual >= self.bound if self.kind == "at least" else self.actual <= self.bound


@dataclass(frozen=True, slots=True)
class Measured:
    """What a bench found.

    Attributes
    ----------
    figures : numbers by name, nested as it reads best; units stand in the names
    limits : bounds that are stated for this bench; a missed one fails the run
    ratios : our figure over that of a peer, or over the limit, taken in the same run
    """

    figures: dict[str, Any]
    limits: dict[str, Limit] = field(default_factory=dict)
    ratios: dict[str, float] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        return all(limit.holds for limit in self.limits.values())


def write_record(
    folder: Path, name: str, measured: Measured, load_before: tuple[float, ...]
) -> Path:
    """Write the figures with the commit and the machine that they are from."""
    record = {
        "name": name,
        "commit": _commit(),
        "machine": _machine(),
        "load_before": [round(load, 2) for load in load_before],
        "figures": measured.figures,
        "limits": {
            name: asdict(limit) | {"holds": limit.holds} for name, limit in measured.limits.items()
        },
        "ratios": {name: round(ratio, 3) for name, ratio in measured.ratios.items()},
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return path


def print_record(name: str, measured: Measured, load_before: tuple[float, ...]) -> None:
    """Print the figures, one a line, then ratios and limits."""
    table = Table(title=f"{name} (load {load_before[0]:.2f} before)", title_justify="left")
    table.add_column("figure")
    table.add_column("value", justify="right")
    table.add_column("limit")
    for path, value in flatten(measured.figures):
        table.add_row(path, _shown(value), "")
    for ratio, value in measured.ratios.items():
        table.add_row(f"ratio {ratio}", _shown(round(value, 3)), "")
    for limit_name, limit in measured.limits.items():
        verdict = "" if limit.holds else "  MISSED"
        bound = f"{limit.kind} {_shown(limit.bound)}{verdict}"
        table.add_row(limit_name, _shown(limit.actual), bound, style=None if limit.holds else "red")
    console = Console()
    (console if console.is_terminal else Console(width=PIPED_WIDTH)).print(table)


def flatten(figures: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """List nested figures by dotted path."""
    rows: list[tuple[str, Any]] = []
    for name, value in figures.items():
        if isinstance(value, dict):
            rows += flatten(value, f"{prefix}{name}.")
        else:
            rows.append((f"{prefix}{name}", value))
    return rows


def _shown(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def _commit() -> str:
    """Name the commit, with ``-dirty`` where the checkout differs from it."""
    done = subprocess.run(
        ["git", "describe", "--always", "--abbrev=40", "--match=", "--dirty"],
        capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    return done.stdout.strip()


def _machine() -> dict[str, Any]:
    return {"cpu": _cpu(), "cores": os.cpu_count(), "python": platform.python_version()}


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
