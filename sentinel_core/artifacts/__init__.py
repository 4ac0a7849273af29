"""Model artifacts: signed folders of plain files, checked before anything in them is loaded.

Imports nothing: `manifest`, `calibration`, `sign`, `read` and `fetch` need the base dependencies only,
the other modules the extra ``engine``.
"""
