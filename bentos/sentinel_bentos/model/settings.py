"""The settings of a model server's process, read once from its environment."""

from __future__ import annotations

from pydantic import Field

from sentinel_bentos.environment import ServerSettings, read_environment


class Settings(ServerSettings):
    """What the environment says, each name with ``SENTINEL_`` in front.

    ``release_dir`` holds artifacts.json; ``state_dir`` the kept artifacts.
    """

    model_name: str = Field(pattern=r"^[a-z]([-a-z0-9]*[a-z0-9])?$", max_length=63)
    """Name of the SentinelModel, by which clients ask for it."""


def load_settings() -> Settings:
    """Read the settings from the environment.

    Raises
    ------
    ConfigurationError
        One or more are missing or wrong. Retryable: no.
    """
    return read_environment(Settings)
