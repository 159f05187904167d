"""Several searches on one study in PostgreSQL: each trial once, one of them leads, whichever is killed.

python -m pytest -m slow tests/search/test_shared_study.py
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import mlflow
import psutil
import pytest
from searched import behave, check, rungs, runs, trials, wait_until
from standing import Postgres

from elman.search.space.definition import read_search
from elman.search.study.ownership import LEADER
from elman.search.workers.session import open_session

pytestmark = pytest.mark.slow
HERE = Path(__file__).parent
TRIALS = 8
WORDS = ("search.yaml", f"--budget.trials={TRIALS}")


@pytest.fixture(scope="module")
def postgres():
    folder = Path(tempfile.mkdtemp(prefix="elman-pg-"))  # it refuses pytest's folder, which is closed to it
    started = Postgres(folder)
    yield started
    started.stop()
    shutil.rmtree(folder)


@pytest.fixture
def storage(postgres):
    return postgres.url("postgres")  # studies are distinguished by the name of the test's folder


@pytest.fixture
def start(folder, storage):
    """Start a search as on a machine of that name."""
    started = []

    def start(machine):
        with (folder / f"printed-{len(started)}").open("w") as printed:
            process = subprocess.Popen(
                [sys.executable, str(HERE / "toy_search.py"), machine, storage, *WORDS],
                cwd=folder,
                stdout=printed,
                stderr=printed,
                start_new_session=True,
            )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()


def leader(storage):
    """The process that leads."""
    owner = open_session(read_search(WORDS), storage).study.kept.notes().get(LEADER) or "::"
    return int(owner.split(":")[1] or 0)


def printed(folder):
    return [path.read_text() for path in sorted(folder.glob("printed-*"))]


def test_real_trials_of_two_processes_from_two_searches(folder, storage):
    words = ("search.yaml", "--budget.trials=3", "--trainer.devices=2")
    command = [sys.executable, "-m", "elman", "search", *words, f"--storage={storage}", "--workers=1"]
    both = []
    for name in ("a", "b"):
        with (folder / f"printed-{name}").open("w") as output:
            both.append(subprocess.Popen(command, cwd=folder, stdout=output, stderr=output))
    assert [process.wait(400) for process in both] == [0, 0], printed(folder)
    check(folder, *words[1:], states=["complete"] * 3, storage=storage)
    client = mlflow.MlflowClient(f"sqlite:///{folder}/mlflow.db")
    for run in runs(folder)[0]:
        assert run.data.params["trainer.devices"] == "2"
        points = client.get_metric_history(run.info.run_id, "val/bits_per_step")
        assert [point.step for point in points] == [384, 768, 1152]


def test_two_at_once(folder, storage, start):
    behave(folder, all={"seconds": 0.05})
    both = [start("a"), start("b")]
    assert [process.wait(180) for process in both] == [0, 0], printed(folder)
    check(folder, WORDS[1], states=["complete"] * TRIALS, storage=storage)
    assert [rungs(folder, number) for number in range(TRIALS)] == [[1, 2, 3]] * TRIALS


@pytest.mark.parametrize("machines", [("a", "a"), ("a", "b")], ids=["one machine", "two machines"])
def test_who_leads_is_killed(folder, storage, start, machines):
    behave(folder, all={"seconds": 0.4, "rungs": 4})
    both = [start(machine) for machine in machines]
    wait_until(lambda: all(rungs(folder, number) for number in range(4)), seconds=120)
    first = leader(storage)
    dead, other = sorted(both, key=lambda process: process.pid != first)
    assert dead.pid == first
    dead.kill()
    dead.wait()
    assert other.wait(180) == 0, printed(folder)
    check(folder, WORDS[1], states=["complete"] * TRIALS, storage=storage)
    assert all(set(rungs(folder, number)) == {1, 2, 3, 4} for number in range(TRIALS))
    assert all(set(t.curve) == {100, 200, 300, 400} for t in trials(folder, WORDS[1], storage=storage))


def test_all_are_killed_and_another_machine_goes_on(folder, storage, start):
    behave(folder, all={"seconds": 0.3, "rungs": 4})
    first = start("a")
    wait_until(lambda: rungs(folder, 0) and rungs(folder, 1), seconds=120)
    first.kill()
    first.wait()
    assert start("b").wait(180) == 0, printed(folder)
    check(folder, WORDS[1], states=["complete"] * TRIALS, storage=storage)


def test_who_was_silent_for_too_long_gives_up_its_trials(folder, storage, start):
    behave(folder, all={"seconds": 0.5, "rungs": 8})
    first = start("a")
    wait_until(lambda: rungs(folder, 0) and rungs(folder, 1), seconds=120)
    psutil.Process(first.pid).suspend()  # as a machine that is cut off
    second = start("b")
    wait_until(lambda: leader(storage) == second.pid, seconds=120)
    wait_until(lambda: len(rungs(folder, 2)) > 0, seconds=120)
    psutil.Process(first.pid).resume()
    assert [process.wait(240) for process in (first, second)] == [0, 0], printed(folder)
    check(folder, WORDS[1], states=["complete"] * TRIALS, storage=storage)
    assert "another search goes on with it" in printed(folder)[0]
