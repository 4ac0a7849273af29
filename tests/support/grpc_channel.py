"""What a gRPC channel of a test is opened with."""

from __future__ import annotations

OWN_CONNECTION = (("grpc.use_local_subchannel_pool", 1),)
"""gRPC has channels of one process to one address share a connection: several clients would be one,
which goes to one pod at a time."""
