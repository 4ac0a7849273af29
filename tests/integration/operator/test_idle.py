"""Nothing is written while nothing changes; the API server's audit log says so."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import yaml

from tests.support.operator_place import model
from tests.support.operator_process import eventually

SAMPLE = Path(__file__).parents[3] / "manifests" / "samples" / "logins"
MODELS, PIPELINES = 15, 5
IDLE_SECONDS = 60
ROUNDS = 'sentinel_operator_reconcile_seconds_count{{kind="{}",outcome="settled"}}'


def pipelines(namespace):
    """Return the sample of logins, its pipeline several times."""
    texts = [path.read_text() for path in sorted(SAMPLE.glob("*.yaml"))]
    documents = [document for text in texts for document in yaml.safe_load_all(text)]
    for document in documents:
        document["metadata"]["namespace"] = namespace
        if document["kind"] == "ConfigMap":
            yield document
            continue
        for number in range(PIPELINES):
            yield document | {"metadata": {**document["metadata"], "name": f"logins-{number}"}}


def make_all(place):
    place.apply(
        *(model(f"m{number}", place.namespace, replicas=2) for number in range(MODELS)),
        *pipelines(place.namespace),
    )
    eventually(lambda: phases(place) == ["Ready"] * (MODELS + PIPELINES), "all are ready")
    eventually(lambda: writes_nothing_for(place, 2), "nothing more is written")


def phases(place):
    return [item.get("status", {}).get("phase") for item in place.list("smodel,spipe")]


def writes_nothing_for(place, seconds):
    since = place.api.audit.mark()
    time.sleep(seconds)
    return place.writes(since) == []


def settled_rounds(operator):
    return sum(
        operator.metric(ROUNDS.format(kind)) for kind in ("SentinelModel", "SentinelPipeline")
    )


@pytest.mark.slow
def test_an_idle_operator_writes_nothing(place, pods):
    with place.operator(resync_seconds="5", recheck_seconds="10") as operator:
        make_all(place)
        since = place.api.audit.mark()
        before = settled_rounds(operator)
        time.sleep(IDLE_SECONDS)
        # Rounds went on all the while, and whoever wrote would be in the log, kopf included.
        expected = (MODELS + PIPELINES) * (IDLE_SECONDS / 5 - 2)
        assert settled_rounds(operator) - before >= expected
        written = [w for w in place.api.audit.writes(since) if w.namespace == place.namespace]
    assert written == []


@pytest.mark.slow
def test_an_operator_that_begins_anew_writes_nothing(place, pods):
    with place.operator():
        make_all(place)
    since = place.api.audit.mark()
    with place.operator() as operator:
        eventually(operator.is_leading, "the new one works")
        eventually(lambda: settled_rounds(operator) >= MODELS + PIPELINES, "all were looked at")
    assert place.writes(since) == []


def test_nothing_of_kopf_is_left_on_resources(place, pods, operator):
    place.apply(model("a", place.namespace))
    eventually(lambda: place.phase("a") == "Ready", "the model is ready")
    metadata = place.get("smodel", "a")["metadata"]
    assert (metadata.get("annotations"), metadata.get("finalizers")) == (None, None)
