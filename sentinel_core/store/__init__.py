"""What is written down for good: events, decisions, labels and what they name."""

from sentinel_core.store.pending import Pending
from sentinel_core.store.reader import Reader
from sentinel_core.store.rows import Backfill, Status, StoredEvent, StoredLabel
from sentinel_core.store.store import Store

__all__ = ["Backfill", "Pending", "Reader", "Status", "Store", "StoredEvent", "StoredLabel"]
