"""A search of real runs: its record, its winner, and a trial of two processes that is pruned."""

import json
import os
import queue
import shutil
import signal
import socket
import warnings

import mlflow
import psutil
import pytest

from elman.cli import main
from elman.search.workers.places import Lease
from elman.search.workers.trial_process import PROGRAM, TrialProcess
from elman.tracking.study_run import StudyRun

BASE = """\
# Does it?
seed_everything: 3
model:
  core: {class_path: Elman, init_args: {hidden_size: 8}}
  bptt: {class_path: Truncated, init_args: {k1: 4, k2: 8}}
data: {class_path: Echo, init_args: {lag: 2, steps: 12, batch_size: 8}}
trainer: {max_time_steps: 4000, val_every: 1000, accelerator: cpu}
tracking: {system_metrics: false, flush_seconds: 0.1, experiment: echo}
"""
SEARCH = """\
# Which windows?
recipe: base.yaml
space:
  model.bptt.k1: {low: 2, high: 6}
  model.bptt.k2: {times: model.bptt.k1, low: 1, high: 3}
  model.core.layers: {low: 1, high: 2}
objectives: {val/bits_per_step: minimize, cost/core_steps_per_step: minimize}
budget: {trials: 2}
"""
# What Optuna and MLflow will take away is not used, by the search or by its trials; MLflow's own store uses
# an option that SQLAlchemy will take away.
STRICT = "error::FutureWarning,error::DeprecationWarning,ignore:The ``noload`` loader:DeprecationWarning"
STEPS = [960, 1920, 2880, 3840, 4032]  # batches of 96 time steps; the budget ends after the last


@pytest.fixture(scope="module")
def folder(tmp_path_factory, fresh_store):
    folder = tmp_path_factory.mktemp("real")
    shutil.copy(fresh_store, folder / "mlflow.db")
    (folder / "base.yaml").write_text(BASE)
    (folder / "search.yaml").write_text(SEARCH)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlflow.db")
        patch.setenv("PYTHONWARNINGS", STRICT)
        with warnings.catch_warnings():
            warnings.simplefilter("error", FutureWarning)
            warnings.simplefilter("error", DeprecationWarning)
            warnings.filterwarnings("ignore", "The ``noload`` loader", DeprecationWarning)
            assert main(["search", "search.yaml", "--workers=2"]) == 0
    return folder


@pytest.fixture
def there(folder, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlflow.db")
    return folder


def study(folder):
    (path,) = folder.glob("searches/*/study.json")
    return json.loads(path.read_text())


def test_every_trial_is_a_run_with_curves_below_the_study(there):
    client = mlflow.MlflowClient()
    experiment = client.get_experiment_by_name("echo").experiment_id
    runs = client.search_runs([experiment], "tags.`elman.trial` != ''")
    (own,) = [r for r in client.search_runs([experiment]) if "elman.trial" not in r.data.tags]
    assert own.info.status == "FINISHED"
    assert len(runs) == 2
    for run in runs:
        params = run.data.params
        assert run.info.status == "FINISHED"
        assert run.data.tags["mlflow.parentRunId"] == own.info.run_id
        assert run.data.tags["elman.state"] == "complete"
        assert params["trial"] == run.data.tags["elman.trial"]
        assert int(params["k2"]) == int(params["k1"]) * int(params["k2/k1"])
        assert params["depth"] == params["layers"] == params["model.core.init_args.layers"]
        assert params["model.bptt.init_args.k1"] == params["k1"]
        for name in ("val/bits_per_step", "cost/core_steps_per_step", "cost/seconds"):
            steps = [point.step for point in client.get_metric_history(run.info.run_id, name)]
            assert steps == STEPS


def test_the_cost_follows_from_the_window(there):
    for trial in study(there)["trials"]:
        k1, k2 = trial["values"]["k1"], trial["values"]["k2"]
        windows = [(max(0, first + k1 - k2), min(first + k1, 12)) for first in range(0, 12, k1)]
        expected = sum(stop - start for start, stop in windows) / 12
        # Overlap reaches into the batch before only where rows continue; these begin anew in every batch.
        assert trial["objectives"]["cost/core_steps_per_step"] == pytest.approx(expected)


def test_the_winner_gives_its_figure_again(there, capsys):
    found = study(there)
    best = min(found["trials"], key=lambda trial: trial["objectives"]["val/bits_per_step"])
    (recipe,) = there.glob("searches/*/best.yaml")
    assert main(["fit", str(recipe), "--trainer.progress=false", "--tracking.experiment=again"]) == 0
    client = mlflow.MlflowClient()
    (run,) = client.search_runs([client.get_experiment_by_name("again").experiment_id])
    points = [p.value for p in client.get_metric_history(run.info.run_id, "val/bits_per_step")]
    assert min(points) == best["objectives"]["val/bits_per_step"]
    fronts = list(there.glob("searches/*/pareto/trial_*.yaml"))
    assert fronts


def test_from_the_shell(there, capsys):
    assert main(["best", "echo"]) == 0
    assert "k1" in capsys.readouterr().out
    assert main(["report", "echo", "--output=page.html"]) == 0
    assert "k2/k1" in (there / "page.html").read_text()
    assert main(["runs", "echo", "--format=jsonl"]) == 0
    assert len(capsys.readouterr().out.splitlines()) >= 3


def processes_of(group):
    found = []
    for process in psutil.process_iter():
        try:
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (ProcessLookupError, psutil.Error):
            continue
    return found


def trial_of(folder, name, recipe):
    """A trial's process, started by hand, and its messages."""
    messages = queue.Queue()
    runs = StudyRun(f"sqlite:///{folder}/mlflow.db", experiment=name, name="by hand")
    runs.open(None, study_id=name, recipe="search")
    (folder / f"{name}.yaml").write_text(recipe)
    trial = TrialProcess(
        folder / f"{name}.yaml",
        folder / f"{name}.txt",
        run_id=runs.trial(0, params={"trial": 0}),
        lease=Lease(place=0, gpus=(), threads=1),
        program=PROGRAM,
        home=folder,
        receive=messages.put,
    )
    return trial, messages


def test_two_processes_of_a_trial_stop_together_when_it_is_pruned(there):
    recipe = BASE.replace("accelerator: cpu", "accelerator: cpu, devices: 2")
    trial, messages = trial_of(there, "pruned", recipe)
    received = []
    while None not in received:
        received.append(messages.get(timeout=120))
        trial.answer(prune=len(received) == 2)
    assert trial.wait() == 75, trial.output.read_text()
    assert [message and message["rung"] for message in received] == [1000, 2000, None]
    psutil.wait_procs(processes_of(trial.pid), timeout=10)  # killed, which takes a moment
    assert processes_of(trial.pid) == []
    run = mlflow.MlflowClient().get_run(trial.run_id)
    assert run.info.status == "KILLED"
    assert run.data.tags["elman.state"] == "pruned"


def test_a_trial_whose_search_died_stops_itself(there):
    trial, messages = trial_of(there, "orphan", BASE.replace("4000", "4_000_000_000"))
    assert messages.get(timeout=120)
    trial.connection.shutdown(socket.SHUT_RDWR)
    assert trial._process.wait(60) == 128 + signal.SIGTERM, trial.output.read_text()
    assert mlflow.MlflowClient().get_run(trial.run_id).info.status == "KILLED"
    assert list(there.glob(f"checkpoints/{trial.run_id}/step-*.ckpt"))
