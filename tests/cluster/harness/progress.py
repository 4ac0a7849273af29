"""One line for each step, with the seconds since the first."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Progress:
    """Says what is being done."""

    started: float = field(default_factory=time.monotonic)

    def __call__(self, step: str) -> None:
        """Print a step that begins now."""
        print(f"{time.monotonic() - self.started:6.1f} s  {step}", flush=True)
