"""Whatever a typed event holds, rules answer in Kleene's logic and never raise."""

import math

from hypothesis import given
from hypothesis import strategies as st

from sentinel_core.errors import InvalidDocumentError
from sentinel_core.located import load_yaml, locate
from sentinel_core.rules import Pack, evaluate, load_library, parse_pack, trace
from sentinel_core.rules.compile import compile_condition
from sentinel_core.rules.library import DOMAINS, library_text
from sentinel_core.rules.pack import (
    AllOf,
    AnyOf,
    Comparison,
    Facts,
    Listed,
    Missing,
    Not,
    Ref,
    Scaled,
    reads,
)
from tests.support.packs import PAYMENTS, library_schema, rule_of

FEATURES = PAYMENTS.features
NUMBERS = [Ref("field", "amount"), Ref("field", "lat"), Ref("signal", "fraud")]
NUMBERS += [Ref("feature", name) for name in FEATURES]
TEXTS = [Ref("field", name) for name in ("country", "card", "device", "channel")]
CERTAINTY = {False: 0.0, None: 0.5, True: 1.0}

number = st.floats(allow_nan=False, width=64)
text = st.text(min_size=1, max_size=8) | st.sampled_from(["KP", "SE", "c-1", "chip"])
number_ref = st.sampled_from(NUMBERS)
text_ref = st.sampled_from(TEXTS)


class _Lists:
    """Lists every value whose first character is a letter."""

    def find(self, list_name, value, at_us):
        return value if value[:1].isalpha() else None


def comparisons(ref, value, order):
    equality = st.sampled_from(["eq", "ne", *order])
    many = st.lists(value, min_size=1, max_size=3).map(tuple)
    return (
        st.builds(Comparison, ref, equality, value)
        | st.builds(Comparison, ref, st.sampled_from(["in", "not_in"]), many)
        | st.builds(Comparison, ref, st.just("eq"), st.builds(Scaled, ref, st.just(1.0)))
    )


known_leaf = (
    comparisons(number_ref, number, ["gt", "gte", "lt", "lte"])
    | comparisons(text_ref, text, ["starts_with", "ends_with", "contains"])
    | st.builds(Comparison, number_ref, st.just("between"), st.tuples(number, number))
    | st.builds(
        Comparison,
        number_ref,
        st.sampled_from(["gt", "lte"]),
        st.builds(Scaled, number_ref, st.floats(min_value=1e-300, max_value=1e300)),
    )
    | st.builds(Listed, st.just("known-bad-cards"), text_ref)
)
leaf = known_leaf | st.builds(Missing, number_ref | text_ref, st.booleans())


def combined(leaves):
    return st.recursive(
        leaves,
        lambda inner: (
            st.builds(Not, inner)
            | st.builds(AllOf, st.lists(inner, min_size=1, max_size=4).map(tuple))
            | st.builds(AnyOf, st.lists(inner, min_size=1, max_size=4).map(tuple))
        ),
        max_leaves=12,
    )


condition = combined(leaf)
facts = st.builds(
    Facts,
    st.fixed_dictionaries(
        {},
        optional={
            "amount": number,
            "lat": number,
            "country": text,
            "card": text,
            "device": text,
            "channel": text,
            "vector": st.lists(number, min_size=1, max_size=3).map(tuple),
        },
    ),
    st.tuples(*[st.floats(allow_nan=True)] * len(FEATURES)),
    st.fixed_dictionaries({}, optional={"fraud": st.none() | st.floats(0, 1)}),
    st.just(_Lists()),
    st.integers(0, 2**62),
)
NOTHING = Facts({}, (math.nan,) * len(FEATURES), {}, _Lists(), 0)


def verdict(when, known):
    return compile_condition(when, FEATURES)(known)


def certainty(when, known):
    return CERTAINTY[verdict(when, known)]


@given(condition, facts)
def test_every_condition_answers_true_false_or_unknown(when, known):
    assert verdict(when, known) in (True, False, None)


@given(condition, facts)
def test_an_answer_is_the_same_each_time(when, known):
    judge = compile_condition(when, FEATURES)
    assert judge(known) is judge(known)


@given(st.lists(condition, min_size=1, max_size=4), facts)
def test_all_is_its_least_certain_part_and_any_its_most_certain(parts, known):
    parts = tuple(parts)
    assert min(certainty(part, known) for part in parts) == certainty(AllOf(parts), known)
    assert max(certainty(part, known) for part in parts) == certainty(AnyOf(parts), known)


