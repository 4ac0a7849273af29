"""What is recorded comes back bit for bit, or a replay would prove nothing."""

from __future__ import annotations

import math
import struct

from hypothesis import given
from hypothesis import strategies as st

from sentinel_core.decision import (
    Decision,
    RecordedHit,
    RecordedReason,
    RecordedSignal,
    decode,
    encode,
    from_recorded_vector,
    to_recorded_vector,
)

finite = st.floats(allow_nan=False, allow_infinity=False)
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
outcomes = st.sampled_from(["approve", "review", "block"])
names = st.dictionaries(text, text, max_size=3)

reasons = st.builds(RecordedReason, text, text, text, finite)
signals = st.builds(
    RecordedSignal,
    text,
    st.sampled_from(["model", "velocity", "behaviour", "lists"]),
    st.sampled_from(["ok", "absent", "late", "failed"]),
    st.none() | finite,
    st.none() | finite,
    st.none() | finite,
    st.none() | outcomes,
)
hits = st.builds(
    RecordedHit, text, text, text, st.none() | outcomes, finite, st.none() | finite,
    st.none() | finite, text,
)  # fmt: skip
decisions = st.builds(
    Decision,
    id=text,
    tenant=text,
    event_id=text,
    event_digest=text,
    seq=st.integers(0, 2**63 - 1),
    score=st.none() | finite,
    level=text,
    outcome=outcomes,
    coverage=finite,
    feature_spec_digest=text,
    release_digest=text,
    arm=st.sampled_from(["stable", "candidate"]),
    created_at_us=st.integers(0, 2**63 - 1),
    explained=st.booleans(),
    reasons=st.lists(reasons, max_size=3).map(tuple),
    signals=st.lists(signals, max_size=3).map(tuple),
    hits=st.lists(hits, max_size=3).map(tuple),
    vector=st.lists(st.none() | finite, max_size=8).map(tuple),
    degraded=st.lists(text, max_size=2).map(tuple),
    artifact_digests=names,
    runtime=names,
    stage_us=st.dictionaries(text, st.integers(0, 2**63 - 1), max_size=3),
)


def bits_of(value):
    """Turn every float into its eight bytes, so that -0.0 and 0.0 differ."""
    if isinstance(value, float):
        return struct.pack("<d", value)
    if isinstance(value, tuple):
        return tuple(bits_of(part) for part in value)
    slots = getattr(value, "__slots__", None)
    return tuple(bits_of(getattr(value, s)) for s in slots) if slots else value


@given(decisions)
def test_a_decision_comes_back_with_every_bit(decision):
    assert bits_of(decode(encode(decision))) == bits_of(decision)


@given(st.lists(st.floats(allow_infinity=False), max_size=20))
def test_a_vector_comes_back_with_every_bit_and_every_gap(vector):
    again = from_recorded_vector(to_recorded_vector(vector))
    assert [math.isnan(v) for v in again] == [math.isnan(v) for v in vector]
    assert bits_of(tuple(v for v in again if not math.isnan(v))) == bits_of(
        tuple(v for v in vector if not math.isnan(v))
    )
