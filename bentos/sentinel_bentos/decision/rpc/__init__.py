"""The decision service over gRPC: messages in and out of the same engine as HTTP."""
