"""The signal of block, trust and watch lists."""

from __future__ import annotations

from sentinel_core.lists import Entry, ListIndex, WatchList
from sentinel_core.reason import Reason
from sentinel_core.signals.lists import evaluate_lists
from sentinel_core.signals.signal import Signal
from tests.support.watch_lists import build_list

BLOCK = build_list("bad", "block", "card", "c-1")
WATCH = build_list("odd", "watch", "card", "c-1")
TRUST = build_list("vip", "trust", "card", "c-1", cap=20.0)
FIELDS = {"card": "c-1"}

SAID_BLOCK = "The card is on the block list bad: chargeback."
SAID_TRUST = "The card is on the trust list vip: chargeback."


def evaluate(*lists: WatchList, at_us: int = 0) -> Signal:
    return evaluate_lists(ListIndex(lists), FIELDS, at_us)


def test_without_lists_the_signal_is_absent() -> None:
    assert Signal("lists", "lists", "absent") == evaluate()


def test_without_an_entry_the_signal_is_ok_with_0() -> None:
    assert Signal("lists", "lists", "ok", 0.0) == evaluate(
        build_list("bad", "block", "card", "c-2")
    )


def test_block_scores_1() -> None:
    reasons = (Reason("list:bad", SAID_BLOCK, 1.0),)
    assert Signal("lists", "lists", "ok", 1.0, reasons) == evaluate(BLOCK)


def test_watch_scores_a_half() -> None:
    assert evaluate(WATCH).score == 0.5


def test_block_and_watch_score_1_for_the_block_alone() -> None:
    signal = evaluate(WATCH, BLOCK)
    assert (signal.score, [r.weight for r in signal.reasons]) == (1.0, [1.0, 0.0])


def test_trust_is_a_cap_and_no_risk() -> None:
    reasons = (Reason("list:vip", SAID_TRUST, -1.0),)
    assert Signal("lists", "lists", "ok", 0.0, reasons, cap=20.0) == evaluate(TRUST)


def test_the_lowest_cap_of_trust_lists_counts() -> None:
    lower = build_list("staff", "trust", "card", "c-1", cap=5.0)
    signal = evaluate(TRUST, lower)
    assert (signal.cap, [r.weight for r in signal.reasons]) == (5.0, [-1.0, 0.0])


def test_trust_caps_what_a_watch_list_raises() -> None:
    signal = evaluate(TRUST, WATCH)
    assert (signal.score, signal.cap) == (0.5, 20.0)


def test_who_is_blocked_is_not_trusted() -> None:
    signal = evaluate(TRUST, BLOCK)
    assert (signal.score, signal.cap, [r.weight for r in signal.reasons]) == (1.0, None, [1.0, 0.0])


def test_an_expired_block_entry_neither_scores_nor_ends_trust() -> None:
    expired = build_list("bad", "block", "card", Entry("c-1", 10, "ana", "chargeback"))
    signal = evaluate(TRUST, expired, at_us=10)
    assert (signal.score, signal.cap) == (0.0, 20.0)
