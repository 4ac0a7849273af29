"""What a pipeline declares is compiled once, and refused where no other release would fit beside it."""

import pytest

from sentinel_operator.services import compilation
from tests.support.simulated import SimulatedCluster
from tests.support.simulated.resources import (
    PIPELINE,
    build_input,
    build_model,
    build_pipeline,
    build_rules,
)

OTHER = ("SentinelPipeline", "gone-soon")


@pytest.fixture(autouse=True)
def _nothing_is_kept(monkeypatch):
    monkeypatch.setattr(compilation, "_kept", {})


@pytest.fixture
def cluster():
    cluster = SimulatedCluster()
    cluster.put(build_model(), build_rules(), build_pipeline())
    cluster.settle(6)
    return cluster


@pytest.fixture
def empty():
    return SimulatedCluster()


@pytest.fixture
def compiled(monkeypatch):
    """Return the names of pipelines, as they are compiled."""
    names, compile_release = [], compilation.compile_release

    def noted(pipeline, *args, **kwargs):
        names.append(pipeline.key[1])
        return compile_release(pipeline, *args, **kwargs)

    monkeypatch.setattr(compilation, "compile_release", noted)
    return names


def put_lists(cluster, count, *, author="ana"):
    """Put lists of cards, each with some 220,000 bytes of rows, and the pipeline that reads them."""
    keys = [f"list-{n}" for n in range(count)]
    entries = "".join(
        f"  - {{value: c{n:07d}, author: {author}, reason: {'x' * 460}}}\n" for n in range(430)
    )
    texts = {key: f"name: {key}\nkind: Block\nfield: card\nentries:\n{entries}" for key in keys}
    lists = [{"name": key, "configMapRef": {"name": "card-lists", "key": key}} for key in keys]
    cluster.put(build_input("card-lists", texts), build_pipeline(lists=lists))


def named(name):
    """Return a pipeline of that name whose rules are not there."""
    return {**build_pipeline(), "metadata": {"name": name}}


def test_lists_that_others_would_not_fit_beside_are_refused_at_first(cluster):
    put_lists(cluster, 3)
    cluster.settle(2)
    told = [cluster.condition(*PIPELINE, one) for one in ("InputsValid", "Available")]
    assert told == [("False", "ProjectionTooLarge"), ("True", "PreviousServed")]
    assert "It may have 524288" in cluster.status(*PIPELINE)["lastFailure"]["message"]


def test_lists_of_which_twice_as_many_fit_can_all_be_changed(cluster):
    put_lists(cluster, 2)
    cluster.settle(3)
    put_lists(cluster, 2, author="bo")
    cluster.settle(3)
    assert cluster.condition(*PIPELINE, "Ready") == ("True", "Served")
    assert cluster.status(*PIPELINE)["stable"]["revision"] == 3


def test_what_a_release_is_made_of_is_compiled_once(cluster, compiled):
    cluster.settle(10)
    assert compiled == []


def test_each_of_many_pipelines_is_compiled_once(empty, compiled):
    names = [f"payments-{n:03}" for n in range(200)]
    empty.put(*map(named, names))
    empty.pass_by()
    empty.pass_by()
    assert compiled == names


def test_what_was_compiled_of_a_pipeline_goes_after_it(cluster, compiled):
    cluster.put(named(OTHER[1]))
    cluster.reconcile(*OTHER)
    cluster.remove(*OTHER)
    cluster.now += 601
    cluster.put(build_rules(20))
    cluster.reconcile(*PIPELINE)
    cluster.put(named(OTHER[1]))
    cluster.reconcile(*OTHER)
    assert compiled == [OTHER[1], PIPELINE[1], OTHER[1]]
