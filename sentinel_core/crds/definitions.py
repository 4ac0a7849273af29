"""Both CustomResourceDefinitions, as plain objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sentinel_core.crds.blocks import (
    PIPELINE_RULES,
    fusion_schema,
    inline_features_schema,
    signals_schema,
)
from sentinel_core.crds.structural import Schema, structural_schema
from sentinel_core.resources.cross_field import CEL_RULES
from sentinel_core.resources.metadata import API_VERSION
from sentinel_core.resources.model import SentinelModel
from sentinel_core.resources.pipeline import SentinelPipeline
from sentinel_core.resources.status import (
    ResourceStatus,
    SentinelModelStatus,
    SentinelPipelineStatus,
)

GROUP, VERSION = API_VERSION.split("/")
CATEGORY: Final = "sentinel"
"""``kubectl get sentinel`` lists both kinds."""

Column = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of resource as the API server gets to know it.

    Attributes
    ----------
    declared : the class of what is declared
    status : the class of its status
    columns : what ``kubectl get`` shows
    """

    declared: type[SentinelModel] | type[SentinelPipeline]
    status: type[ResourceStatus]
    short_name: str
    columns: tuple[Column, ...]

    @property
    def name(self) -> str:
        """The kind, such as SentinelModel."""
        return self.declared.__name__

    @property
    def plural(self) -> str:
        """The name in URLs and in ``kubectl get``."""
        return f"{self.name.lower()}s"


def _column(name: str, path: str, *, of: str = "string", wide: bool = False) -> Column:
    column: Column = {"name": name, "type": of, "jsonPath": path}
    return column | ({"priority": 1} if wide else {})


def _of_ready(field: str) -> str:
    return f'.status.conditions[?(@.type=="Ready")].{field}'


_STATE = (_column("Ready", _of_ready("status")), _column("Phase", ".status.phase"))
_REST = (
    _column("Replicas", ".status.replicas", of="integer"),
    _column("Reason", _of_ready("reason")),
    _column("Age", ".metadata.creationTimestamp", of="date"),
)
KINDS: Final = (
    Kind(
        SentinelModel,
        SentinelModelStatus,
        "smodel",
        (
            *_STATE,
            _column("Revision", ".status.artifact.revision", of="integer"),
            *_REST,
            _column("Artifact", ".status.artifact.digest", wide=True),
        ),
    ),
    # Digests are 71 characters long: the revisions, which count them, take their place.
    Kind(
        SentinelPipeline,
        SentinelPipelineStatus,
        "spipe",
        (
            *_STATE,
            _column("Stable", ".status.stable.revision", of="integer"),
            _column("Candidate", ".status.candidate.revision", of="integer"),
            _column("Percent", ".status.candidate.percent", of="number"),
            *_REST,
            _column("Release", ".status.stable.digest", wide=True),
        ),
    ),
)


def build_definition(kind: Kind) -> Mapping[str, Any]:
    """Return the CustomResourceDefinition of a kind."""
    version = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": resource_schema(kind)},
        "subresources": {
            "status": {},
            "scale": {
                "specReplicasPath": ".spec.server.replicas",
                "statusReplicasPath": ".status.replicas",
                "labelSelectorPath": ".status.selector",
            },
        },
        "additionalPrinterColumns": list(kind.columns),
    }
    names = {
        "kind": kind.name,
        "listKind": f"{kind.name}List",
        "plural": kind.plural,
        "singular": kind.name.lower(),
        "shortNames": [kind.short_name],
        "categories": [CATEGORY],
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{GROUP}"},
        "spec": {"group": GROUP, "names": names, "scope": "Namespaced", "versions": [version]},
    }


def resource_schema(kind: Kind) -> Schema:
    """Return the schema of a whole resource: what is declared, and its status."""
    schema = structural_schema(kind.declared)
    properties = schema["properties"]
    for name in ("apiVersion", "kind"):
        properties[name] = {key: properties[name][key] for key in ("description", "type")}
    properties["metadata"] = _metadata_schema(properties["metadata"])
    if kind.declared is SentinelPipeline:
        _splice_blocks(properties["spec"])
    status = structural_schema(kind.status) | {"description": f"The state of the {kind.name}."}
    return schema | {"properties": properties | {"status": status}, "required": ["spec"]}


def _metadata_schema(metadata: Schema) -> Schema:
    """Return what a CustomResourceDefinition may say of metadata: something about the name."""
    return {"type": "object", "properties": {"name": metadata["properties"]["name"]}}


def _splice_blocks(spec: Schema) -> None:
    """Put the schemas of their own rooms where the resource has plain mappings."""
    properties = spec["properties"]
    features = properties["features"]["properties"]
    features["inline"] = inline_features_schema(features["inline"]["description"])
    properties["signals"] = signals_schema(properties["signals"]["description"])
    properties["fusion"] = fusion_schema(properties["fusion"]["description"])
    spec[CEL_RULES] = [*spec.get(CEL_RULES, ()), *(rule.as_cel() for rule in PIPELINE_RULES)]
