"""Signals: what models, curves and lists make of an event."""
