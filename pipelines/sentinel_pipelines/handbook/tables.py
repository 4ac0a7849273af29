"""The stream in the form that Sentinel reads events and labels in, as from any other file."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sentinel_core.clock import DAY_US

CURRENCY = "EUR"
LABEL_DELAY_DAYS = 7
"""A fraud is known this long after the payment (Handbook, chapter 3)."""

_MOMENT = pa.timestamp("us", tz="UTC")


def build_events(stream: pa.Table) -> pa.Table:
    """Write the stream as events, rows in the same order, which is the order of arrival.

    The published times have no zone and are taken as UTC. Scenario 3 multiplies amounts in floating
    point (57.16 x 5 = 285.79999999999995), so amounts are rounded to cents, as a payment has them.

    Returns
    -------
    pyarrow.Table
        ``id`` (the transaction id), ``type``, ``occurred_at``, ``card`` (the customer id),
        ``terminal``, ``amount``, ``currency``.
    """
    rows = stream.num_rows
    return pa.table(
        {
            "id": pc.cast(stream["TRANSACTION_ID"], pa.string()),
            "type": pa.repeat("Transaction", rows),
            "occurred_at": _utc(stream["TX_DATETIME"]),
            "card": pc.cast(stream["CUSTOMER_ID"], pa.string()),
            "terminal": pc.cast(stream["TERMINAL_ID"], pa.string()),
            "amount": pa.array(np.round(stream["TX_AMOUNT"].to_numpy(), 2)),
            "currency": pa.repeat(CURRENCY, rows),
        }
    )


def build_labels(stream: pa.Table) -> pa.Table:
    """List the frauds, each known 7 days after its payment; the rest counts as legitimate.

    Returns
    -------
    pyarrow.Table
        ``event_id``, ``label`` (always ``fraud``), ``known_at``; rows in order of arrival.
    """
    frauds = stream.filter(pc.equal(stream["TX_FRAUD"], 1))
    delay = pa.scalar(LABEL_DELAY_DAYS * DAY_US, pa.duration("us"))
    return pa.table(
        {
            "event_id": pc.cast(frauds["TRANSACTION_ID"], pa.string()),
            "label": pa.repeat("fraud", frauds.num_rows),
            "known_at": pc.add(_utc(frauds["TX_DATETIME"]), delay),
        }
    )


def _utc(moments: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.cast(pc.cast(moments, pa.timestamp("us")), _MOMENT)
