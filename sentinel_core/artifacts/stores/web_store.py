"""Artifacts on a web server: a tar by an http or https URI."""

from __future__ import annotations

from pathlib import Path

from sentinel_core.artifacts.contents import Limits
from sentinel_core.artifacts.stores.address import parse_web_address, shown
from sentinel_core.artifacts.stores.budget import Budget
from sentinel_core.artifacts.stores.config import StoreConfig
from sentinel_core.artifacts.stores.download import download
from sentinel_core.artifacts.stores.exchange import Request


class WebStore:
    """A server that answers GET with a tar.

    Parameters
    ----------
    config : StoreConfig
        Of which the authorities are used; keys are for S3 stores and are never sent.
    scratch : Path or None
        The folder for the tar on its way; None takes that of the system.
    """

    def __init__(self, config: StoreConfig, budget: Budget, scratch: Path | None = None) -> None:
        self._config = config
        self._budget = budget
        self._scratch = scratch

    def read(self, uri: str, limits: Limits) -> dict[str, bytes]:
        """Fetch the tar and read it, as `ArtifactStore` has it."""
        address = parse_web_address(uri)
        request = Request(address, shown(uri), ca_pem=self._config.ca_pem)
        return download(lambda: request, limits, self._budget, self._scratch)
