"""Confirming runs with real processes that learn nothing: new seeds, once each, whatever is killed."""

import multiprocessing
import os
import re
import signal
import sys
from pathlib import Path

import pytest
from forked import forget_runs
from search_toys import SEARCH
from searched import behave, rungs, runs, wait_until

from elman.errors import BadInput
from elman.search.results.named import named
from elman.search.space.definition import read_search
from elman.search.workers.driver import Driver
from elman.search.workers.places import places
from elman.search.workers.session import open_session
from elman.search.workers.work import work

TOY = (sys.executable, str(Path(__file__).with_name("toy_trial.py")))
WORDS = ("--confirm.runs=9", "--confirm.budget=4x")


def search(*words):
    session = open_session(read_search(["search.yaml", *words]), None)
    return work(Driver(session, places(workers=2, gpus_per_trial=0, gpus=[], cores=2), program=TOY))


def searching(folder):
    forget_runs()
    os.chdir(folder)
    os.setsid()
    raise SystemExit(search(*WORDS))


def test_killed_and_gone_on_with(folder, capfd):
    """Four trials, then nine runs of the three best; the search dies in the midst of these."""
    behave(folder, all={"seconds": 0.05, "value": 0.1}, **{"3": {"value": 5.0}})
    process = multiprocessing.get_context("forkserver").Process(target=searching, args=(folder,))
    process.start()
    wait_until(lambda: len(rungs(folder, 7)) >= 1, seconds=300)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert search(*WORDS) == 0
    review = open_session(read_search(["search.yaml", *WORDS]), None).review()
    assert [trial.state for trial in review.trials] == ["complete"] * 4
    assert [run.state for run in review.confirmations] == ["complete"] * 9
    assert [run.number for run in review.confirmations] == list(range(4, 13))
    assert sorted(run.confirms for run in review.confirmations) == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert sorted(run.seed for run in review.confirmations) == list(range(2, 11))  # that of trials is 1
    nested, (own,) = runs(folder)
    assert [int(run.data.tags["elman.trial"]) for run in nested] == list(range(13))
    assert {run.info.status for run in [*nested, own]} == {"FINISHED"}
    assert nested[4].data.params["confirms"] == str(review.confirmations[0].confirms)
    home = folder / "searches" / f"{folder.name}-search"
    for run in review.confirmations:
        recipe = (home / "trials" / f"{run.number:04d}" / "recipe.yaml").read_text()
        assert f"seed_everything: {run.seed}\n" in recipe
        assert re.search(r"max_time_steps: 4000\b", recipe)
        assert run.values == review.trials[run.confirms].values
    answer = named(review)
    assert (answer.how, answer.runs) == ("measured", 3)
    assert (home / "best.yaml").read_text().splitlines()[0].endswith(", measured.")
    assert "seed_everything: 1\n" not in (home / "best.yaml").read_text()  # the default
    out = capfd.readouterr().out
    assert "again with seed" in out
    assert "measured." in out

    assert search(*WORDS, "--budget.trials=5") == 0  # confirming runs are no trials
    more = open_session(read_search(["search.yaml", *WORDS, "--budget.trials=5"]), None).review()
    assert [trial.number for trial in more.trials] == [0, 1, 2, 3, 13]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("--confirm.runs=8", "confirm.runs must be at least 9"),
        ("--confirm.budget=0.5", "confirm.budget is how many times as long"),
        ("--confirm.budget=long", "got 'long'"),
        ("--value=median", "value"),
    ],
)
def test_what_is_wrong_is_said_before_anything_starts(folder, word, expected):
    with pytest.raises(BadInput, match=expected):
        read_search(["search.yaml", word])
    assert not (folder / "searches").exists()


def test_confirm_stands_in_the_file(folder):
    (folder / "search.yaml").write_text(SEARCH + "confirm: {runs: 25, budget: 4x}\nvalue: smoothed\n")
    settings = read_search(["search.yaml"]).settings
    assert (settings.confirm.runs, settings.confirm.times, settings.value) == (25, 4.0, "smoothed")
