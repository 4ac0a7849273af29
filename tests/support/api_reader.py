"""Reading from an API server in a few milliseconds, as often as waiting asks for it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kubernetes.client import ApiClient


class ApiReader:
    """Reads JSON by path. kubectl would be a process for each of the many looks of a wait."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client

    def find(self, path: str, selector: str = "") -> dict[str, Any] | None:
        """Return what is at a path, such as a list by its labels; None where there is nothing."""
        query = f"?labelSelector={selector}" if selector else ""
        url = f"{self._client.configuration.host}{path}{query}"
        answer = self._client.call_api("GET", url, header_params={"Accept": "application/json"})
        body: dict[str, Any] = json.loads(answer.read())
        if answer.status == 404:
            return None
        assert answer.status == 200, body
        return body
