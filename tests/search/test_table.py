"""What a search shows in the terminal: which trials, in which order, how wide, and the plain lines."""

import io

import pytest
from rich.console import Console
from study_toys import CORE, COST, LOSS, realistic, review, row

from elman.search.report.terminal import latest, line, standing, table
from elman.search.results.named import named


def printed(study, width, seconds=61.0):
    console = Console(width=width, record=True, file=io.StringIO(), force_terminal=True)
    console.print(table(study, width=width, elapsed_seconds=seconds))
    return console


def lines(study, width):
    return printed(study, width).export_text().splitlines()


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("width", [60, 80, 100, 160])
def test_it_fits(width, several):
    found = lines(realistic(several=several), width)
    assert max(map(len, found)) <= width
    assert not any("…" in each for each in found)


def test_what_is_least_needed_goes_first():
    """At 160 columns all is there; at 80 k2/k1 and seconds are gone, the windows and the depth are not."""
    wide, narrow = (lines(realistic(), width)[1].split() for width in (160, 80))
    assert wide == [
        "trial",
        "state",
        "k1",
        "k2",
        "k2/k1",
        "layers",
        "bptt",
        "core",
        "lr",
        "bits_per_step",
        "seen",
        "s",
    ]
    assert narrow == ["trial", "state", "k1", "k2", "layers", "bptt", "core", "bits_per_step", "seen"]
    assert lines(realistic(), 50)[1].split()[:3] == ["trial", "state", "k1"]


def test_all_that_run_the_best_and_the_latest():
    trials = [row(n, float(n == 3) + 1 if n != 2 else 0.5) for n in range(30)]
    trials[1] = row(1, None, "running")
    trials += [row(30, None, "waiting")]
    found = [trial.number for trial in latest(review(*trials), 6)]
    assert found == [1, 2, 26, 27, 28, 29]
    crowd = review(*[row(n, None, "running") for n in range(20)], row(20, 1.0))
    assert [trial.number for trial in latest(crowd, 6)] == list(range(21))
    assert latest(review(), 6) == []


def test_the_row_that_is_named_is_bold_and_no_other():
    console = printed(realistic(), 160)
    styled = console.export_text(styles=True).splitlines()
    bold = [each for each in styled if "\x1b[1m" in each]
    assert len(bold) == 1
    assert bold[0].startswith(f"\x1b[1m   {named(realistic()).trial.number}\x1b[0m")


def test_the_line_below():
    study = review(
        row(0, 2.0, time_steps=1_500_000), row(1, 1.5, time_steps=500_000), row(2, None, "running")
    )
    assert standing(study, 3725.9) == (
        "2 complete, 1 running · best 1.5 (trial 1) · 2M time steps · 1:02:05 · budget 24 trials"
    )
    assert standing(review(budget=""), 0) == "no trial yet · 0 time steps · 0:00:00"


VALUES = {"k1": 20, "k2/k1": 3, "k2": 60, "lr": 0.0031}


def test_lines():
    study = review(
        row(3, 1.91, values=VALUES),
        row(7, 1.93, values=VALUES),
        row(8, 2.5, "pruned", values=VALUES, time_steps=200_000),
        row(9, None, "failed", values=VALUES, why="out of\nmemory"),
        row(10, 1.2, constrained={"cost/seconds": 9.0}),
        constraints={"cost/seconds": 5.0},
    )
    assert [line(study, trial) for trial in study.trials] == [
        "trial 3 complete: val/bits_per_step 1.91 (best so far): k1=20, k2=60, lr=0.0031",
        "trial 7 complete: val/bits_per_step 1.93 (best 1.91, trial 3): k1=20, k2=60, lr=0.0031",
        "trial 8 pruned after 200,000 time steps: val/bits_per_step 2.5 (best 1.91, trial 3): "
        "k1=20, k2=60, lr=0.0031",
        "trial 9 failed: out of memory: k1=20, k2=60, lr=0.0031",
        "trial 10 complete, above a limit: val/bits_per_step 1.2 (best 1.91, trial 3)",
    ]


def test_a_line_with_several_objectives():
    trial = row(0, objectives={LOSS: 1.5, COST: 3.0})
    study = review(trial, objectives={LOSS: "minimize", COST: "minimize"})
    assert line(study, trial) == (
        "trial 0 complete: val/bits_per_step 1.5, cost/core_steps_per_step 3 (best so far)"
    )


def test_words_of_a_choice_are_no_markup():
    study = review(row(0, 1.0, values={"core": "[bold]x[/]"}), dimensions=(CORE,))
    assert any("[bold]x[/]" in each for each in lines(study, 80))
