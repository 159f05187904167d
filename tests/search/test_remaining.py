"""How long a search will take, against sums done by hand; and that nothing is left to try."""

import pytest
from study_toys import review, row

from elman.search.report.terminal import standing
from elman.search.results.answer import answer
from elman.search.results.remaining import remaining_hours


def study(ended, **more):
    trials = [row(n, 1.0, time_steps=100, values={"k1": n}) for n in range(ended)]
    return review(*trials, row(99, None, "running"), **{"limits": {"trials": 10}, "hours": 2.0, **more})


def test_what_is_left():
    assert remaining_hours(study(4)) == pytest.approx(3.0)  # half an hour each, six to go
    assert remaining_hours(study(4, limits={"trials": 10, "time_steps": 500})) == pytest.approx(0.5)
    assert remaining_hours(study(4, limits={"hours": 3.0})) == pytest.approx(1.0)
    assert remaining_hours(study(4, confirm_runs=9, confirm_budget=2.0)) == pytest.approx(3.0 + 9.0)
    runs = tuple(row(20 + n, 1.0, confirms=1) for n in range(3))
    assert remaining_hours(study(10, confirm_runs=9, confirmations=runs)) == pytest.approx(6 * 2 / 13)
    assert remaining_hours(study(0)) is None
    assert remaining_hours(study(4, hours=0.0)) is None
    assert remaining_hours(study(4, limits={})) is None


def test_it_stands_below_the_table():
    assert "2.0 h at work · about 3.0 h left · budget 24 trials" in standing(study(4), 3.0)
    runs = tuple(row(20 + n, 1.0, confirms=1) for n in range(3))
    assert "3 of 9 confirming runs" in standing(study(10, confirm_runs=9, confirmations=runs), 3.0)


def test_an_exhausted_space_is_said_to_be_so():
    trials = [row(n, 1.0 + n, values={"k1": n}) for n in range(6)]
    assert "Every one of the 6 points of the space was tried." in answer(review(*trials, points=6))
    assert "Every one" not in answer(review(*trials, points=7))
    assert "Every one" not in answer(review(*trials, points=0))
