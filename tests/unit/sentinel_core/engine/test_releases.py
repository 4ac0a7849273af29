"""Two releases at once: who gets which, what is refused, and what the logs hold after a switch."""

from __future__ import annotations

import asyncio

import pyarrow as pa
import pytest
from prometheus_client import CollectorRegistry

from sentinel_core.clock import FixedClock
from sentinel_core.engine.engine import Engine
from sentinel_core.engine.history import write_history
from sentinel_core.errors import (
    ConflictError,
    InvalidDocumentError,
    InvalidEventError,
    InvalidTableError,
    ReleaseError,
)
from sentinel_core.events import parse_event, schema_of
from sentinel_core.events.table import parse_events, parse_labels
from sentinel_core.features import parse_spec
from sentinel_core.located import load_yaml
from sentinel_core.release.projection import read_projection, write_projection
from sentinel_core.telemetry import DecisionMetrics
from tests.support.pipelines import (
    FEATURES,
    NOW_US,
    RULES,
    build_release,
    open_engine,
    payment,
)

STABLE = build_release()
CANDIDATE = build_release(rules=RULES.replace("points: 40", "points: 50"))
BAD = STABLE.model_copy(update={"rules": [{"id": "nonsense"}]})
LONGER = FEATURES + "  - {name: card_count_60d, entity: card, count: {}, window: 60d}\n"
CARDS = [f"card-{i}" for i in range(2_000)]


def open_engine_as_it_is(folder, history=None):
    """Open an engine on the releases that stand in a folder."""
    return Engine.open(
        folder / "state",
        read_projection(folder / "release"),
        metrics=DecisionMetrics(CollectorRegistry()),
        history=history,
        clock=FixedClock(NOW_US),
    )


def project(folder, *releases, percent=0.0):
    write_projection(folder / "release", *releases, percent=percent)
    return read_projection(folder / "release")


def take_up(engine, folder, *releases, percent=0.0):
    asyncio.run(engine.take_up(project(folder, *releases, percent=percent)))


def decide(engine, *events):
    async def run():
        return [await engine.decide(event) for event in events]

    return asyncio.run(run())


@pytest.fixture
def engine(tmp_path):
    engine = open_engine(tmp_path, clock=FixedClock(NOW_US))
    yield engine
    engine.close()


def arms_of(engine, step):
    decisions = decide(engine, *(payment(f"{step}-{card}", card=card) for card in CARDS))
    return {card: d.arm for card, d in zip(CARDS, decisions, strict=True)}


def test_a_tenth_of_the_entities_goes_to_the_candidate_and_stays_there(engine, tmp_path):
    drawn = {}
    for percent in (10, 30):
        take_up(engine, tmp_path, STABLE, CANDIDATE, percent=percent)
        arms = arms_of(engine, percent)
        drawn[percent] = {card for card, arm in arms.items() if arm == "candidate"}
    assert 0.07 < len(drawn[10]) / len(CARDS) < 0.13
    assert drawn[10] < drawn[30]


def test_a_decision_names_the_arm_and_the_release_that_made_it(engine, tmp_path):
    take_up(engine, tmp_path, STABLE, CANDIDATE, percent=50)
    decisions = decide(engine, *(payment(f"e-{card}", card=card) for card in CARDS[:50]))
    digests = {"stable": STABLE.digest, "candidate": CANDIDATE.digest}
    assert {(d.arm, d.release_digest) for d in decisions} == set(digests.items())


def test_all_events_of_a_card_are_decided_by_one_release(engine, tmp_path):
    take_up(engine, tmp_path, STABLE, CANDIDATE, percent=50)
    for card in CARDS[:20]:
        arms = {
            d.arm for d in decide(engine, *(payment(f"{card}-{i}", card=card) for i in range(5)))
        }
        assert len(arms) == 1


@pytest.mark.parametrize(("percent", "arm"), [(0, "stable"), (100, "candidate")])
def test_at_the_ends_of_the_split_one_release_decides_all(engine, tmp_path, percent, arm):
    take_up(engine, tmp_path, STABLE, CANDIDATE, percent=percent)
    assert {d.arm for d in decide(engine, *(payment(c, card=c) for c in CARDS[:100]))} == {arm}


def test_an_event_without_an_entity_to_split_by_is_split_by_its_id(engine, tmp_path):
    def bare(event_id):
        body = payment(event_id).body | {"entities": {}}
        return parse_event(body, tenant="default", received_at_us=NOW_US)

    take_up(engine, tmp_path, STABLE, CANDIDATE, percent=50)
    arms = [d.arm for d in decide(engine, *(bare(f"b{i}") for i in range(100)))]
    assert 20 < arms.count("candidate") < 80


def test_both_releases_see_the_same_past(engine, tmp_path):
    take_up(engine, tmp_path, STABLE, CANDIDATE, percent=50)
    decisions = decide(engine, *(payment(c, card=c) for c in CARDS[:40]))
    assert {d.arm for d in decisions} == {"stable", "candidate"}
    assert [d.vector[3] for d in decisions] == [float(k) for k in range(40)]


