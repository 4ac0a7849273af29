"""Prefect flows: wiring, and no logic."""
