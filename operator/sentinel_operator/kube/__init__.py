"""The only rooms that talk to the API server, and to the pods."""