def test_a_candidate_that_cannot_be_loaded_leaves_the_stable_release_serving(engine, tmp_path):
    take_up(engine, tmp_path, STABLE, BAD, percent=100)
    served = engine.served()
    assert (served.state, served.stable, served.candidate, served.percent) == (
        "Refused",
        STABLE.digest,
        None,
        0.0,
    )
    assert served.reason == "InvalidDocument"
    assert "release:1:1" in served.message
    assert decide(engine, payment("e1"))[0].arm == "stable"


def test_an_engine_opens_with_a_candidate_that_cannot_be_loaded(tmp_path):
    open_engine(tmp_path).close()
    project(tmp_path, STABLE, BAD, percent=10)
    engine = open_engine_as_it_is(tmp_path)
    assert (engine.served().state, engine.served().stable) == ("Refused", STABLE.digest)
    engine.close()


def test_a_bad_release_never_replaces_a_good_one(engine, tmp_path):
    with pytest.raises(InvalidDocumentError):
        take_up(engine, tmp_path, BAD)
    served = engine.served()
    assert (served.state, served.stable, served.reason) == (
        "Refused",
        STABLE.digest,
        "InvalidDocument",
    )
    assert decide(engine, payment("e1"))[0].release_digest == STABLE.digest


def test_a_good_release_ends_the_refusal(engine, tmp_path):
    with pytest.raises(InvalidDocumentError):
        take_up(engine, tmp_path, BAD)
    take_up(engine, tmp_path, CANDIDATE)
    assert (engine.served().state, engine.served().stable) == ("Ready", CANDIDATE.digest)


def test_a_spec_of_longer_windows_finds_the_logs_built_anew_exactly(engine, tmp_path):
    days = [f"2018-{month:02}-{day:02}T12:00:00Z" for month in (7, 8) for day in range(1, 29)]
    events = [payment(f"e{i}", occurred_at=day) for i, day in enumerate(days)]
    decide(engine, *events)
    take_up(engine, tmp_path, build_release(features=LONGER))
    names = engine._decider.arms.stable.spec.names
    vector = decide(engine, payment("last", occurred_at="2018-08-29T12:00:00Z"))[0].vector
    window = [d for d in days if d > "2018-06-30T12:00:00Z"]
    assert dict(zip(names, vector, strict=True)) == {
        "card_count_1h": 0.0,
        "card_sum_1d": 0.0,
        "card_frauds_30d": 0.0,
        "terminal_count_1d": 0.0,
        "card_count_60d": float(len(window)),
    }


def test_logs_built_anew_answer_as_logs_that_had_the_longer_windows_all_along(tmp_path):
    longer = build_release(features=LONGER)
    vectors = []
    for folder, first in ((tmp_path / "switched", STABLE), (tmp_path / "always", longer)):
        engine = open_engine(folder, clock=FixedClock(NOW_US), release=first)
        events = [
            payment(f"e{i}", card=f"c{i % 3}", amount=i, occurred_at=f"2018-08-{d:02}T11:00:00Z")
            for i, d in enumerate([*range(1, 28), 27, 27, 28, 26])
        ]
        decide(engine, *events)
        asyncio.run(engine.feedback("default", "e20", "confirmed_fraud", note="", author="ann"))
        take_up(engine, folder, longer)
        after = [payment(f"after-{c}", card=c) for c in ("c0", "c1", "c2")]
        vectors.append([d.vector for d in decide(engine, *after)])
        engine.close()
    assert vectors[0] == vectors[1]


def test_events_that_arrive_while_the_logs_are_built_anew_are_in_them(tmp_path):
    longer = build_release(features=LONGER)
    before = [payment(f"before-{i}", card=f"c{i % 7}") for i in range(1_200)]
    last = [payment(f"last-{i}", card=f"c{i}") for i in range(7)]
    switched = open_engine(tmp_path / "switched", clock=FixedClock(NOW_US))
    decide(switched, *before)
    meanwhile = asyncio.run(decide_meanwhile(switched, project(tmp_path / "switched", longer)))
    always = open_engine(tmp_path / "always", clock=FixedClock(NOW_US), release=longer)
    decide(always, *before, *meanwhile)
    assert [d.vector for d in decide(switched, *last)] == [d.vector for d in decide(always, *last)]
    switched.close()
    always.close()


async def decide_meanwhile(engine, projection):
    """Decide one event after another until a release is taken up, and return them."""
    switching = asyncio.create_task(engine.take_up(projection))
    decided = []
    while not switching.done():
        decided.append(payment(f"meanwhile-{len(decided)}", card=f"c{len(decided) % 7}"))
        await engine.decide(decided[-1])
    await switching
    assert len(decided) > 1
    return decided


def test_a_spec_that_is_served_no_more_is_computed_no_more(engine, tmp_path):
    for window in ("2h", "3h", "4h"):
        spec = f"  - {{name: again, entity: card, count: {{}}, window: {window}}}\n"
        take_up(engine, tmp_path, build_release(features=FEATURES + spec))
    assert list(engine._arrivals.observer.kernels) == [engine._decider.arms.stable.spec.digest]


