"""Artifacts in an S3 store: a tar by bucket and key.

Requests are signed by botocore and sent by our own exchange. A client of botocore would bring its
session along, which reads the environment, files in the home folder and a metadata service, and has
no deadline for a whole call.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import quote

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from sentinel_core.artifacts.contents import Limits
from sentinel_core.artifacts.refusal import refuse
from sentinel_core.artifacts.stores.address import parse_object_address, parse_web_address, shown
from sentinel_core.artifacts.stores.answers import OK, refused_by
from sentinel_core.artifacts.stores.budget import Budget, Deadline, within
from sentinel_core.artifacts.stores.config import ENDPOINT, StoreConfig, misconfigured
from sentinel_core.artifacts.stores.download import download
from sentinel_core.artifacts.stores.exchange import Request, exchange
from sentinel_core.errors import ArtifactError

_TAKEN: Final = (409, 412)
"""What S3 answers to a conditional PUT: a key that is being written, and one that is there."""


class S3Store:
    """A store that speaks the S3 protocol, addressed by paths (``ENDPOINT/BUCKET/KEY``).

    Paths rather than host names, since a store in a cluster has one name and one certificate.

    Parameters
    ----------
    config : StoreConfig
        Needs an endpoint; without keys requests are not signed, which a public bucket takes.
    scratch : Path or None
        The folder for the tar on its way; None takes that of the system.

    Raises
    ------
    ArtifactError
        ``StoreMisconfigured``: there is no endpoint; ``SecretNotFound``: there are no settings at
        all. A retry does not help.
    """

    def __init__(self, config: StoreConfig, budget: Budget, scratch: Path | None = None) -> None:
        if config.endpoint is None:
            raise _no_endpoint(config)
        self._config = config
        self._endpoint = config.endpoint.rstrip("/")
        self._budget = budget
        self._scratch = scratch

    def read(self, uri: str, limits: Limits) -> dict[str, bytes]:
        """Fetch the tar and read it, as `ArtifactStore` has it."""
        parse_object_address(uri)
        return download(lambda: self._request(uri), limits, self._budget, self._scratch)

    def create(self, uri: str, data: bytes) -> bool:
        """Write an object where there is none.

        Returns
        -------
        bool
            False where something is there already, which stays as it is. That may be what an
            earlier attempt wrote whose answer was lost.

        Raises
        ------
        ArtifactError
            ``ArtifactMissing`` (no such bucket), ``StoreDenied``, ``StoreUntrusted``,
            ``StoreMisconfigured``, ``UnsupportedStore``. A retry helps only for
            ``StoreUnreachable``.
        """
        parse_object_address(uri)

        def attempt(deadline: Deadline) -> bool:
            request = self._request(uri, "PUT", {"If-None-Match": "*"}, data)
            with exchange(request, self._budget, deadline) as answer:
                if answer.status not in (OK, *_TAKEN):
                    raise refused_by(answer, shown(uri))
                return answer.status == OK

        return within(self._budget, attempt)

    def _request(
        self,
        uri: str,
        method: str = "GET",
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
    ) -> Request:
        bucket, key = parse_object_address(uri)
        url = f"{self._endpoint}/{quote(f'{bucket}/{key}', safe='/-._~')}"
        config = self._config
        unsigned = AWSRequest(method=method, url=url, headers=headers or {}, data=body)
        if config.access_key_id is not None:
            keys = Credentials(config.access_key_id, config.secret_access_key)
            S3SigV4Auth(keys, "s3", config.region).add_auth(unsigned)
        return Request(
            parse_web_address(url),
            shown(uri),
            method,
            dict(unsigned.headers.items()),
            body,
            config.ca_pem,
        )


def _no_endpoint(config: StoreConfig) -> ArtifactError:
    if not config.where:
        return misconfigured(
            "An s3:// URI needs a store, and none is named.",
            "In a cluster name it with storeSecretRef; elsewhere with --store, or fetch the artifact "
            "into a folder and name that.",
        )
    # The kubelet's own link and folder are there even where the Secret is not.
    if all(path.name.startswith("..") for path in Path(config.where).iterdir()):
        return refuse(
            "SecretNotFound",
            f"The folder {config.where} is empty: in a cluster, there is no Secret of that name.",
            "Create the Secret that storeSecretRef names, or write the settings into the folder.",
        )
    return misconfigured(
        f"The store in {config.where} has no {ENDPOINT}, which an s3:// URI needs.",
        f"Write https://HOST or https://HOST:PORT into the file {ENDPOINT}.",
    )
