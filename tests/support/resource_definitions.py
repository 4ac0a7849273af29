"""Both kinds of resource at a real API server, and what it says of a document."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kubernetes
from kubernetes.client.exceptions import ApiException

DEFINITIONS = Path(__file__).parents[2] / "manifests" / "crds"
PLURALS = {"SentinelModel": "sentinelmodels", "SentinelPipeline": "sentinelpipelines"}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an API server does not take a document: each fault by its field."""

    message: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ResourceApi:
    """The resources of one namespace."""

    client: kubernetes.client.ApiClient
    namespace: str

    def try_out(self, document: Mapping[str, Any]) -> Refusal | None:
        """Create a document without keeping it, unknown fields refused as kubectl has it."""
        try:
            kubernetes.client.CustomObjectsApi(self.client).create_namespaced_custom_object(
                *document["apiVersion"].split("/"), self.namespace, PLURALS[document["kind"]],
                dict(document), dry_run="All", field_validation="Strict",
            )  # fmt: skip
        except ApiException as error:
            return _refusal(json.loads(error.body))
        return None


def _refusal(status: Mapping[str, Any]) -> Refusal:
    causes = status.get("details", {}).get("causes", ())
    # Strict decoding names its fields in the message alone.
    unknown = re.findall(r'unknown field "([^"]+)"', status["message"])
    fields = (*(cause["field"] for cause in causes if "field" in cause), *unknown)
    return Refusal(status["message"], fields)
