"""The settings of a decision server's process, read once from its environment."""

from __future__ import annotations

import ipaddress
from pathlib import Path

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from sentinel_core.errors import ConfigurationError

PREFIX = "SENTINEL_"


class Settings(BaseSettings):
    """What the environment says, each name with ``SENTINEL_`` in front."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    release_dir: Path
    """Folder that holds the stable release, the candidate and the split."""
    state_dir: Path
    """Folder of the record and the kept artifacts; one process at a time may use it."""
    history: Path | None = None
    """File of events and labels from before this server, which fills the entity logs."""
    api_keys_file: Path | None = None
    """File with the digests of API keys; without it the server must listen on loopback."""
    host: str = "127.0.0.1"
    """Address that the public server listens on."""
    http_port: int = Field(3000, ge=1, le=65_535)
    """Port of the public server."""
    budget_ms: int | None = Field(None, ge=1, le=60_000)
    """Milliseconds for one decision, its commit included; unset takes the release's."""
    batch_budget_ms: int = Field(10_000, ge=1, le=600_000)
    """Milliseconds for a whole batch. 1,000 events take about a second on two cores."""
    feedback_budget_ms: int = Field(2_000, ge=1, le=60_000)
    """Milliseconds until a verdict is recorded. People wait for it, not payments."""

    @field_validator("host")
    @classmethod
    def _is_an_address(cls, host: str) -> str:
        return str(ipaddress.ip_address(host))

    @property
    def on_loopback(self) -> bool:
        """Whether only programs of this machine can reach the public server."""
        return ipaddress.ip_address(self.host).is_loopback


def load_settings() -> Settings:
    """Read the settings from the environment.

    Raises
    ------
    ConfigurationError
        One or more are missing or wrong. Retryable: no.
    """
    try:
        return Settings()
    except ValidationError as error:
        faults = [
            f"{PREFIX}{'_'.join(str(part) for part in fault['loc']).upper()}: {fault['msg']}"
            for fault in error.errors(include_url=False, include_input=False)
        ]
        raise ConfigurationError(
            f"The settings are not usable: {'; '.join(faults)}.",
            user_action="Correct these environment variables and start again.",
        ) from error
