"""What goes wrong around the servers that tests use."""

from __future__ import annotations

from sentinel_core.errors import SentinelError


class HarnessError(SentinelError):
    """A server for tests could not be built, started or stopped. Retryable: once its cause is gone."""

    code = "test_harness"
