"""The decision engine: decide, record, replay, rebuild."""
