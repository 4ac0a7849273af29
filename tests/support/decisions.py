"""Small but whole events and decisions for tests that only care that they are kept."""

from __future__ import annotations

from typing import Any

from sentinel_core.decision import Decision, RecordedHit, RecordedReason, RecordedSignal
from sentinel_core.events import Event, parse_event
from sentinel_core.ids import decision_id, digest_bytes

RECEIVED_AT_US = 1_700_000_000_000_000


def build_event(event_id: str = "tx-1", *, tenant: str = "default", amount: float = 12.5) -> Event:
    body = {
        "id": event_id,
        "type": "Transaction",
        "occurred_at": "2023-11-14T22:13:20Z",
        "entities": {"card": "card-1", "terminal": "terminal-1"},
        "payload": {"amount": amount, "currency": "EUR"},
    }
    return parse_event(body, tenant=tenant, received_at_us=RECEIVED_AT_US)


def build_decision(event: Event | None = None, *, seq: int = 1, **changes: Any) -> Decision:
    event = event or build_event()
    values: dict[str, Any] = {
        "id": decision_id(event.tenant, event.id),
        "tenant": event.tenant,
        "event_id": event.id,
        "event_digest": event.digest,
        "seq": seq,
        "score": 61.25,
        "level": "HIGH",
        "outcome": "review",
        "coverage": 0.75,
        "feature_spec_digest": digest_bytes(b"features"),
        "release_digest": digest_bytes(b"release"),
        "arm": "stable",
        "created_at_us": RECEIVED_AT_US + seq,
        "reasons": (RecordedReason("fraud", "feature:amount", "Amount is 12.5.", 61.25),),
        "signals": (
            RecordedSignal("fraud", "model", "ok", 0.6125, raw=0.4579),
            RecordedSignal("velocity", "velocity", "absent"),
        ),
        "hits": (
            RecordedHit("new-card", "New card", "fraud", None, 5.0, None, None, "Card is new."),
        ),
        "vector": (12.5, None, 3.0),
        "degraded": ("velocity",),
        "artifact_digests": {"fraud": digest_bytes(b"artifact")},
        "runtime": {"onnxruntime": "1.23.0", "numpy": "2.3.0", "cpu": "avx2"},
        "stage_us": {"features": 41, "signals": 87},
    }
    return Decision(**(values | changes))
