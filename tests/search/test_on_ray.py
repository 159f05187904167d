"""A search on a real Ray cluster, of two nodes on this machine: python -m pytest -m ray."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import mlflow
import psutil
import pytest
from searched import behave, check, rungs, runs, trials, wait_until

from elman.errors import BadInput
from elman.search.space.definition import read_search
from elman.search.workers import on_ray, ray_trial

pytestmark = pytest.mark.ray
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def ray():
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    return pytest.importorskip("ray", reason="needs the extra: pip install elman[ray]")


@pytest.fixture(scope="module")
def head(ray):
    """A cluster of one node with a CPU."""
    from ray.cluster_utils import Cluster

    Path("/tmp/ray").mkdir(exist_ok=True)  # where Ray notes its newest cluster, wherever that is
    place = tempfile.mkdtemp(prefix="elman-ray-")  # pytest's names are too long for its sockets
    started = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False, "temp_dir": place}
    )
    yield started
    started.shutdown()
    shutil.rmtree(place)


@pytest.fixture
def cluster(head):
    """With a second node, which has two CPUs and what passes for two GPUs; a test may take it away."""
    if len(head.list_all_nodes()) < 2:
        head.second = head.add_node(num_cpus=2, num_gpus=2)
    return head


@pytest.fixture
def start(folder):
    """Start a program in the folder; what it prints is in `printed`."""
    started = []

    def start(*command, address=""):
        environment = {**os.environ, "RAY_ADDRESS": address, "RAY_USAGE_STATS_ENABLED": "0"}
        with (folder / "printed").open("w") as printed:
            process = subprocess.Popen(
                [sys.executable, *map(str, command)],
                cwd=folder,
                env=environment,
                stdout=printed,
                stderr=printed,
                start_new_session=True,
            )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def toys(start, cluster):
    def toys(*words, gpus=0):
        return start(HERE / "toy_on_ray.py", gpus, "search.yaml", *words, address=cluster.address)

    return toys


def where(folder, number):
    """The raylet, the GPUs and the tracking store that a trial's process was given."""
    trial = folder / "searches" / f"{folder.name}-search" / "trials" / f"{number:04d}"
    return (trial / "where").read_text().split()


def test_two_nodes(folder, toys):
    behave(folder, all={"seconds": 0.1})
    process = toys("--budget.trials=9")
    assert process.wait(120) == 0, (folder / "printed").read_text()
    check(folder, "--budget.trials=9", states=["complete"] * 9)
    assert [rungs(folder, number) for number in range(9)] == [[1, 2, 3]] * 9
    raylets, gpus, stores = zip(*(where(folder, number) for number in range(9)), strict=True)
    assert len(set(raylets)) == 2
    assert set(gpus) == {"none"}
    assert set(stores) == {f"sqlite:///{folder}/mlflow.db"}
    printed = (folder / "printed").read_text()
    assert printed.startswith("trial ")
    assert "ray" not in printed


def test_each_trial_has_its_gpu(folder, toys):
    behave(folder, all={"seconds": 0.2})
    assert toys("--budget.trials=6", gpus=1).wait(120) == 0, (folder / "printed").read_text()
    check(folder, "--budget.trials=6", states=["complete"] * 6)
    raylets, gpus, _ = zip(*(where(folder, number) for number in range(6)), strict=True)
    assert len(set(raylets)) == 1
    assert set(gpus) == {"0", "1"}


@pytest.mark.parametrize("how", ["raylet", "worker"])
def test_a_node_is_lost(folder, toys, cluster, how):
    behave(folder, all={"seconds": 0.2, "rungs": 40})
    process = toys()
    wait_until(lambda: all(len(rungs(folder, number)) >= 2 for number in range(3)))
    second = raylet(cluster.second)
    (lost, *_) = [number for number in range(3) if where(folder, number)[0] == second]
    if how == "raylet":
        cluster.remove_node(cluster.second, allow_graceful=False)
    else:
        pid = folder / "searches" / f"{folder.name}-search" / "trials" / f"{lost:04d}" / "pid"
        psutil.Process(int(pid.read_text())).parent().kill()
    assert process.wait(180) == 0, (folder / "printed").read_text()
    check(folder, states=["complete"] * 4)
    assert all(set(rungs(folder, number)) == set(range(1, 41)) for number in range(4))
    assert all(set(trial.curve) == set(range(100, 4100, 100)) for trial in trials(folder))
    if how == "raylet":
        assert where(folder, lost)[0] != second