LOGIN_FEATURES = "features:\n  - {name: user_logins_1h, entity: user, count: {}, window: 1h}\n"


def login_release():
    spec = parse_spec(load_yaml(LOGIN_FEATURES, "f.yaml"), schema_of("Login"))
    return STABLE.model_copy(
        update={
            "event": "Login",
            "features": spec.plain(),
            "features_digest": spec.digest,
            "rules": [],
            "signals": {
                "velocity": {
                    "curves": [{"feature": "user_logins_1h", "points": [[1, 0.1], [9, 1]]}]
                }
            },
            "split_by": ("user",),
        }
    )


def login(event_id):
    body = {
        "id": event_id,
        "type": "Login",
        "occurred_at": "2018-08-29T12:00:00Z",
        "entities": {"user": "u1"},
        "payload": {"result": "success"},
    }
    return parse_event(body, tenant="default", received_at_us=NOW_US)


def test_an_event_of_another_type_than_the_release_s_is_refused_and_changes_nothing(engine):
    with pytest.raises(InvalidEventError) as caught:
        decide(engine, login("l1"))
    assert [p.location for p in caught.value.problems] == ["type"]
    assert (engine._arrivals.last_seq, engine._arrivals.observer.state.logs) == (0, {})


def test_in_a_batch_an_event_of_another_type_is_refused_alone(engine):
    events = [payment("e1"), login("l1"), payment("e2")]
    results = asyncio.run(engine.decide_many(events))
    assert [type(r).__name__ for r in results] == ["Decision", "InvalidEventError", "Decision"]


def test_a_release_for_another_type_of_event_is_not_taken_up(engine, tmp_path):
    with pytest.raises(ReleaseError) as caught:
        take_up(engine, tmp_path, login_release())
    assert (caught.value.reason, engine.served().stable) == ("EventTypeChanged", STABLE.digest)


def test_a_candidate_for_another_type_of_event_is_refused(engine, tmp_path):
    take_up(engine, tmp_path, STABLE, login_release(), percent=50)
    served = engine.served()
    assert (served.state, served.reason, served.stable) == (
        "Refused",
        "EventTypeChanged",
        STABLE.digest,
    )


def test_a_record_of_another_type_of_event_is_not_opened(tmp_path):
    engine = open_engine(tmp_path)
    decide(engine, payment("e1"))
    engine.close()
    with pytest.raises(ReleaseError) as caught:
        open_engine(tmp_path, release=login_release())
    assert caught.value.reason == "EventTypeChanged"
    open_engine(tmp_path).close()  # the record was let go of


def test_logins_are_decided_by_a_release_for_logins(tmp_path):
    engine = open_engine(tmp_path, release=login_release())
    assert [d.vector for d in decide(engine, login("l1"), login("l2"))] == [(0.0,), (1.0,)]
    engine.close()


def history_file(folder, count=10):
    row = {"type": "Transaction", "card": "c1", "terminal": "t1", "amount": 5.0, "currency": "EUR"}
    rows = [row | {"id": f"h{i}", "occurred_at": f"2018-08-29T11:{i:02}:00Z"} for i in range(count)]
    told = [{"event_id": "h0", "label": "legitimate", "known_at": "2018-08-29T11:30:00Z"}]
    events = parse_events(pa.Table.from_pylist(rows))
    labels = parse_labels(pa.Table.from_pylist(told))
    return write_history(folder, events, labels, {}, until_us=2**62)


@pytest.fixture
def with_history(tmp_path):
    write_projection(tmp_path / "release", STABLE)
    history = history_file(tmp_path / "history")
    return open_engine_as_it_is(tmp_path, history), history


def test_the_windows_begin_with_the_history(with_history):
    engine, _ = with_history
    decision = decide(engine, payment("e1", occurred_at="2018-08-29T11:59:00Z"))[0]
    assert (decision.seq, decision.vector[0], decision.vector[1]) == (11, 10.0, 50.0)
    engine.close()


def test_an_event_of_the_history_is_not_decided(with_history):
    engine, _ = with_history
    with pytest.raises(ConflictError, match="backfilled history"):
        decide(engine, payment("h3"))
    engine.close()


def test_feedback_reaches_an_event_of_the_history_also_after_a_restart(with_history, tmp_path):
    engine, history = with_history
    told = asyncio.run(engine.feedback("default", "h3", "confirmed_fraud", note="", author="ann"))
    assert (told.label, told.known_at_us) == ("fraud", NOW_US)
    assert decide(engine, payment("e1"))[0].vector[2] == 1.0
    engine.close()
    again = open_engine_as_it_is(tmp_path, history)
    assert decide(again, payment("e2"))[0].vector[2] == 1.0
    again.close()


def test_another_history_than_the_record_began_with_is_refused(with_history, tmp_path):
    engine, history = with_history
    engine.close()
    other = history_file(tmp_path / "other", count=3)
    with pytest.raises(InvalidTableError, match="has begun already"):
        open_engine_as_it_is(tmp_path, other)
    open_engine_as_it_is(tmp_path, history).close()
