"""How tests set up a search in a folder, and what they check afterwards."""

import json
import time

import mlflow
import psutil

from elman.search.space.definition import read_search
from elman.search.workers.session import open_session

ENDS = {"complete": "FINISHED", "pruned": "KILLED", "failed": "FAILED"}


def behave(folder, **how):
    (folder / "toy.json").write_text(json.dumps(how))


def trials(folder, *words, storage=None):
    session = open_session(read_search(["search.yaml", *words]), storage)
    return session.review().trials


def runs(folder):
    """The trials' runs and the study's own."""
    client = mlflow.MlflowClient(f"sqlite:///{folder}/mlflow.db")
    found = client.search_runs([e.experiment_id for e in client.search_experiments()])
    nested = sorted(
        (run for run in found if "elman.trial" in run.data.tags),
        key=lambda r: int(r.data.tags["elman.trial"]),
    )
    return nested, [run for run in found if "elman.trial" not in run.data.tags]


def check(folder, *words, states, storage=None):
    """Every trial has one end, the same here and in MLflow, and no process is left."""
    found = trials(folder, *words, storage=storage)
    assert [trial.state for trial in found] == states
    nested, (own,) = runs(folder)
    assert [run.data.tags["elman.trial"] for run in nested] == [str(t.number) for t in found]
    assert [run.info.status for run in nested] == [ENDS[state] for state in states]
    assert [run.data.tags["elman.state"] for run in nested] == states
    assert {run.data.tags["mlflow.parentRunId"] for run in nested} == {own.info.run_id}
    assert own.info.status == "FINISHED"
    for pid in folder.glob("searches/*/trials/*/pid"):
        assert not psutil.pid_exists(int(pid.read_text()))


def wait_until(true, seconds=60):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def rungs(folder, number):
    """Which rungs a trial has run, over all its processes."""
    log = folder / "searches" / f"{folder.name}-search" / "trials" / f"{number:04d}" / "log.txt"
    return [int(word) for word in log.read_text().split()] if log.exists() else []
