"""Servers, databases and processes that are killed while real trials run: nothing lost, nothing twice.

python -m pytest -m slow tests/search/test_outages.py
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import mlflow
import psutil
import pytest
from searched import wait_until
from standing import Postgres, plain_server

from elman.search.space.definition import read_search
from elman.search.workers.session import open_session

pytestmark = pytest.mark.slow
AWAY_SECONDS = 30.0
BASE = """\
seed_everything: 3
model:
  core: {class_path: Elman, init_args: {hidden_size: 8}}
  bptt: {class_path: Truncated, init_args: {k1: 4, k2: 8}}
data: {class_path: Echo, init_args: {lag: 2, steps: 12, batch_size: 8}}
trainer: {max_time_steps: 80_000, val_every: 5_000, accelerator: cpu, threads: 1, progress: false}
tracking: {system_metrics: false, flush_seconds: 0.2, experiment: echo}
"""
SEARCH = """\
# What survives?
recipe: base.yaml
space:
  model.optimizer.lr: {low: 0.001, high: 0.01}
objectives: {val/bits_per_step: minimize}
budget: {trials: 3}
"""
TRIALS = 3


@pytest.fixture(scope="module")
def plain(tmp_path_factory, fresh_store):
    folder = tmp_path_factory.mktemp("plain")
    shutil.copy(fresh_store, folder / "mlflow.db")
    server = plain_server(folder, f"sqlite:///{folder}/mlflow.db")
    yield server
    server.kill()


@pytest.fixture
def postgres():
    folder = Path(tempfile.mkdtemp(prefix="elman-pg-"))  # it refuses pytest's folder, which is closed to it
    started = Postgres(folder)
    yield started
    started.stop()
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, fresh_store):
    """The steps of every metric of a run that nothing happens to."""
    folder = tmp_path_factory.mktemp("undisturbed")
    shutil.copy(fresh_store, folder / "mlflow.db")
    (folder / "base.yaml").write_text(BASE)
    subprocess.run([sys.executable, "-m", "elman", "fit", "base.yaml"], cwd=folder, check=True)
    client = mlflow.MlflowClient(f"sqlite:///{folder}/mlflow.db")
    (run,) = client.search_runs([client.get_experiment_by_name("echo").experiment_id])
    return steps(client, run)


def steps(client, run):
    """How often each (metric, step) is there; a trial's run has also what its study took from it."""
    return Counter(
        (key, point.step)
        for key in run.data.metrics
        if key.startswith(("train/", "val/", "cost/"))
        for point in client.get_metric_history(run.info.run_id, key)
    )


