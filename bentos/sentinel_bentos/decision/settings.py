"""The settings of a decision server's process, read once from its environment."""

from __future__ import annotations

import ipaddress
from pathlib import Path

from pydantic import Field

from sentinel_bentos.environment import ServerSettings, read_environment

MAX_BUDGET_MS = 60_000
"""Of one decision, as a pipeline's ``spec.budgetMs`` has it: a release may come with any up to this."""
RESERVE_SECONDS = 5.0
"""For the answer of a call that took its whole budget, on a slow connection."""


class Settings(ServerSettings):
    """What the environment says, each name with ``SENTINEL_`` in front.

    ``release_dir`` holds the stable release, the candidate and the split; ``state_dir`` the record and
    the kept artifacts.
    """

    history: Path | None = None
    """File of events and labels from before this server, which fills the entity logs."""
    api_keys_file: Path | None = None
    """File with the digests of API keys; without it the server must listen on loopback."""
    budget_ms: int | None = Field(None, ge=1, le=MAX_BUDGET_MS)
    """Milliseconds for one decision, its commit included; unset takes the release's."""
    batch_budget_ms: int = Field(10_000, ge=1, le=600_000)
    """Milliseconds for a whole batch. 1,000 events take about a second on two cores."""
    feedback_budget_ms: int = Field(2_000, ge=1, le=60_000)
    """Milliseconds until a verdict is recorded. People wait for it, not payments."""

    @property
    def on_loopback(self) -> bool:
        """Whether only programs of this machine can reach the public server."""
        return ipaddress.ip_address(self.host).is_loopback

    @property
    def longest_call_seconds(self) -> float:
        """The longest that any call is promised, whatever release comes, with time for its answer."""
        budgets = (self.batch_budget_ms, self.feedback_budget_ms, self.budget_ms or MAX_BUDGET_MS)
        return max(budgets) / 1000 + RESERVE_SECONDS


def load_settings() -> Settings:
    """Read the settings from the environment.

    Raises
    ------
    ConfigurationError
        One or more are missing or wrong. Retryable: no.
    """
    return read_environment(Settings)
