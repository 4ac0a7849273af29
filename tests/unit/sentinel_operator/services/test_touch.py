"""Pods that have not confirmed are touched a few times, and told by themselves when last."""

from sentinel_operator.services.touch import plan_touches, token_of

NOW = 1_700_000_000.0
TOKEN = token_of({"stable.json": "{}"})


def build_pod(said=None):
    annotations = {} if said is None else {"sentinel.dev/release": said}
    return {"metadata": {"name": "p", "annotations": annotations}}


def times_of(token=TOKEN, seconds=100):
    """Return after how many seconds a pod that never confirms is touched."""
    pod, times, now = build_pod(), [], NOW
    while now < NOW + seconds:
        touches, wait = plan_touches([pod], token, now)
        if touches:
            times.append(now - NOW)
            pod = build_pod(touches[0].value)
        else:
            now += wait or 1.0
    return times


def test_a_pod_is_touched_at_once_and_after_growing_waits():
    assert times_of() == [0, 1, 3, 7]


def test_a_pod_that_sees_other_content_is_touched_from_the_beginning():
    touches, _ = plan_touches([build_pod("0123-3-1")], TOKEN, NOW)
    assert [f"{TOKEN}-0-{int(NOW)}"] == [touch.value for touch in touches]


def test_an_annotation_that_somebody_wrote_is_no_touch():
    touches, _ = plan_touches([build_pod(f"{TOKEN}-x")], TOKEN, NOW)
    assert [f"{TOKEN}-0-{int(NOW)}"] == [touch.value for touch in touches]


def test_the_soonest_pod_says_when_to_look_again():
    early, late = build_pod(f"{TOKEN}-2-{int(NOW)}"), build_pod(f"{TOKEN}-0-{int(NOW)}")
    assert plan_touches([early, late], TOKEN, NOW) == ((), 1.0)


def test_other_content_has_another_token():
    assert token_of({"stable.json": "[]"}) != TOKEN