class Search:
    """A search in a process, in a folder, under way."""

    def __init__(self, folder, address, storage):
        self.folder, self.address, self.storage = folder, address, storage
        (folder / "base.yaml").write_text(BASE)
        (folder / "search.yaml").write_text(SEARCH)
        self.start()

    def start(self):
        words = [sys.executable, "-m", "elman", "search", "search.yaml", "--workers=2"]
        words += [f"--storage={self.storage}"] if self.storage else []
        environment = {**os.environ, "MLFLOW_TRACKING_URI": self.address}
        with (self.folder / "printed").open("a") as printed:
            self.process = subprocess.Popen(
                words,
                cwd=self.folder,
                env=environment,
                stdout=printed,
                stderr=printed,
                start_new_session=True,
            )

    def printed(self):
        trials = self.folder.glob("searches/*/trials/*/output.txt")
        return "\n".join(path.read_text() for path in [self.folder / "printed", *trials])

    def runs(self):
        """Those of trials, by number, and the study's own, asked of a server that answers."""
        client = mlflow.MlflowClient(self.address)
        found = client.search_runs([client.get_experiment_by_name("echo").experiment_id])
        found = [run for run in found if run.data.tags.get("elman.study") == self.name]
        nested = [run for run in found if "elman.trial" in run.data.tags]
        return (
            client,
            sorted(nested, key=lambda run: int(run.data.tags["elman.trial"])),
            [run for run in found if run not in nested],
        )

    @property
    def name(self):
        return f"{self.folder.name}/search"

    def trial(self, number):
        """The process of a trial that has validated twice."""
        folder = self.folder / "searches" / self.name.replace("/", "-") / "trials" / f"{number:04d}"
        wait_until(lambda: len(list(self.checkpoints(number))) > 0, seconds=180)
        for process in psutil.process_iter(["cmdline"]):
            if str(folder / "recipe.yaml") in (process.info["cmdline"] or []):
                return process
        raise AssertionError(self.printed())

    def checkpoints(self, number):
        recipe = self.folder / "searches" / self.name.replace("/", "-") / "trials" / f"{number:04d}"
        if recipe.is_dir():
            _, nested, _ = self.runs()
            for run in nested:
                if run.data.tags["elman.trial"] == str(number):
                    yield from (self.folder / "checkpoints" / run.info.run_id).glob("step-*.ckpt")

    def check(self, undisturbed):
        assert self.process.wait(400) == 0, self.printed()
        os.chdir(self.folder)
        os.environ["MLFLOW_TRACKING_URI"] = self.address
        session = open_session(read_search(["search.yaml"]), self.storage)
        assert [trial.state for trial in session.review().trials] == ["complete"] * TRIALS, self.printed()
        client, nested, (own,) = self.runs()
        assert [run.info.status for run in [*nested, own]] == ["FINISHED"] * (TRIALS + 1), self.printed()
        assert [run.data.tags["elman.trial"] for run in nested] == ["0", "1", "2"]
        assert {run.data.tags["mlflow.parentRunId"] for run in nested} == {own.info.run_id}
        for run in nested:
            found = steps(client, run)
            assert found == undisturbed, (found - undisturbed, undisturbed - found, self.printed())
        for process in psutil.process_iter(["cmdline"]):
            words = process.info["cmdline"] or []
            assert not any(str(self.folder) in word for word in words), words


@pytest.fixture
def search(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")  # put back after `check`
    started = []

    def search(address, storage=None):
        started.append(Search(tmp_path, address, storage))
        return started[-1]

    yield search
    for each in started:
        if each.process.poll() is None:
            each.process.send_signal(signal.SIGKILL)
            each.process.wait()


def test_the_tracking_server_is_killed(search, plain, undisturbed):
    started = search(plain.address)
    started.trial(0)
    plain.kill()
    time.sleep(AWAY_SECONDS)
    plain.start()
    started.check(undisturbed)


def test_the_database_is_stopped(search, postgres, tmp_path_factory, undisturbed):
    for name in ("studies", "tracking"):
        postgres._control("createdb", "-h", str(postgres._server.pgdata), "-p", str(postgres.port),
                          "-U", "postgres", name)  # fmt: skip
    server = plain_server(tmp_path_factory.mktemp("server"), postgres.url("tracking"))
    try:
        started = search(server.address, postgres.url("studies"))
        started.trial(0)
        postgres.stop()
        time.sleep(AWAY_SECONDS)
        postgres.start()
        started.check(undisturbed)
    finally:
        server.kill()


def test_a_trial_is_killed(search, plain, undisturbed):
    started = search(plain.address)
    started.trial(0).kill()
    started.check(undisturbed)


def test_the_search_is_killed_and_started_again_at_once(search, plain, undisturbed):
    started = search(plain.address)
    trial = started.trial(0)
    trial.suspend()  # as one in the middle of a long batch: it ends late
    started.process.kill()
    started.process.wait()
    started.start()
    wait_until(lambda: "is being written by process" in started.printed(), seconds=120)
    trial.resume()
    started.check(undisturbed)


def test_everything_is_killed(search, plain, undisturbed):
    started = search(plain.address)
    trial = started.trial(0)
    for process in (started.process, trial):
        process.send_signal(signal.SIGKILL)
    plain.kill()
    started.process.wait()
    time.sleep(AWAY_SECONDS / 3)
    plain.start()
    started.start()
    started.check(undisturbed)
