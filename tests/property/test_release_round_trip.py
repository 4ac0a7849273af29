"""A release that is written and read back is the same release, whatever it holds."""

import json

from hypothesis import given
from hypothesis import strategies as st

from sentinel_core.ids import digest_bytes
from sentinel_core.release import Release, ReleaseList, ReleaseModel, read_release
from sentinel_core.release.document import ModelFailure

TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
MAPPINGS = st.dictionaries(TEXTS, JSON, max_size=4)
DIGESTS = st.binary(max_size=4).map(digest_bytes)
FAILURES = st.tuples(
    st.sampled_from(["Skip", "Score", "FailClosed"]), st.none() | st.floats(0, 1)
).map(lambda pair: ModelFailure(action=pair[0], score=pair[1]))
MODELS = st.fixed_dictionaries(
    {
        "name": TEXTS,
        "model": TEXTS,
        "uri": TEXTS,
        "digest": DIGESTS,
        "public_key": st.none() | TEXTS,
        "deadline_ms": st.integers(1, 10_000),
        "on_failure": FAILURES,
    }
).map(lambda values: ReleaseModel(**values))
LISTS = st.fixed_dictionaries(
    {
        "name": TEXTS,
        "kind": st.sampled_from(["block", "trust", "watch"]),
        "field": TEXTS,
        "cap": st.none() | st.floats(0, 100),
        "digest": DIGESTS,
    }
).map(lambda values: ReleaseList(**values))
RELEASES = st.fixed_dictionaries(
    {
        "pipeline": TEXTS,
        "namespace": TEXTS,
        "event": TEXTS,
        "features": MAPPINGS,
        "features_digest": DIGESTS,
        "models": st.lists(MODELS, max_size=3).map(tuple),
        "signals": MAPPINGS,
        "rules": st.lists(JSON, max_size=4),
        "lists": st.lists(LISTS, max_size=3).map(tuple),
        "fusion": MAPPINGS,
        "failure_policy": st.sampled_from(["Open", "Review", "Closed"]),
        "budget_ms": st.integers(1, 60_000),
        "split_by": st.lists(TEXTS, max_size=3).map(tuple),
    }
).map(lambda values: Release(**values))


@given(RELEASES)
def test_a_release_read_back_equals_itself(release):
    read = read_release(release.canonical)
    assert release == read
    assert release.canonical == read.canonical


@given(RELEASES, st.randoms(use_true_random=False))
def test_the_order_of_keys_does_not_change_the_digest(release, random):
    shuffled = json.dumps(_shuffled(json.loads(release.canonical), random))
    assert release.digest == read_release(shuffled).digest


def _shuffled(value, random):
    if isinstance(value, dict):
        items = [(key, _shuffled(item, random)) for key, item in value.items()]
        random.shuffle(items)
        return dict(items)
    return [_shuffled(item, random) for item in value] if isinstance(value, list) else value
