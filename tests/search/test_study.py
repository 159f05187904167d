"""A study in its storage: asked, reported, owned and ended, in each kind of storage."""

import json
import multiprocessing
import os
import shutil
import warnings
from pathlib import Path

import pytest
from search_toys import BASE, SEARCH

from elman.errors import BadInput
from elman.search.space.definition import read_search
from elman.search.study.kept_study import RUN
from elman.search.study.storage import open_storage
from elman.search.study.study import Study
from elman.search.study.trial_state import merged

DEAD = "{host}:999999999:1.00"


@pytest.fixture(autouse=True)
def strict():
    """What Optuna will take away is not used."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)
        warnings.simplefilter("error", FutureWarning)
        yield


@pytest.fixture
def read(tmp_path):
    (tmp_path / "base.yaml").write_text(BASE)
    (tmp_path / "search.yaml").write_text(SEARCH)
    return lambda *words: read_search(["search.yaml", *words])


@pytest.fixture(scope="session")
def fresh_studies(tmp_path_factory):
    """A database with Optuna's tables; to make them costs a second, a copy nothing."""
    folder = tmp_path_factory.mktemp("studies")
    open_storage(f"sqlite:///{folder}/studies.db", folder)
    return folder / "studies.db"


@pytest.fixture(params=["journal", "sqlite"])
def url(request, tmp_path, fresh_studies):
    if request.param == "journal":
        return None
    shutil.copy(fresh_studies, tmp_path / "studies.db")
    return f"sqlite:///{tmp_path}/studies.db"


@pytest.fixture
def opened(read, url):
    def study(*words):
        search = read(*words)
        return Study(search, open_storage(url, search.folder), max_time_steps=1000, val_every=100)

    return study


def metrics(value, **more):
    return {"val/bits_per_step": value, "cost/seconds": 1.0, "cost/core_steps_per_step": 2.0, **more}


def test_a_trial_from_asking_to_its_end(opened):
    study = opened()
    asked = study.ask()
    assert asked.number == 0
    assert set(asked.values) == {"k1", "k2/k1", "layers"}
    assert not study.report(0, time_steps=98, rung=100, metrics=metrics(0.9))
    assert not study.report(0, time_steps=196, rung=200, metrics=metrics(0.5))
    assert not study.report(0, time_steps=294, rung=300, metrics=metrics(0.7))
    assert study.complete(0) == "complete"
    (row,) = opened().review(command="").trials
    assert row.state == "complete"
    assert row.objectives == {"val/bits_per_step": 0.5}
    assert row.curve == {100: 0.9, 200: 0.5, 300: 0.7}
    assert row.time_steps == 294
    assert row.values["k2"] == row.values["k1"] * row.values["k2/k1"]


def test_whoever_opens_the_storage_itself_finds_names_and_k2(opened):
    """Optuna's dashboard shows metric names, and user attributes as columns."""
    study = opened()
    asked = study.ask()
    (trial,) = study.kept.trials()
    assert trial.user_attrs["k2"] == asked.values["k1"] * asked.values["k2/k1"]
    assert "k1" not in trial.user_attrs  # which is a parameter
    assert opened().kept.study.metric_names == ["val/bits_per_step"]


def test_the_budget_of_trials_is_kept(opened):
    study = opened()
    numbers = []
    while (asked := study.ask()) is not None:
        numbers.append(asked.number)
        study.fail(asked.number, "no reason")
    assert numbers == [0, 1, 2, 3]
    assert opened("--budget.trials=5").ask().number == 4


def test_the_budget_of_time_steps_is_kept(opened):
    study = opened("--budget.trials=null", "--budget.time_steps=500")
    study.ask()
    study.report(0, time_steps=499, rung=500, metrics=metrics(0.9))
    assert study.ask().number == 1
    study.report(1, time_steps=1, rung=100, metrics=metrics(0.9))
    assert study.ask() is None


def test_the_same_seed_and_results_give_the_same_trials(read, tmp_path):
    def drawn(name, restart):
        search = read("--budget.trials=20", "--startup_trials=5")
        found = []
        study = None
        for number in range(12):
            if study is None or restart:
                storage = open_storage(str(tmp_path / name), search.folder)
                study = Study(search, storage, max_time_steps=1000, val_every=100)
            asked = study.ask()
            study.report(number, time_steps=100, rung=100, metrics=metrics(1 / asked.values["k1"]))
            study.complete(number)
            found.append(asked.values)
        return found

    once = drawn("a.log", restart=False)
    assert once == drawn("b.log", restart=True)
    assert len({json.dumps(values) for values in once}) > 4


