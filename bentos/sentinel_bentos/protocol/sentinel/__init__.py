"""The folders below are those of the protobuf package ``sentinel.v1``."""
