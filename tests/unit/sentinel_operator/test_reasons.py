"""Every reason that the operator writes into a status is in the one table of reasons."""

import ast
from pathlib import Path

import pytest

import sentinel_operator.services
from sentinel_core.resources.conditions import REASONS
from sentinel_operator.services import pod_faults
from sentinel_operator.services.fault import find_fault

SERVICES = Path(sentinel_operator.services.__path__[0])
POSITIONS = {"find_fault": 0, "Judgement": 1}
"""Where a reason stands among the arguments of what makes a fault or a condition."""


def words_in(node):
    """Yield the texts that an expression may come to; those it only compares with are none."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from words_in(node.body)
        yield from words_in(node.orelse)
    elif isinstance(node, ast.BoolOp):
        for value in node.values:
            yield from words_in(value)


def assigned(function, name):
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            yield from words_in(node.value)


def reasons_of(tree):
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.Module):
            continue
        for call in ast.walk(function):
            if isinstance(call, ast.Call) and ast.unparse(call.func) in POSITIONS:
                argument = call.args[POSITIONS[ast.unparse(call.func)]]
                yield from words_in(argument)
                if isinstance(argument, ast.Name):
                    yield from assigned(function, argument.id)


def reasons_of_containers():
    """Yield what the functions return that read a pod: a reason and a message."""
    for node in ast.walk(ast.parse(Path(pod_faults.__file__).read_text())):
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
            yield from words_in(node.value.elts[0])


WRITTEN = sorted(
    {reason for path in SERVICES.glob("*.py") for reason in reasons_of(ast.parse(path.read_text()))}
    | set(reasons_of_containers())
)


@pytest.mark.parametrize("reason", WRITTEN)
def test_a_reason_is_in_the_table(reason):
    assert reason in REASONS


@pytest.mark.parametrize(
    "known",
    [
        "Served",  # the argument itself
        "PreviousServed",  # one of two
        "WaitingForModels",  # by a name
        "QuotaExceeded",  # by a name that has several values
        "CrashLooping",  # of a container
    ],
)
def test_reasons_are_found_however_they_are_written(known):
    assert known in WRITTEN


def test_what_a_fault_does_not_know_is_told_under_a_reason_that_is_known():
    fault = find_fault("OfANewerVersion", "It is new.", "card-fraud")
    assert (fault.reason in REASONS, fault.message) == (True, "OfANewerVersion: It is new.")
