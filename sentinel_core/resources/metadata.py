"""What every manifest document has in common: strict fields, names, and references."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Protocol, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, model_validator
from pydantic.alias_generators import to_camel

from sentinel_core.resources.cross_field import CEL_RULES, CrossField

API_VERSION = "sentinel.dev/v1alpha1"
DEFAULT_NAMESPACE = "default"
"""Where a document without a namespace belongs on a laptop, as with a fresh kubectl context."""
INPUT_LABEL = "sentinel.dev/input"
"""Label, with the value ``true``, of every ConfigMap that a resource reads: it is watched by it."""
KIND_LABEL = "sentinel.dev/kind"
RESOURCE_LABEL = "sentinel.dev/resource"
"""Labels that say which resource an object was made for; its pods carry both, too."""

ResourceName = Annotated[
    str,
    Field(
        description="Name of the resource: a-z, 0-9 and -, a letter first, at most 40 characters.",
        # A child's Service has at most 63 and appends up to 14 (-decision-pods).
        max_length=40,
        # RFC 1035 labels, which Kubernetes asks of Services.
        pattern=r"^[a-z]([-a-z0-9]*[a-z0-9])?$",
        examples=["card-payments"],
    ),
]
ObjectName = Annotated[
    str,
    Field(
        description="Name of an object: a-z, 0-9, - and ., at most 253 characters.",
        max_length=253,
        # RFC 1123 subdomain, as Kubernetes names most objects.
        pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
        examples=["card-rules"],
    ),
]
Namespace = Annotated[
    str,
    Field(
        description="Namespace that the object belongs to; absent means the current one.",
        max_length=63,
        pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
        examples=["payments"],
    ),
]
DataKey = Annotated[
    str,
    Field(
        description="Key in the ConfigMap's data: letters, digits, ., - and _.",
        min_length=1,
        max_length=253,
        pattern=r"^[-._a-zA-Z0-9]+$",
        examples=["rules.yaml"],
    ),
]
PartName = Annotated[
    str,
    Field(
        description="Name of a part of a pipeline: a-z, 0-9, - and _, a letter first.",
        max_length=63,
        pattern=r"^[a-z]([-_a-z0-9]*[a-z0-9])?$",
        examples=["fraud"],
    ),
]
ListName = Annotated[
    str,
    Field(
        description="Name of a list, as the list itself and rules have it: a-z, 0-9 and -.",
        max_length=63,
        pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
        examples=["known-bad-cards"],
    ),
]
Suspend = Annotated[
    bool,
    Field(
        description="Whether the operator leaves everything as it is: what serves goes on serving, "
        "nothing new is proven or taken up, nothing that was changed is put back."
    ),
]
MetadataMap = Annotated[
    dict[
        Annotated[str, Field(max_length=317)],  # a prefix of 253, a slash and a name of 63
        Annotated[str, Field(max_length=4096)],
    ],
    Field(max_length=64),
]


def _name_cross_field_rules(schema: dict[str, Any], declaration: type[BaseModel]) -> None:
    """Put the rules of a class into its JSON schema, under the name that CRDs have for them."""
    rules: tuple[CrossField, ...] = getattr(declaration, "cross_field", ())
    if rules:
        schema[CEL_RULES] = [rule.as_cel() for rule in rules]


class Declaration(BaseModel):
    """Base of everything written in a manifest.

    Strict, so that a quoted number is a fault and not a guess; closed, so that a misspelt field is a
    fault and not ignored; frozen, since a declaration is what somebody else wrote.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        strict=True,
        frozen=True,
        allow_inf_nan=False,
        json_schema_extra=_name_cross_field_rules,
    )
    cross_field: ClassVar[tuple[CrossField, ...]] = ()
    """Rules between fields, which the CRDs carry too."""

    @model_validator(mode="after")
    def _keep_cross_field_rules(self) -> Self:
        for rule in self.cross_field:
            if rule.holds is not None and not rule.holds(self):
                raise rule.fault()
        return self


class Metadata(Declaration):
    """Name and labels of an object."""

    name: ObjectName
    namespace: Namespace = DEFAULT_NAMESPACE
    labels: MetadataMap = Field({}, description="Labels, by which others select the object.")
    annotations: MetadataMap = Field({}, description="Notes; Sentinel reads none of them.")


class ResourceMetadata(Metadata):
    """Name and labels of one of Sentinel's own resources."""

    name: ResourceName


class ConfigMapKeyRef(Declaration):
    """One text in a ConfigMap of the same namespace."""

    name: ObjectName
    key: DataKey


class Named(Protocol):
    """Something with a name."""

    @property
    def name(self) -> str:
        """The name."""


BY_NAME: dict[str, JsonValue] = {
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["name"],
}
"""How the schema of a list says that its items are told apart by their names."""

Items = TypeVar("Items", bound=tuple[Named, ...])


def _require_unique_names(items: Items) -> Items:
    names = [item.name for item in items]
    for name in names:
        if names.count(name) > 1:
            message = f"the name {name} is there more than once"
            raise ValueError(message)
    return items


UniqueNames = AfterValidator(_require_unique_names)
"""What `BY_NAME` asks of a list, on a laptop."""


class SecretRef(Declaration):
    """A Secret of the same namespace. Pods mount it; the operator cannot read it."""

    name: ObjectName


class TextSource(Declaration):
    """Where a text that is written by hand stands."""

    config_map_ref: ConfigMapKeyRef = Field(
        description="The ConfigMap that holds the text; it carries the label "
        "sentinel.dev/input=true."
    )
