"""Prefect tasks: the reading and writing around the steps, each keyed by content and safe to repeat."""
