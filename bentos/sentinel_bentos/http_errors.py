"""Refusals that only an HTTP server knows."""

from __future__ import annotations

from sentinel_core.errors import SentinelError


class UnsupportedMediaTypeError(SentinelError):
    """The body is in a form that the path does not take. Retryable: no."""

    code = "unsupported_media_type"


class MethodNotAllowedError(SentinelError):
    """The path exists, but not with this method. Retryable: no."""

    code = "method_not_allowed"