def test_a_trial_whose_process_died_goes_on_once(opened):
    study = opened()
    first = study.ask()
    study.report(0, time_steps=100, rung=100, metrics=metrics(0.5))
    study.kept.note_trial(0, RUN, "run")
    another = opened()
    assert another.abandoned() is None  # this process lives
    study.kept.note_trial(0, "elman:owner", DEAD.format(host=study.owners.me.partition(":")[0]))
    again = another.abandoned()
    assert again.again
    assert (again.number, again.values, again.run_id) == (0, first.values, "run")
    assert another.abandoned() is None
    another.report(0, time_steps=200, rung=200, metrics=metrics(0.6))
    another.complete(0)
    (row,) = another.review(command="").trials
    assert row.objectives == {"val/bits_per_step": 0.5}
    assert row.curve == {100: 0.5, 200: 0.6}


def test_a_trial_that_is_given_back_goes_on(opened):
    study = opened()
    study.ask()
    study.owners.release(0)
    assert opened().abandoned().number == 0


def test_the_median_prunes_at_equal_time_steps(opened):
    study = opened("--pruner=median", "--prune_after=2", "--prune_from=200")
    for number, value in enumerate((0.1, 0.2)):
        study.ask()
        for rung in (100, 200):
            assert not study.report(number, time_steps=rung, rung=rung, metrics=metrics(value))
        study.complete(number)
    study.ask()
    assert not study.report(2, time_steps=100, rung=100, metrics=metrics(0.9))
    assert study.report(2, time_steps=196, rung=200, metrics=metrics(0.9))
    assert study.prune(2) == "pruned"
    study.ask()
    study.report(3, time_steps=100, rung=100, metrics=metrics(0.12))
    assert not study.report(3, time_steps=200, rung=200, metrics=metrics(0.12))
    assert [t.state for t in study.review(command="").trials] == [
        "complete",
        "complete",
        "pruned",
        "running",
    ]


def test_a_trial_without_a_finite_figure_has_failed(opened):
    study = opened()
    study.ask()
    study.report(0, time_steps=100, rung=100, metrics={"cost/seconds": 1.0})
    assert study.complete(0) == "failed"
    assert study.why(0) == "val/bits_per_step was never a finite number"


def test_the_sampler_gets_the_limits(read, url):
    search = read("--constraints={cost/seconds: 10}")
    study = Study(search, open_storage(url, search.folder), max_time_steps=1000, val_every=100)
    for number, seconds in enumerate((4.0, 15.0)):
        study.ask()
        study.report(
            number, time_steps=100, rung=100, metrics=metrics(0.5 - number / 10, **{"cost/seconds": seconds})
        )
        study.complete(number)
    review = study.review(command="")
    assert [review.keeps_limits(trial) for trial in review.trials] == [True, False]
    assert review.best().number == 0
    stored = study.kept.trials()
    assert [trial.constraints for trial in stored] == [{"cost/seconds": -6.0}, {"cost/seconds": 5.0}]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("low: 2,", "low: 3,"), r"model\.bptt\.k1: 2 to 8 log, now 3 to 8 log"),
        (("  model.core.layers: [1, 2]\n", ""), r"model\.core\.layers: 1, 2, now not there"),
        (("minimize", "maximize"), "objectives"),
        (("objectives: {", "objectives: {cost/seconds: minimize, "), "objectives"),
    ],
)
def test_a_study_whose_space_changed_is_another(opened, tmp_path, change, expected):
    opened()
    (tmp_path / "search.yaml").write_text(SEARCH.replace(*change))
    with pytest.raises(BadInput, match=expected):
        opened()


def test_another_base_recipe_is_another_study(opened):
    opened()
    with pytest.raises(BadInput, match="another base recipe"):
        opened("--model.core.hidden_size=5")
    opened("--name=another", "--model.core.hidden_size=5")


def test_a_grid_is_laid_out_once_and_ends(opened):
    words = ("--sampler=grid", "--budget.trials=null")
    study = opened(*words)
    study.lay_out()
    opened(*words).lay_out()
    found = []
    while (asked := study.ask()) is not None:
        found.append(tuple(sorted(asked.values.items())))
        study.fail(asked.number, "")
    assert len(found) == len(set(found)) == 7 * 3 * 2