@given(condition, facts)
def test_not_turns_certainty_round(when, known):
    assert 1.0 - certainty(when, known) == certainty(Not(when), known)


@given(st.lists(condition, min_size=1, max_size=4), facts)
def test_de_morgan_holds_in_three_values(parts, known):
    turned = tuple(Not(part) for part in parts)
    assert verdict(Not(AllOf(tuple(parts))), known) is verdict(AnyOf(turned), known)
    assert verdict(Not(AnyOf(tuple(parts))), known) is verdict(AllOf(turned), known)


@given(st.lists(condition, min_size=2, max_size=4), facts, st.randoms())
def test_the_order_of_parts_does_not_matter(parts, known, random):
    shuffled = list(parts)
    random.shuffle(shuffled)
    assert verdict(AllOf(tuple(parts)), known) is verdict(AllOf(tuple(shuffled)), known)
    assert verdict(AnyOf(tuple(parts)), known) is verdict(AnyOf(tuple(shuffled)), known)


@given(combined(known_leaf))
def test_nothing_known_is_never_a_hit_nor_a_miss(when):
    assert verdict(when, NOTHING) is None


@given(combined(known_leaf), facts, facts)
def test_learning_a_missing_value_never_overturns_an_answer(when, known, more):
    learned = Facts(
        more.fields | known.fields,
        tuple(b if math.isnan(a) else a for a, b in zip(known.vector, more.vector, strict=True)),
        more.signals | {name: s for name, s in known.signals.items() if s is not None},
        known.lists,
        known.at_us,
    )
    before = verdict(when, known)
    assert before is None or verdict(when, learned) is before


@given(facts)
def test_the_library_never_raises_and_says_why_it_hits(known):
    for pack in LIBRARY:
        vector = (known.vector * len(pack.schema.features))[: len(pack.schema.features)]
        given_facts = (known.fields, vector, known.signals, known.lists, known.at_us)
        hits = evaluate(pack, *given_facts)
        traced = trace(pack, *given_facts)
        assert [h.rule_id for h in hits] == [t.rule_id for t in traced if t.verdict == "hit"]
        assert all(hit.text for hit in hits)


@given(condition)
def test_a_condition_names_every_value_it_reads(when):
    names = {(ref.source, ref.name) for ref in reads(when)}
    assert names <= {(ref.source, ref.name) for ref in NUMBERS + TEXTS}
    assert names


LIBRARY: list[Pack] = [parse_pack(load_library(d), library_schema(d)) for d in DOMAINS]
SOURCE = library_text("payments").split("\n- id: ")[0]
SCHEMA = library_schema("payments")
WORDS = st.sampled_from(
    ["id", "when", "any", "all", "not", "field", "list", "feature", "signal", "eq", "in", "gt",
     "missing", "between", "country", "amount", "card_count_1h", "fraud", "times", "hit", "event",
     "outcome", "points", "block", "{country}", "{", "fraud"]
)  # fmt: skip
scalar = st.none() | st.booleans() | st.integers() | number | WORDS | st.text(max_size=5)
tree = st.recursive(
    scalar,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=12,
)


def is_read_or_refused(read):
    try:
        return isinstance(read(), Pack)
    except InvalidDocumentError as error:
        return len(error.problems) > 0


@given(tree)
def test_any_document_is_a_pack_or_is_refused_with_its_faults(plain):
    assert is_read_or_refused(lambda: parse_pack(locate(plain, "pack.yaml"), PAYMENTS))


@given(tree, st.sampled_from(["when", "effect", "tests", "message", "category", "id"]))
def test_a_rule_with_any_part_replaced_is_read_or_refused(plain, key):
    rule = rule_of({"field": "country", "eq": "KP"}) | {key: plain}
    assert is_read_or_refused(lambda: parse_pack(locate([rule], "pack.yaml"), PAYMENTS))


@given(st.integers(0, 10_000), st.sampled_from(list("{}[]:-#'\"\n\t&*!|>%@` 0é")))
def test_a_pack_with_one_character_changed_is_read_or_refused(place, character):
    place %= len(SOURCE)
    text = SOURCE[:place] + character + SOURCE[place + 1 :]
    assert is_read_or_refused(lambda: parse_pack(load_yaml(text, "pack.yaml"), SCHEMA))
