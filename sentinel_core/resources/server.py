"""A server: the pods that answer for a model or a pipeline."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from sentinel_core.resources.autoscaling import MAX_REPLICAS, Autoscaling
from sentinel_core.resources.cross_field import CrossField
from sentinel_core.resources.metadata import BY_NAME, Declaration, UniqueNames
from sentinel_core.resources.network import NetworkPolicy
from sentinel_core.resources.quantity import Quantity, read_quantity

MAX_ENV = 64
MAX_OTHER_ARTIFACTS = 64
"""That a model's server has beside its default one, for releases that call them. The operator assigns
no more and servers take no more. With the longest URIs and keys, 6.5 KiB each, they fit the 1 MiB of a
ConfigMap."""

OWN_ENV = (
    "BENTOML_HOME", "HOME", "SENTINEL_API_KEYS_FILE", "SENTINEL_DRAIN_SECONDS", "SENTINEL_GRPC_PORT",
    "SENTINEL_HOST", "SENTINEL_HTTP_PORT", "SENTINEL_MODEL_NAME", "SENTINEL_PUBLIC_KEY",
    "SENTINEL_RELEASE_DIR", "SENTINEL_STATE_DIR", "SENTINEL_STORES_DIR",
)  # fmt: skip
"""Variables that say where a pod finds what the operator gives it."""


class EnvVar(Declaration):
    """A variable of a server's environment."""

    cross_field: ClassVar[tuple[CrossField, ...]] = (
        CrossField(
            field="name",
            message="the variable is set by the operator; leave it out",
            cel=f"!(self.name in [{', '.join(repr(name) for name in OWN_ENV)}])",
            holds=lambda variable: variable.name not in OWN_ENV,
        ),
    )

    name: str = Field(
        max_length=128,
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        description="Name of the variable: letters, digits and _, no digit first.",
        examples=["OMP_NUM_THREADS"],
    )
    value: str = Field("", max_length=4096, description="Its value. A secret does not belong here.")


class ResourceList(Declaration):
    """Amounts of what a node has."""

    cpu: Quantity | None = Field(
        None, description="CPUs: 1 is a whole one, 250m a quarter.", examples=["250m"]
    )
    memory: Quantity | None = Field(
        None, description="Bytes of memory, with Mi or Gi.", examples=["512Mi"]
    )
    ephemeral_storage: Quantity | None = Field(
        None,
        alias="ephemeral-storage",
        description="Bytes on the node's disk, with Mi or Gi.",
        examples=["1Gi"],
    )


def _within_its_limit(name: str, label: str) -> CrossField:
    def holds(resources: Resources) -> bool:
        asked, most = getattr(resources.requests, name), getattr(resources.limits, name)
        return asked is None or most is None or read_quantity(asked) <= read_quantity(most)

    asked, most = (
        f"self.{part}.{label.replace('-', '__dash__')}" for part in ("requests", "limits")
    )
    return CrossField(
        field=f"requests.{label}",
        message=f"requests.{label} is above limits.{label}; lower the one or raise the other",
        cel=f"!has({asked}) || !has({most}) || "
        f"quantity(string({asked})).compareTo(quantity(string({most}))) <= 0",
        holds=holds,
    )


class Resources(Declaration):
    """What each pod asks for and may use."""

    cross_field: ClassVar[tuple[CrossField, ...]] = (
        _within_its_limit("cpu", "cpu"),
        _within_its_limit("memory", "memory"),
        _within_its_limit("ephemeral_storage", "ephemeral-storage"),
    )

    # A small model with its server takes 180 MiB and a tenth of a CPU when idle.
    requests: ResourceList = Field(
        ResourceList.model_construct(cpu="250m", memory="256Mi", ephemeral_storage=None),
        description="What the scheduler reserves for a pod.",
    )
    limits: ResourceList = Field(
        ResourceList.model_construct(cpu=None, memory="1Gi", ephemeral_storage=None),
        description="What a pod may use at most; above its memory it is killed (OOMKilled).",
    )


class Server(Declaration):
    """The pods that answer, and how they run."""

    cross_field: ClassVar[tuple[CrossField, ...]] = (
        CrossField(
            field="replicas",
            message="replicas and autoscaling exclude each other: load decides how many replicas an "
            "autoscaled server has; remove one of them",
            cel="!has(self.replicas) || !has(self.autoscaling)",
            holds=lambda server: server.replicas is None or server.autoscaling is None,
        ),
        CrossField(
            field="autoscaling",
            message="autoscaling compares with the CPU that is requested; write resources.requests.cpu",
            cel="!has(self.autoscaling) || has(self.resources.requests.cpu)",
            holds=lambda server: (
                server.autoscaling is None or server.resources.requests.cpu is not None
            ),
        ),
    )

    image: str = Field(
        "",
        max_length=512,
        pattern=r"^([a-z0-9]\S*)?$",
        description="Image of the server; empty takes the one that the operator was installed with.",
        examples=["registry.example.com/sentinel-bento:1.2.0"],
    )
    replicas: Annotated[int, Field(ge=1, le=MAX_REPLICAS)] | None = Field(
        None, description="Number of pods; absent means 1, or what autoscaling decides."
    )
    autoscaling: Autoscaling | None = Field(
        None, description="Replicas by load; not together with replicas."
    )
    resources: Resources = Field(
        Resources.model_validate({}), description="CPU and memory of each pod."
    )
    env: Annotated[tuple[EnvVar, ...], Field(strict=False, max_length=MAX_ENV), UniqueNames] = (
        Field((), description="Variables of the server's environment.", json_schema_extra=BY_NAME)
    )
    drain_seconds: int = Field(
        20,
        ge=1,
        le=600,
        description="Seconds that a pod which is told to stop gives the requests it has; what takes "
        "longer is cut off.",
    )
    topology_spread: bool = Field(
        True, description="Whether pods are spread over nodes and zones where there are several."
    )
    network_policy: NetworkPolicy = Field(
        NetworkPolicy.model_validate({}),
        description="Who may reach the server, and whom it may reach.",
    )