def test_a_grid_goes_on_with_more_budget_or_after_a_kill(opened):
    words = ("--sampler=grid", "--budget.trials=2")
    study = opened(*words)
    study.lay_out()
    first = [study.ask().values for _ in range(2)]
    assert study.ask() is None
    more = opened("--sampler=grid", "--budget.trials=5")
    assert more.ask() is None  # no process has laid out the rest
    more.lay_out()
    found = first + [more.ask().values for _ in range(3)]
    assert more.ask() is None
    assert len({tuple(sorted(values.items())) for values in found}) == 5


def test_one_process_leads(opened):
    study = opened()
    assert study.owners.lead()
    assert study.owners.lead()
    study.owners.release_lead()
    assert opened().owners.lead()


def work(folder, url, done):
    """One of many processes on the same study."""
    os.chdir(folder)
    search = read_search(["search.yaml", "--budget.trials=24"])
    study = Study(search, open_storage(url, search.folder), max_time_steps=1000, val_every=100)
    mine = 0
    while (asked := study.ask()) is not None:
        for rung in range(100, 400, 100):
            study.report(asked.number, time_steps=rung, rung=rung, metrics=metrics(1 / rung))
        study.complete(asked.number)
        mine += 1
    done.put(mine)


def test_eight_processes_share_a_new_study(read, url, tmp_path):
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["elman.search.study.study"])
    done = processes.Queue()
    started = [processes.Process(target=work, args=(tmp_path, url, done)) for _ in range(8)]
    for process in started:
        process.start()
    counts = [done.get(timeout=120) for _ in started]
    for process in started:
        process.join()
    assert [process.exitcode for process in started] == [0] * 8
    search = read("--budget.trials=24")
    study = Study(search, open_storage(url, search.folder), max_time_steps=1000, val_every=100)
    trials = study.review(command="").trials
    assert [trial.state for trial in trials] == ["complete"] * 24
    assert all(trial.curve == {100: 0.01, 200: 0.005, 300: pytest.approx(1 / 300)} for trial in trials)
    assert sum(counts) == 24


def test_which_metrics_are_kept():
    objectives = {"val/accuracy": "maximize", "val/bits_per_step": "minimize", "cost/seconds": "minimize"}
    found = {}
    for accuracy, bits, seconds in ((0.5, 0.9, 1.0), (0.8, 0.6, 2.0), (0.7, 0.1, 3.0)):
        found = merged(
            found,
            objectives,
            {"val/accuracy": accuracy, "val/bits_per_step": bits, "cost/seconds": seconds},
        )
    # The other figure of validation is that of the best moment, costs are the whole run's.
    assert found["best"] == {"val/accuracy": 0.8, "val/bits_per_step": 0.6, "cost/seconds": 3.0}
    assert merged(found, objectives, {"val/accuracy": float("nan")})["best"] == found["best"]


def test_a_journal_whose_writer_was_killed(read):
    search = read()
    path = search.folder / "journal.log"
    Study(search, open_storage(None, search.folder), max_time_steps=1000, val_every=100).ask()
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"op_code":5,"half')
    study = Study(search, open_storage(None, search.folder), max_time_steps=1000, val_every=100)
    assert path.read_bytes().startswith(whole)
    assert all(json.loads(line) for line in path.read_text().splitlines())
    assert study.ask().number == 1


def test_storage_that_is_none():
    for where, expected in (
        ("ftp://somewhere/x", "unknown scheme 'ftp'"),
        ("/proc/nowhere/journal.log", "cannot be written"),
    ):
        with pytest.raises(BadInput, match=expected):
            open_storage(where, Path("searches/x"))


@pytest.mark.parametrize(("value", "expected"), [("best", 0.1), ("last", 0.7), ("smoothed", 0.3)])
def test_which_validation_counts(value, expected):
    """Means of three in a row: 0.6, 0.433, 0.4, 0.3, 0.4, 0.5."""
    state = {}
    for bits in (0.9, 0.5, 0.4, 0.4, 0.4, 0.1, 0.7, 0.7):
        state = merged(state, {"val/bits_per_step": "minimize"}, metrics(bits), value=value)
    assert state["best"]["val/bits_per_step"] == pytest.approx(expected)


def test_a_report_that_is_sent_again_counts_once(opened):
    study = opened("--value=smoothed")
    study.ask()
    for steps, bits in ((100, 0.9), (200, 0.6), (200, 0.6), (300, 0.3)):
        study.report(0, time_steps=steps, rung=steps, metrics=metrics(bits))
    study.complete(0)
    (row,) = study.review(command="").trials
    assert row.objectives == {"val/bits_per_step": pytest.approx(0.6)}
    with pytest.raises(BadInput, match="value smoothed, not last"):
        opened("--value=last")
