"""URIs of artifacts: taken apart, and shown without what must not be seen."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, urlsplit

from sentinel_core.artifacts.refusal import refuse

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
"""The naming rules of Amazon S3 for general purpose buckets."""
_MAX_KEY_BYTES = 1024
"""Longest key of an S3 object."""
_SHOWN_CHARACTERS = 200
_URI_CHARACTERS = "/%:@!$&'()*+,;=~-._"
"""What a path of a URI holds as it is (RFC 3986, 3.3), percent signs of escapes included."""


@dataclass(frozen=True, slots=True)
class WebAddress:
    """The parts of an http or https URI that a request is made of."""

    secure: bool
    host: str
    port: int | None
    target: str


def parse_web_address(uri: str) -> WebAddress:
    """Take an http or https URI apart.

    Raises
    ------
    ArtifactError
        ``UnsupportedStore``: no such URI, or one with a user's name in it, which every log that
        shows the URI would show too. A retry does not help.
    """
    parts = _split(uri)
    if parts is None or parts.hostname is None:
        raise refuse(
            "UnsupportedStore",
            f"{shown(uri)} is not an http or https URI.",
            "Write it as https://HOST/PATH.tar, without a name or password.",
        )
    target = quote(parts.path or "/", safe=_URI_CHARACTERS)
    query = f"?{quote(parts.query, safe=_URI_CHARACTERS + '?')}" if parts.query else ""
    return WebAddress(parts.scheme == "https", parts.hostname, parts.port, target + query)


def parse_object_address(uri: str) -> tuple[str, str]:
    """Take an s3 URI apart into bucket and key.

    Raises
    ------
    ArtifactError
        ``UnsupportedStore``: not the address of one object. A retry does not help.

    Examples
    --------
    >>> parse_object_address("s3://models/card-fraud/12.tar")
    ('models', 'card-fraud/12.tar')
    """
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    # A store that keeps objects as files would walk along ".." and "".
    plain = all(part not in ("", ".", "..") for part in key.split("/")) and key.isprintable()
    known = uri.startswith("s3://") and _BUCKET.fullmatch(bucket)
    if not known or not plain or len(key.encode()) > _MAX_KEY_BYTES:
        raise refuse(
            "UnsupportedStore",
            f"{shown(uri)} does not name an object of an S3 store.",
            "Write it as s3://BUCKET/KEY.tar.",
        )
    return bucket, key


def shown(uri: str) -> str:
    """Write a URI for a message: without user, query and fragment, which may be credentials.

    Examples
    --------
    >>> shown("https://reader:secret@models.example/12.tar?X-Amz-Signature=5f")
    'https://models.example/12.tar'
    """
    scheme, mark, rest = uri.partition("://")
    if not mark:
        return uri[:_SHOWN_CHARACTERS]
    rest = re.split(r"[?#]", rest, maxsplit=1)[0] if scheme != "s3" else rest
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"[:_SHOWN_CHARACTERS]


def _split(uri: str) -> SplitResult | None:
    """Split an http or https URI; None where it is none that can be asked for."""
    try:
        parts = urlsplit(uri)
        (parts.hostname or "").encode("idna")
        port_is_one = parts.port is None or parts.port > 0
    except ValueError:  # brackets, ports and names that are none
        return None
    if parts.scheme not in ("http", "https") or "@" in parts.netloc or not port_is_one:
        return None
    return parts
