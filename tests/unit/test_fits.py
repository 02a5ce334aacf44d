"""Fits beside each other, and what they answer."""

from __future__ import annotations

import os
import time

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from shared.training import fits
from shared.training.candidates import Layout, Trial
from shared.training.fits import Answer, Fits, side_by_side
from tests.phone_data import contacts
from tests.searching import LOGISTIC, posed


def test_results_come_in_the_order_of_the_work() -> None:
    def slow(item: int) -> int:
        time.sleep(0.02 * (item % 3 == 0))
        return item

    assert list(side_by_side(slow, range(10))) == list(range(10))
    assert list(side_by_side(slow, [])) == []


def blas_threads() -> set[int]:
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


def test_one_fit_that_ends_does_not_free_the_threads_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fits, "workers", lambda: 3)

    def work(item: int) -> set[int]:
        seen = set()
        with threadpool_limits(limits=1):
            for _ in range(3):
                time.sleep(0.002 * (item % 3))
                seen |= blas_threads()
        return seen

    with threadpool_limits(limits=2, user_api="blas"):
        assert set().union(*side_by_side(work, range(12))) == {1}
        assert blas_threads() == {min(2, os.cpu_count() or 1)}


def test_an_answer_is_what_a_fit_on_the_rows_before_says_and_what_it_took() -> None:
    problem = posed(contacts(400))
    layout = Layout.of(problem.encoder.inputs)
    trial = Trial(LOGISTIC, {"C": 0.1}, 100)
    answer = Fits(problem, layout, 42).answer(trial, (300, 330))
    again = trial.fit(layout, 42, problem.rows[200:300], problem.positive[200:300])
    assert isinstance(answer, Answer)
    assert answer.log_odds == pytest.approx(again.decision_function(problem.rows[300:330]), abs=1e-4)
    assert answer.seconds > 0
