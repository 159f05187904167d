"""No point twice: of a finite space every one is tried once, whoever asks; first ones come first."""

import json
import random

import pytest
from search_toys import BASE, SEARCH

from elman.errors import BadInput
from elman.search.space.definition import read_search
from elman.search.study import proposals, warm_start
from elman.search.study.kept_study import DATA
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


def test_steps_of_a_range_are_points(opened, tmp_path):
    """0.3 is 0.1 + 2 x 0.1 to some, and to others not quite."""
    (tmp_path / "search.yaml").write_text(
        SMALL.replace(
            "  model.bptt.k1: [2, 4]\n  model.bptt.k2: {times: model.bptt.k1, low: 1, high: 3}",
            "  model.optimizer.lr: {low: 0.1, high: 0.7, step: 0.1}",
        )
    )
    study = opened("--sampler=random")
    found = []
    while (asked := study.ask()) is not None:
        found.append(round(asked.values["lr"], 6))
        finish_at(study, asked)
    assert sorted(found) == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]


def finish_at(study, asked):
    study.report(asked.number, time_steps=100, rung=100, metrics=METRICS)
    study.complete(asked.number)


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


TWO = "objectives: {val/bits_per_step: minimize, cost/core_steps_per_step: minimize}"


@pytest.mark.parametrize("rungs", ["time_steps", "core_steps", "seconds"])
def test_pruning_by_the_first_objective_where_a_cost_is_the_second(opened, tmp_path, rungs):
    opened()
    (tmp_path / "search.yaml").write_text(
        SEARCH.replace("objectives: {val/bits_per_step: minimize}", TWO).replace("trials: 4", "trials: 9")
    )
    words = ("--pruner=median", "--prune_after=2", "--prune_from=200", f"--rungs={rungs}", "--name=two")
    study = opened(*words)

    def report(number, steps, value, cost=1.0):
        metrics = {
            "val/bits_per_step": value,
            "cost/core_steps_per_step": cost,
            "cost/seconds": steps * cost,
        }
        return study.report(number, time_steps=steps, rung=steps, metrics=metrics)

    for number, value in enumerate((0.1, 0.2)):
        study.ask()
        assert not any(report(number, steps, value) for steps in (100, 200, 300, 400))
        study.complete(number)
    study.ask()
    assert not report(2, 100, 0.9)
    assert report(2, 300, 0.9)
    assert study.prune(2) == "pruned"
    study.ask()  # four times as dear: after 100 time steps it has cost what others had after 400
    assert report(3, 100, 0.9, cost=4.0) is (rungs != "time_steps")
    assert study.complete(3) == "complete"
    study.ask()
    assert not report(4, 300, 0.12)
    for sampler in ("TPE", "GP"):
        other = opened(*words, f"--sampler={sampler}", "--startup_trials=2")
        assert other.ask().values["k1"]


def test_hyperband_prunes_by_the_first_objective_too(opened, tmp_path):
    """As where it is the only one: the same values in the same order end the same trials."""
    opened()
    one = SEARCH.replace("trials: 4", "trials: 40")
    two = one.replace("objectives: {val/bits_per_step: minimize}", TWO)
    draw, ended = random.Random(1), {}
    curves = [[(steps, draw.random()) for steps in range(100, 1001, 100)] for _ in range(30)]
    for name, text in (("one", one), ("two", two)):
        (tmp_path / "search.yaml").write_text(text)
        study = opened("--pruner=hyperband", f"--name={name}", "--sampler=random")
        study.rungs.pruner._get_bracket_id = lambda study, trial: trial.number % 2  # else by the study's name
        ended[name] = {}
        for number, curve in enumerate(curves):
            study.ask()
            for steps, value in curve:
                metrics = {**METRICS, "val/bits_per_step": value, "cost/core_steps_per_step": -value}
                if study.report(number, time_steps=steps, rung=steps, metrics=metrics):
                    ended[name][number] = steps
                    assert study.prune(number) == "pruned"
                    break
            else:
                study.complete(number)
    assert ended["one"] == ended["two"]
    assert 3 < len(ended["two"]) < 30
    for sampler in ("TPE", "GP"):
        assert opened("--pruner=hyperband", "--name=two", f"--sampler={sampler}").ask().values["k1"]


def test_another_study_warms_the_sampler_and_is_no_part_of_this_one(opened, tmp_path, caplog):
    """Its twelve trials say that a large k1 is good, so that the first one of TPE is no draw at random."""
    before = opened("--name=before", "--budget.trials=12", "--sampler=random")
    while (asked := before.ask()) is not None:
        finish(before, asked)
    warm = opened("--name=warm", "--warm_start=before", "--startup_trials=5")
    cold = opened("--name=cold", "--startup_trials=5")
    first = warm.ask()
    assert first.number == 0
    assert first.values != cold.ask().values
    assert len(warm.review(command="").trials) == 1
    assert opened("--name=folder", "--warm_start=searches/before").ask().number == 0
    for words, expected in (
        (("--name=lost", "--warm_start=nowhere"), "warm_start=nowhere: there is no such study"),
        (("--name=before", "--warm_start=before"), "is this study itself"),
        (("--name=random", "--warm_start=before", "--sampler=random"), "learns from no trials"),
    ):
        with pytest.raises(BadInput, match=expected):
            opened(*words)

    def said(*words):
        caplog.clear()
        opened(*words)
        return caplog.text

    assert said("--name=same", "--warm_start=before") == ""
    text = said("--name=longer", "--warm_start=before", "--trainer.max_time_steps=2000")
    assert "warm_start=before: its trials had other fixed values, and the sampler learns from them" in text
    assert "trainer.max_time_steps 1000 there and 2000 here" in text
    for number, (word, expected) in enumerate(
        (
            ("--data.lag=3", r"unlike data or scores: data\.lag 2 there and 3 here; such figures mean"),
            ("--model.loss.balance=true", "model.loss.balance false there and true here"),
        )
    ):
        with pytest.raises(BadInput, match=expected):
            opened(f"--name=other-{number}", "--warm_start=before", word)
    before.kept.note(DATA, "a" * 40)
    warm_start.refuse_other_data(read_search(["search.yaml", "--warm_start=before"]), "a" * 40)
    with pytest.raises(BadInput, match="its data have the digest aaaaaaaaaaaa, those here bbbbbbbbbbbb"):
        warm_start.refuse_other_data(read_search(["search.yaml", "--warm_start=before"]), "b" * 40)
    (tmp_path / "search.yaml").write_text(SEARCH.replace("high: 3", "high: 4"))
    with pytest.raises(BadInput, match=r"do not compare, .*model\.bptt\.k2: 1 to 3, now 1 to 4"):
        opened("--name=wider", "--warm_start=before")