def raylet(node):
    (started,) = node.all_processes["raylet"]
    return str(started.process.pid)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_lets_trials_save_themselves(folder, toys, number):
    behave(folder, all={"seconds": 0.2, "rungs": 30})
    process = toys("--budget.trials=6")
    wait_until(lambda: all(rungs(folder, number) for number in range(3)))
    os.killpg(process.pid, number)  # as a terminal does
    assert process.wait(60) == 128 + number, (folder / "printed").read_text()
    nested, (own,) = runs(folder)
    assert {run.info.status for run in [*nested, own]} == {"KILLED"}
    assert toys("--budget.trials=6").wait(120) == 0, (folder / "printed").read_text()
    check(folder, "--budget.trials=6", states=["complete"] * 6)
    assert [rungs(folder, n) for n in range(6)] == [list(range(1, 31))] * 6


def test_the_search_is_killed(folder, toys):
    behave(folder, all={"seconds": 0.2, "rungs": 6})
    process = toys()
    wait_until(lambda: all(rungs(folder, number) for number in range(3)))
    process.kill()
    process.wait()
    assert toys().wait(120) == 0, (folder / "printed").read_text()
    check(folder, states=["complete"] * 4)
    assert all(set(trial.curve) == set(range(100, 700, 100)) for trial in trials(folder))


@pytest.mark.parametrize("devices", [1, 2])
def test_real_trials_without_a_cluster(ray, folder, start, devices):
    words = ("search.yaml", "--on=ray", "--budget.trials=2", f"--trainer.devices={devices}")
    process = start("-m", "elman", "search", *words)
    assert process.wait(180) == 0, (folder / "printed").read_text()
    nested, (own,) = runs(folder)
    assert [run.info.status for run in [*nested, own]] == ["FINISHED"] * 3
    client = mlflow.MlflowClient(f"sqlite:///{folder}/mlflow.db")
    for run in nested:
        history = client.get_metric_history(run.info.run_id, "val/bits_per_step")
        assert [point.step for point in history] == [384, 768, 1152]
        assert run.data.params["trainer.devices"] == str(devices)


def test_more_than_the_cluster_has(folder, toys):
    for words, gpus, printed in (
        ((), 3, "takes 3 CPUs (trainer.threads of each process) and 3 GPUs (--gpus-per-trial), but no "
                "machine of the cluster has more than 2 and 2"),
        (("--trainer.threads=32", "--trainer.devices=2"), 0, "takes 64 CPUs"),
    ):  # fmt: skip
        assert toys(*words, gpus=gpus).wait(60) == 1  # the command line prints the last line alone
        *_, last = (folder / "printed").read_text().splitlines()
        assert last.startswith("elman.errors.BadInput: --on=ray: a trial takes")
        assert printed in last


def test_no_ray(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(BadInput, match=r"--on=ray needs Ray: pip install elman\[ray\]"):
        on_ray._connected()


def test_no_cluster_at_the_address(ray, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "ray://head:10001")
    with pytest.raises(BadInput, match="RAY_ADDRESS=ray://head:10001 is for clients"):
        on_ray._connected()


class Machines:
    """Stands in for Ray on a cluster of several machines."""

    def __init__(self, *names):
        self.names = names

    def nodes(self):
        return [
            {"Alive": True, "NodeManagerHostname": name, "Resources": {"CPU": 3.0, "GPU": 1.0}}
            for name in self.names
        ]


def test_a_file_is_no_store_of_several_machines(folder):
    on_ray._refuse_store_of_one(Machines("a", "a"), read_search(["search.yaml"]))
    with pytest.raises(BadInput, match="has 2 machines, but the tracking store is a file of one"):
        on_ray._refuse_store_of_one(Machines("a", "b"), read_search(["search.yaml"]))


def test_the_room_of_a_cluster():
    both = Machines("a", "b")
    assert on_ray._room(both, gpus=1, threads=1) == 2
    assert on_ray._room(both, gpus=0, threads=2) == 2  # a trial does not span machines
    assert on_ray._room(both, gpus=0.5, threads=1) == 4


def test_the_gpus_of_a_trial():
    both = Machines("a", "b")
    assert on_ray._gpus_of_a_trial(both, None, processes=1) == 1
    assert on_ray._gpus_of_a_trial(both, None, processes=2) == 2
    assert on_ray._gpus_of_a_trial(both, 0, processes=2) == 0
    with pytest.raises(BadInput, match=r"whole number, or a share below 1, got 1\.5"):
        on_ray._gpus_of_a_trial(both, 1.5, processes=1)
    with pytest.raises(BadInput, match=r"trainer\.devices=2, but a trial has 1 .* --gpus-per-trial=2"):
        on_ray._gpus_of_a_trial(both, 1, processes=2)


def test_a_machine_that_is_unfit(tmp_path):
    (tmp_path / "probe").write_text("word")
    assert not ray_trial.unfit(str(tmp_path / "probe"), "word", ray_trial.__version__)
    assert "does not see" in ray_trial.unfit(str(tmp_path / "probe"), "another", ray_trial.__version__)
    assert "does not see" in ray_trial.unfit(str(tmp_path / "other"), "word", ray_trial.__version__)
    assert "install the same" in ray_trial.unfit(str(tmp_path / "probe"), "word", "0.0")
