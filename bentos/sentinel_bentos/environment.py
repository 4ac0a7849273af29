"""The settings that every server's process has, and how they are read."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import TypeVar

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from sentinel_core.errors import ConfigurationError

PREFIX = "SENTINEL_"

DRAIN_SECONDS = 10
"""For answers that are under way when the process is told to stop; a batch takes about one second."""

Chosen = TypeVar("Chosen", bound="ServerSettings")


class ServerSettings(BaseSettings):
    """What the environment says, each name with ``SENTINEL_`` in front."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    release_dir: Path
    """Folder that says what is to be served; in a cluster a mounted ConfigMap."""
    state_dir: Path
    """Folder of what the server keeps; one process at a time may use it."""
    stores_dir: Path | None = None
    """Folder with a folder for each artifact store: its address and credentials."""
    host: str = "127.0.0.1"
    """Address that the public server listens on."""
    http_port: int = Field(3000, ge=1, le=65_535)
    """Port of the public server."""
    grpc_port: int = Field(3001, ge=1, le=65_535)
    """Port of the public server over gRPC."""
    drain_seconds: int = Field(DRAIN_SECONDS, ge=1, le=600)
    """Seconds that answers which are under way get when the process is told to stop."""

    supervisor_pid: int | None = Field(None, ge=1)
    """Of the process that started the server and stops it, with which it ends; unset, nobody does."""

    @field_validator("host")
    @classmethod
    def _is_an_address(cls, host: str) -> str:
        return str(ipaddress.ip_address(host))


def read_environment(settings: type[Chosen]) -> Chosen:
    """Read settings from the environment.

    Raises
    ------
    ConfigurationError
        One or more are missing or wrong. Retryable: no.
    """
    try:
        return settings()
    except ValidationError as error:
        faults = [
            f"{PREFIX}{'_'.join(str(part) for part in fault['loc']).upper()}: {fault['msg']}"
            for fault in error.errors(include_url=False, include_input=False)
        ]
        raise ConfigurationError(
            f"The settings are not usable: {'; '.join(faults)}.",
            user_action="Correct these environment variables and start again.",
        ) from error
