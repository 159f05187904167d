"""What a group comes to: by numbers worked out by hand, failures apart."""

import pytest

from elman.groups.curves import curves_plot, mean_curve
from elman.groups.results import Result, Summary
from elman.groups.spread import spread
from elman.groups.table import csv_table, markdown_table, text_table
from elman.pictures.plot import Band, Line
from elman.tracking.runs import RunRow


def result(seed, best, *, status="FINISHED", learned=True, tags=None, curve=None, **metrics):
    row = RunRow(
        id=f"run{seed}",
        name=f"toy seed {seed}",
        experiment_id="1",
        status=status,
        state=status.lower(),
        started_ms=0,
        metrics={"val/mse": best + 1, "cost/seconds": 2.0, **metrics},
        tags=tags or {},
    )
    curves = {"val/mse": curve or [(10, best + 1), (20, best)]}
    return Result(
        name=f"seed {seed}",
        row=row,
        metric="val/mse",
        best=best,
        best_step=20,
        curves=curves,
        learned=learned,
    )


def test_the_interval_of_students_table():
    found = spread([1.0, 2.0, 3.0, 4.0, 5.0])  # sd sqrt(2.5), t of 4 degrees 2.776445
    assert (found.count, found.mean) == (5, 3.0)
    assert found.sd == pytest.approx(1.5811388)
    assert (found.low, found.high) == pytest.approx((3 - 1.9632432, 3 + 1.9632432))
    assert spread([7.0]).low is None
    assert spread([]) is None


GROUP = Summary(
    varies="seed",
    results=[
        result(1, 1.0),
        result(2, 3.0),
        result(3, 50.0, learned=False),
        result(4, 9.0, status="FAILED", tags={"elman.why": "out of memory"}),
        result(5, 9.0, status="FAILED", tags={"diverged_at_step": "12"}, learned=False),
        result(6, 9.0, status="KILLED"),
    ],
)


def test_what_did_not_learn_is_counted_apart_and_in_no_mean():
    assert GROUP.counts() == {"ended": 4, "failed": 1, "open": 1, "learned": 2}
    found = GROUP.spreads()["best val/mse"]
    assert (found.count, found.mean) == (2, 2.0)
    assert GROUP.share() == "4 of 6 seeds finished, 1 of 6 failed, 2 of 4 seeds learned"
    verdicts = ["", "", "did not learn", "failed: out of memory", "diverged", "stopped"]
    assert [each.verdict() for each in GROUP.results] == verdicts


def test_runs_that_have_not_begun_are_still_to_come():
    begun = Summary(varies="seed", results=[result(1, 1.0), result(2, 3.0)], asked=5)
    assert begun.counts()["open"] == 3
    assert begun.share() == "2 of 5 seeds finished, 2 of 2 seeds learned"
    assert Summary(varies="seed", results=begun.results, asked=2).counts()["open"] == 0


def test_without_a_floor_nobody_says_that_something_was_learned():
    known = Summary(varies="fold", results=[result(0, 1.0, learned=None), result(1, 3.0, learned=None)])
    assert known.counts() == {"ended": 2, "failed": 0, "open": 0}
    assert known.share() == "2 folds"
    assert known.spreads()["best val/mse"].mean == 2.0


def test_tables():
    lines = text_table(GROUP).splitlines()
    assert lines[0].split() == ["best", "val/mse", "cost/seconds"]
    assert lines[3].split()[:3] == ["seed", "3", "50.0"]
    assert lines[3].endswith("did not learn")
    assert [line.split()[0] for line in lines[7:]] == ["mean", "st.dev.", "95", "95"]
    assert lines[7].split() == ["mean", "2.0", "2.000"]
    assert "| seed 4 | 9.0 | 2.000 | failed: out of memory |" in markdown_table(GROUP)
    head, first, *_ = csv_table(GROUP).splitlines()
    assert head == "member,run,state,learned,best val/mse,val/mse,cost/seconds"
    assert first == "seed 1,run1,finished,true,1.0,2.0,2.0"


def test_the_curves_of_those_that_learned_have_a_mean_and_a_band():
    one, other = [(10, 1.0), (20, 2.0), (30, 9.0)], [(10, 3.0), (20, 2.0)]
    assert mean_curve([one, other]) == [(10, 2.0, pytest.approx(2**0.5)), (20, 2.0, 0.0)]
    plot = curves_plot(GROUP, "toy")
    (panel,) = plot.panels
    (band,) = [mark for mark in panel.marks if isinstance(mark, Band)]
    assert (list(band.x), list(band.low), list(band.high)) == ([10, 20], [2.0, 1.0], [4.0, 3.0])
    named = {mark.name: list(mark.y) for mark in panel.marks if isinstance(mark, Line) and mark.name}
    assert named == {"mean of 2": [3.0, 2.0], "did not learn": [51.0, 50.0]}
    assert "2 that did not learn" in plot.caption
