"""No point twice: of a finite space every one is tried once, whoever asks; first ones come first."""

import json

import pytest
from search_toys import BASE, SEARCH

from elman.errors import BadInput
from elman.search.space.definition import read_search
from elman.search.study import proposals
from elman.search.study.storage import open_storage
from elman.search.study.study import Study

METRICS = {"val/bits_per_step": 0.5, "cost/seconds": 1.0, "cost/core_steps_per_step": 2.0}


@pytest.fixture
def opened(tmp_path):
    (tmp_path / "base.yaml").write_text(BASE)
    (tmp_path / "search.yaml").write_text(SEARCH)

    def study(*words):
        search = read_search(["search.yaml", *words])
        return Study(search, open_storage(None, search.folder), max_time_steps=1000, val_every=100)

    return study


def finish(study, asked):
    """The value depends on k1 alone."""
    metrics = {**METRICS, "val/bits_per_step": 1 / asked.values["k1"]}
    study.report(asked.number, time_steps=100, rung=100, metrics=metrics)
    study.complete(asked.number)


def point(asked):
    return json.dumps(asked.values, sort_keys=True)


SMALL = """\
recipe: base.yaml
space:
  model.bptt.k1: [2, 4]
  model.bptt.k2: {times: model.bptt.k1, low: 1, high: 3}
objectives: {val/bits_per_step: minimize}
budget: {trials: 30}
startup_trials: 2
"""


@pytest.mark.parametrize("sampler", ["random", "TPE", "GP"])
def test_a_finite_space_ends_when_every_point_was_tried(opened, tmp_path, sampler):
    """Two workers at once, of two processes in turn."""
    opened()
    (tmp_path / "search.yaml").write_text(SMALL)
    studies = [opened(f"--sampler={sampler}", f"--name={sampler}") for _ in range(2)]
    found, running = [], []
    while (asked := studies[len(found) % 2].ask()) is not None:
        found.append(point(asked))
        running.append((studies[(len(found) - 1) % 2], asked))
        if len(running) == 2:
            finish(*running.pop(0))
    assert len(found) == len(set(found)) == 6
    assert studies[0].review(command="").points == 6


def test_a_repeat_has_a_seed_of_its_own(opened, tmp_path):
    (tmp_path / "search.yaml").write_text(SMALL)
    study = opened("--repeats=true", "--budget.trials=12")
    runs = []
    while (asked := study.ask()) is not None:
        runs.append((point(asked), asked.seed))
        finish(study, asked)
    assert len(runs) == len(set(runs)) == 12
    assert len({values for values, _ in runs}) <= 6
    first = {}
    for values, seed in runs:
        assert (seed is None) is (values not in first)
        first[values] = seed


def test_first_points_come_first_and_are_not_drawn_again(opened, tmp_path):
    lines = "first: [{k1: 4, k2/k1: 2}, {model.bptt.k1: 2, k2: 6}]\n"
    (tmp_path / "search.yaml").write_text(SMALL + lines)
    study = opened()
    study.lay_out()
    study.lay_out()
    found = []
    while (asked := study.ask()) is not None:
        found.append(asked.values)
        finish(study, asked)
    assert found[:2] == [{"k1": 4, "k2/k1": 2}, {"k1": 2, "k2/k1": 3}]
    assert len(found) == 6


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("[{depth: 3}]", r"first\[0\]: 'depth' is not searched; name one of k1, k2/k1, k2"),
        ("[{k1: 3}]", r"first\[0\]: k1 must be one of 2, 4, got 3"),
        ("[{k1: 2, k2/k1: 9}]", r"k2/k1 must be a whole number from 1 to 3, got 9"),
        ("[{k1: 4, k2: 6}]", r"k2/k1 must be a whole number from 1 to 3, got 1.5"),
        ("[{k2: 6}]", r"k2=6 is a multiple of model.bptt.k1; give that too, or k2/k1"),
        ("[{}]", r"first\[0\]: names no value"),
        ("[{k1: 2}, {k1: 2}]", r"first\[1\]: is the same point as first\[0\]"),
    ],
)
def test_first_points_that_are_none(opened, tmp_path, given, expected):
    (tmp_path / "search.yaml").write_text(SMALL + f"first: {given}\n")
    with pytest.raises(BadInput, match=expected):
        opened()


def test_a_sampler_sees_the_best_and_not_too_many(monkeypatch):
    import optuna
    from optuna.distributions import FloatDistribution

    monkeypatch.setattr(proposals, "MOST", {"TPE": 30})
    monkeypatch.setattr(proposals, "BEST", 10)
    trials = [
        optuna.trial.create_trial(
            value=float(n * 37 % 100), params={"x": n / 100}, distributions={"x": FloatDistribution(0, 1)}
        )
        for n in range(100)
    ]

    class Given:
        sampler, seed, objectives = "TPE", 1, {"val/x": "minimize"}

    seen = proposals._seen(Given(), trials)
    assert len(seen) == 30
    assert {trial.value for trial in seen} >= set(map(float, range(10)))
