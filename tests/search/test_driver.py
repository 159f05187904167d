"""The search at work, with real processes that learn nothing: each trial ends once, whichever is killed."""

import multiprocessing
import os
import signal
import sys
from pathlib import Path

import mlflow
import psutil
import pytest
from forked import forget_runs
from searched import behave, check, rungs, runs, trials, wait_until

from elman.search.space.definition import read_search
from elman.search.workers.driver import Driver
from elman.search.workers.places import places
from elman.search.workers.session import open_session
from elman.search.workers.work import work

TOY = (sys.executable, str(Path(__file__).with_name("toy_trial.py")))


def search(*words, workers=2, quick=True):
    """A search here; the exit code."""
    session = open_session(read_search(["search.yaml", *words]), None)
    here = places(workers=workers, gpus_per_trial=0, gpus=[], cores=workers)
    return work(Driver(session, here, program=TOY))


def searching(folder, environment, *words):
    forget_runs()
    os.environ |= environment
    os.chdir(folder)
    os.setsid()
    raise SystemExit(search(*words))


@pytest.fixture
def start(folder):
    """Start a search in a process of its own."""
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(
        ["elman.search.workers.session", "elman.search.workers.driver", "optuna", "mlflow"]
    )
    started = []

    def start(*words, **environment):
        process = processes.Process(target=searching, args=(folder, environment, *words))
        process.start()
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()


def test_from_the_first_trial_to_the_files(folder, capsys):
    behave(folder, **{"2": {"value": -5.0}})
    assert search() == 0
    check(folder, states=["complete"] * 4)
    nested, (own,) = runs(folder)
    assert nested[1].data.params.items() >= {"trial": "1"}.items()
    k1, times, k2 = (int(nested[1].data.params[name]) for name in ("k1", "k2/k1", "k2"))
    assert k2 == k1 * times
    assert own.data.metrics["trials/complete"] == 4
    assert own.data.metrics["best/val/bits_per_step"] == pytest.approx(-5 + 1 / 3)
    assert "trial 2" in own.data.tags["mlflow.note.content"]
    best = (folder / "searches" / f"{folder.name}-search" / "best.yaml").read_text()
    assert "k1: " + nested[2].data.params["k1"] in best
    assert best.startswith("# Trial 2 of the search")
    client = mlflow.MlflowClient(f"sqlite:///{folder}/mlflow.db")
    names = {item.path for item in client.list_artifacts(own.info.run_id)}
    assert names >= {"best.yaml", "study.json", "trials.csv", "report.html", "search.yaml", "pictures"}
    assert "val/bits_per_step" in capsys.readouterr().out

    assert search("--budget.trials=6") == 0  # goes on
    check(folder, "--budget.trials=6", states=["complete"] * 6)
    assert [rungs(folder, number) for number in range(6)] == [[1, 2, 3]] * 6


def test_pruned_failed_and_crashed_trials(folder):
    behave(
        folder,
        all={"rungs": 4},
        **{
            "0": {"value": 0.0},
            "1": {"value": 0.1},
            "2": {"value": 9.0},  # the median prunes it
            "3": {"value": 0.05, "dies_at": 2},  # goes on
            "4": {"code": 2},  # prints why
            "5": {"code": 1},  # crashes again and again
        },
    )
    words = ("--pruner=median", "--prune_after=2", "--budget.trials=6", "--retries=1")
    assert search(*words, workers=1) == 0
    check(folder, *words, states=["complete", "complete", "pruned", "complete", "failed", "failed"])
    found = trials(folder, *words)
    assert found[4].why == "toy.json: this trial cannot run; mend it"
    assert found[5].why == "toy.json: this trial cannot run; mend it (2 times)"
    assert rungs(folder, 2) == [1]
    assert rungs(folder, 3) == [1, 2, 3, 4]
    assert found[3].curve == {100: 1.05, 200: 0.55, 300: pytest.approx(0.05 + 1 / 3), 400: 0.3}


def test_a_recipe_that_never_works_ends_the_search(folder, capsys):
    from elman.errors import BadInput

    behave(folder, all={"code": 2})
    with pytest.raises(BadInput, match="the last 5 trials failed, of this one: toy"):
        search("--budget.trials=20", workers=1)
    assert len(trials(folder, "--budget.trials=20")) == 5


def test_kill_9_and_the_same_command(folder, start):
    """Of a trial, of the search, of both at once."""
    behave(folder, all={"seconds": 0.15, "rungs": 6})
    folders = folder / "searches" / f"{folder.name}-search" / "trials"

    def kill_trial(number):
        os.kill(int((folders / f"{number:04d}" / "pid").read_text()), signal.SIGKILL)

    def kill_search():
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        pids = [int(path.read_text()) for path in folders.glob("*/pid")]
        wait_until(lambda: not any(psutil.pid_exists(pid) for pid in pids))

    process = start()
    wait_until(lambda: len(rungs(folder, 0)) >= 2)
    kill_trial(0)
    wait_until(lambda: len(rungs(folder, 1)) >= 4)
    kill_search()
    process = start()
    wait_until(lambda: len(rungs(folder, 2)) >= 2)
    kill_trial(2)
    kill_search()
    process = start()
    process.join(60)
    assert process.exitcode == 0
    check(folder, states=["complete"] * 4)
    # A rung that was run but not yet answered may run again; none is counted twice.
    for number in range(4):
        assert sorted(set(rungs(folder, number))) == [1, 2, 3, 4, 5, 6]
    assert all(set(trial.curve) == set(range(100, 700, 100)) for trial in trials(folder))


def test_a_stop_lets_trials_save_themselves(folder, start):
    """Also SLURM's, which puts the job back into the queue."""
    behave(folder, all={"seconds": 0.15, "rungs": 12})
    scontrol = folder / "bin" / "scontrol"
    scontrol.parent.mkdir()
    scontrol.write_text(f"#!/bin/sh\necho $* > {folder}/asked.txt\n")
    scontrol.chmod(0o755)
    job = {"PATH": f"{scontrol.parent}{os.pathsep}{os.environ['PATH']}", "SLURM_JOB_ID": "7"}
    for number, signalled in enumerate((signal.SIGINT, signal.SIGUSR1)):
        process = start(**job)
        wait_until(lambda least=1 + 2 * number: min(len(rungs(folder, n)) for n in (0, 1)) >= least)
        os.kill(process.pid, signalled)
        process.join(60)
        assert process.exitcode == 128 + signalled
        nested, (own,) = runs(folder)
        assert {run.info.status for run in [*nested, own]} == {"KILLED"}
    assert (folder / "asked.txt").read_text() == "requeue 7\n"
    assert search() == 0
    check(folder, states=["complete"] * 4)
    assert [rungs(folder, n) for n in range(4)] == [list(range(1, 13))] * 4


def test_two_searches_share_a_study(folder, start):
    behave(folder, all={"seconds": 0.05})
    both = [start("--budget.trials=12"), start("--budget.trials=12")]
    for process in both:
        process.join(90)
    assert [process.exitcode for process in both] == [0, 0]
    check(folder, "--budget.trials=12", states=["complete"] * 12)
    assert [rungs(folder, number) for number in range(12)] == [[1, 2, 3]] * 12
