"""Who calls: API keys from a file, each with a tenant and a role.

A file holds the SHA-256 of each key and never the key. Keys are drawn by machines and long, so that a
plain digest is enough: there is nothing to guess that a slow hash would protect.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sentinel_core.errors import ConfigurationError, ForbiddenError, UnauthenticatedError
from sentinel_core.located import load_yaml, parse_model

Role = Literal["viewer", "analyst", "lead", "admin", "service"]

LOCAL_TENANT = "default"
LOCAL_HOSTS = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request, and for whom it may act.

    Attributes
    ----------
    name : of the key; the author of what the request writes
    """

    name: str
    tenant: str
    role: Role


class Callers(Protocol):
    """Tells who sent a request."""

    def identify(self, headers: Mapping[str, str]) -> Caller:
        """Return the caller that the headers prove; their names are in lower case, or do not care.

        Raises
        ------
        UnauthenticatedError
            There is no credential, or it is not known. Retryable: no.
        ForbiddenError
            The request came to a host name that is not ours. Retryable: no.
        """
        ...


class _Key(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[!-~]+$")]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    tenant: Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")] = LOCAL_TENANT
    role: Role


class _KeyFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    keys: Annotated[tuple[_Key, ...], Field(min_length=1, max_length=1000)]

    @model_validator(mode="after")
    def _keys_differ(self) -> _KeyFile:
        names, digests = [k.name for k in self.keys], [k.sha256 for k in self.keys]
        for twice in (names, digests):
            if len(set(twice)) != len(twice):
                message = "two keys have the same name or the same digest"
                raise ValueError(message)
        return self


class KeyedCallers:
    """Callers that prove themselves with ``X-API-Key`` or ``Authorization: Bearer``."""

    def __init__(self, keys: tuple[tuple[bytes, Caller], ...]) -> None:
        self._keys = keys

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the keys."""
        return tuple(caller.name for _, caller in self._keys)

    def identify(self, headers: Mapping[str, str]) -> Caller:
        """Return the caller whose key the request carries. Raises as `Callers` says."""
        presented = headers.get("x-api-key") or _bearer(headers.get("authorization", ""))
        if not presented:
            raise _unknown("is missing")
        digest = hashlib.sha256(presented.encode()).digest()
        found: Caller | None = None
        for known, caller in self._keys:
            # No early end: how long it takes must not tell which key was near.
            if hmac.compare_digest(known, digest):
                found = caller
        if found is None:
            raise _unknown("is not known")
        return found


class LocalCallers:
    """Callers of a server that only this machine can reach: all are its owner."""

    def identify(self, headers: Mapping[str, str]) -> Caller:
        """Return the owner, unless a web page of another site is behind the request.

        A page may point its own host name at 127.0.0.1 and so make a browser send requests here
        (DNS rebinding); the Host header then still names the page's host.
        """
        host = headers.get("host", "").rsplit(":", 1)[0]
        if host not in LOCAL_HOSTS and headers.get("host", "") not in LOCAL_HOSTS:
            raise ForbiddenError(
                "A server without API keys answers to the names of this machine only.",
                user_action=f"Call it as one of {', '.join(LOCAL_HOSTS)}.",
            )
        return Caller("local", LOCAL_TENANT, "admin")


def load_keys(path: Path) -> KeyedCallers:
    """Read a key file: YAML with the one key ``keys``, a list of name, sha256, tenant and role.

    The digest of a key is what ``printf %s KEY | sha256sum`` prints.

    Raises
    ------
    ConfigurationError
        The file cannot be read. Retryable: no.
    InvalidDocumentError
        The file is no key file. Retryable: no.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"The key file {path} cannot be read: {error}.",
            user_action="Name a readable file in UTF-8.",
        ) from error
    keys = parse_model(load_yaml(text, str(path)), _KeyFile).keys
    return KeyedCallers(
        tuple((bytes.fromhex(k.sha256), Caller(k.name, k.tenant, k.role)) for k in keys)
    )


def _bearer(authorization: str) -> str:
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _unknown(what: str) -> UnauthenticatedError:
    return UnauthenticatedError(
        f"The API key {what}.",
        user_action="Send a key of this server in X-API-Key or as Authorization: Bearer.",
    )
