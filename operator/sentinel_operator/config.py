"""What the operator process is told from outside."""

from __future__ import annotations

import socket
from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class Settings(BaseSettings):
    """Read once at start, from environment variables that begin with ``SENTINEL_``."""

    model_config = SettingsConfigDict(env_prefix="SENTINEL_", frozen=True)

    namespace: str = Field("default", description="The operator's own, where its Lease lies.")
    pod_name: str = Field(
        default_factory=socket.gethostname, description="Begins the identity in the Lease."
    )
    watch_namespaces: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Whose resources are reconciled, separated by commas; empty means all."
    )
    bento_image: str = Field(
        "sentinel.local/bento:dev", description="Of servers and proof Jobs that name no other."
    )
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    monitor_labels: dict[str, str] = Field(
        {}, description="Of the ServiceMonitors of servers, as a JSON object."
    )
    lease_name: str = "sentinel-operator"
    resync_seconds: float = Field(
        60, gt=0, description="After which every resource is looked at without a change of it."
    )
    recheck_seconds: float = Field(
        300, gt=0, description="After which the watched objects are compared with a list of them."
    )
    workers: int = Field(16, ge=1, le=256, description="Resources that are reconciled at once.")
    api_calls_per_second: float = Field(
        150, gt=0, description="Calls of reconciliations to the API server, over a longer time."
    )
    api_call_seconds: float = Field(
        12, gt=0, description="For one call; longer than the API server waits for a webhook."
    )
    health_port: int = Field(8081, ge=0, le=65535, description="/healthz and /readyz.")
    metrics_port: int = Field(8080, ge=0, le=65535, description="/metrics.")
    listen_host: str = Field("0.0.0.0", description="Where both listen.")  # noqa: S104  # nosec B104 - a pod's ports are for its cluster
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "plain"] = "json"

    @field_validator("watch_namespaces", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(name.strip() for name in value.split(",") if name.strip())
        return value
