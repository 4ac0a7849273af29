"""A pod may answer anything; what is no report counts as no answer."""

import pytest

from sentinel_operator.services.report import Report, read_report
from tests.support.simulated.resources import FIRST


def test_an_answer_is_read():
    answer = {"stable": FIRST, "candidate": None, "percent": 0, "state": "Ready", "news": 1}
    assert read_report(answer) == Report(stable=FIRST, state="Ready")


@pytest.mark.parametrize(
    "answer",
    [
        None,
        {"stable": 7},
        {"stable": "sha256:short"},
        {"stable": [FIRST]},
        {"state": "Excellent"},
        {"reason": {"code": 1}},
        {"retrying": "no"},
        {"loaded": [FIRST, None]},
        {"refused_others": [FIRST]},
    ],
)
def test_what_is_no_report_counts_as_no_answer(answer):
    assert read_report(answer) is None


def test_a_refusal_without_words_is_told_all_the_same():
    fault = Report(state="Refused").find_fault("pod-1", "card-fraud")
    assert (fault.reason, fault.message) == ("Unexpected", "Pod pod-1: it gives no message")
