"""Large requests wait for one thread, in a bounded number; small ones never do."""

from __future__ import annotations

import asyncio
import threading

import numpy as np
import pytest

from sentinel_bentos.model import scoring as module
from sentinel_bentos.model.outputs import DEFAULT_OUTPUTS
from sentinel_bentos.model.scoring import INLINE_ROWS, MAX_WAITING, OverloadedError, Scoring
from tests.support.model_application import ModelFolder

MANY = np.zeros((INLINE_ROWS + 1, 3), dtype=np.float32)
FEW = np.zeros((INLINE_ROWS, 3), dtype=np.float32)


@pytest.fixture
def model(tmp_path):
    models = ModelFolder(tmp_path)
    return models.load(models.write(1))


@pytest.fixture
def gate(monkeypatch):
    """Hold every computation on the thread until this is set."""
    opened = threading.Event()
    compute = module.compute_outputs

    def wait_and_compute(*arguments):
        if threading.current_thread() is not threading.main_thread():
            opened.wait(60)
        return compute(*arguments)

    monkeypatch.setattr(module, "compute_outputs", wait_and_compute)
    return opened


def test_few_rows_are_scored_while_many_wait(model, gate):
    async def score():
        scoring = Scoring()
        many = asyncio.create_task(scoring.score(model, MANY, DEFAULT_OUTPUTS))
        await asyncio.sleep(0)
        few = await scoring.score(model, FEW, DEFAULT_OUTPUTS)
        waited = not many.done()
        gate.set()
        await many
        scoring.close()
        return len(few["margin"]), waited

    assert asyncio.run(score()) == (INLINE_ROWS, True)


def test_an_explanation_of_one_row_goes_to_the_thread(model, gate):
    async def score():
        scoring = Scoring()
        task = asyncio.create_task(scoring.score(model, FEW[:1], ("contributions",)))
        await asyncio.sleep(0)
        waited = not task.done()
        gate.set()
        await task
        scoring.close()
        return waited

    assert asyncio.run(score())


def test_one_large_request_more_than_may_wait_is_refused_and_the_others_are_answered(model, gate):
    async def score():
        scoring = Scoring()
        tasks = [
            asyncio.create_task(scoring.score(model, MANY, DEFAULT_OUTPUTS))
            for _ in range(MAX_WAITING)
        ]
        await asyncio.sleep(0)
        with pytest.raises(OverloadedError):
            await scoring.score(model, MANY, DEFAULT_OUTPUTS)
        gate.set()
        answered = await asyncio.gather(*tasks)
        again = await scoring.score(model, MANY, DEFAULT_OUTPUTS)
        scoring.close()
        return len(answered), len(again["margin"])

    assert asyncio.run(score()) == (MAX_WAITING, len(MANY))
