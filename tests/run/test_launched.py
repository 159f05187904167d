"""torchrun and srun start the processes of one run: it is one run, and what ends one of them ends all."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from launching import TINY, Fit, Ranks, wait_until

from elman.cli import main
from elman.run.launched import Launch, launched
from elman.tracking.ui import free_port

TORCHRUN = Path(sys.executable).with_name("torchrun")
AGENT = {
    **{"TORCHELASTIC_RUN_ID": "none", "RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1"},
    **{"LOCAL_WORLD_SIZE": "2", "GROUP_RANK": "1", "GROUP_WORLD_SIZE": "2"},
    **{"MASTER_ADDR": "here", "MASTER_PORT": "1"},
}
ALONE = {**AGENT, "WORLD_SIZE": "1"}
BATCH = {"SLURM_JOB_ID": "7", "SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NTASKS": "4"}
STEP = {
    **BATCH,
    **{"SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "4", "SLURM_STEP_NUM_NODES": "2"},
    **{"SLURM_PROCID": "2", "SLURM_LOCALID": "0"},
}
BY_HAND = {"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "here", "MASTER_PORT": "1"}
ECHO = """\
# Do the processes of a launcher train as one?
model:
  core: {class_path: GRU, init_args: {hidden_size: 5}}
  bptt: {class_path: Truncated, init_args: {k1: 4, k2: 8}}
data: {class_path: Echo, init_args: {lag: 2, steps: 12, batch_size: 4}}
trainer: {max_time_steps: 480, progress: false, accelerator: cpu, precision: 64-true}
tracking: {system_metrics: false}
"""
BREAKING = ["--data=toy_data.Breaking", "--data.how=second", "--trainer.max_time_steps=6000"]


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, None),
        (AGENT, Launch("torchrun", 3, 4, 1, 2, 2)),
        ({**AGENT, "ELMAN_RUN": "0"}, None),
        ({**AGENT, "ELMAN_TRIAL_RUN": "0"}, None),
        (BATCH, None),
        ({**STEP, "SLURM_STEP_NUM_TASKS": "1"}, None),
        (STEP, Launch("srun", 2, 4, 0, 2, 2)),
        ({**STEP, **AGENT}, Launch("torchrun", 3, 4, 1, 2, 2)),
        (BY_HAND, Launch("the environment (WORLD_SIZE)", 1, 2, 0, 1, 2)),
        ({"LOCAL_RANK": "1", "RANK": "1"}, None),
    ],
    ids=[
        "nobody",
        "torchrun",
        "lightning",
        "search",
        "batch",
        "shell",
        "srun",
        "both",
        "by_hand",
        "leftovers",
    ],
)
def test_who_has_started_this(environment, wanted):
    assert launched(environment) == wanted


@pytest.fixture
def refused(folder, capsys):
    """Run a command that must be refused; its one line."""
    folder.write("echo.yaml", ECHO)

    def run(*words):
        assert main([*words]) == 2
        return capsys.readouterr().err

    return run


@pytest.fixture
def ranks(folder):
    """Start `elman WORDS...` as so many processes; what runs at the end is killed."""
    folder.write("echo.yaml", ECHO)
    started = []

    def start(count, *words):
        started.append(Ranks(count, *words))
        return started[-1]

    yield start
    for each in started:
        each.end()


def logged(run, rank):
    """What a rank printed, as an artifact of its run."""
    return (Path(run.info.artifact_uri.removeprefix("file://")) / "logs" / f"rank-{rank}.txt").read_text()


def alike(folder, one, many):
    assert (one.info.status, many.info.status) == ("FINISHED", "FINISHED")
    ours, theirs = (folder.last(run)["state_dict"] for run in (one, many))
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-10)
    of_all = [p[:2] for p in folder.points(many) if not p[0].startswith("ranks/")]
    assert [p[:2] for p in folder.points(one)] == of_all


def test_torchrun(folder):
    """The real one: a run that ends well, and then a refusal."""
    folder.write("echo.yaml", ECHO)
    refused = "fit echo.yaml --trainer.devices=3"
    folder.write("commands.txt", f"fit echo.yaml\n{refused}\n")
    several = Path(__file__).with_name("several.py")
    command = [TORCHRUN, "--standalone", "--nproc-per-node=2", several, "commands.txt"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1, done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("elman")]
    assert errors[0] == (
        "elman: error: trainer.devices=3, but torchrun has started 2 on this machine; leave trainer.devices "
        "out, or have torchrun start 3"
    )
    assert done.stdout.count("dashboard: ") == done.stdout.count("; run ") == 1
    many = folder.run()
    assert main(["fit", "echo.yaml"]) == 0
    alike(folder, folder.runs()[0], many)


def test_a_run_goes_on_with_another_number_of_processes(ranks, folder):
    """Two processes, then one, then four; a signal to one of them stops all."""
    folder.write("tiny.yaml", TINY.replace(", dropout: 0.2", ""))
    words = ["fit", "tiny.yaml", "--trainer.precision=64-true", "--trainer.max_time_steps=20000"]
    stopped_at = 0
    for count in (2, 1):
        some = ranks(count, *words, *(["--resume"] if stopped_at else []))
        wait_until(lambda: folder.runs() and folder.has_reached(folder.run(), stopped_at + 1))  # noqa: B023
        some.all[-1].signal(signal.SIGTERM)
        assert some.wait() == [143] * count, some.output
        assert some.output.count("go on with: ") == 1
        assert folder.run().info.status == "KILLED"
        stopped_at = folder.reached(folder.run())
    assert stopped_at < 20000
    four = ranks(4, *words, "--resume=auto")
    assert four.wait() == [0] * 4, four.output
    assert main(words) == 0
    new, old = folder.runs()
    alike(folder, new, old)


@pytest.mark.parametrize("rank", [0, 1])
def test_a_process_that_dies_ends_the_others(ranks, folder, rank):
    both = ranks(2, "fit", "echo.yaml", "--trainer.max_time_steps=3000000")
    wait_until(lambda: folder.runs() and folder.client.get_run(folder.run().info.run_id).data.metrics)
    both.all[rank].signal(signal.SIGKILL)
    codes = both.wait()
    assert codes[1 - rank] == 1, both.output
    assert "Traceback" not in both.output
    if rank:
        assert both.output.splitlines()[-1].startswith("another process of this run has ended, and with it")
        assert folder.run().info.status == "FAILED"


def test_what_one_process_refuses_is_printed_once(ranks, folder):
    both = ranks(2, "fit", "echo.yaml", *BREAKING)
    assert both.wait() == [2, 2], both.output
    errors = [line for line in both.output.splitlines() if "error" in line]
    assert errors == ["elman: error: batch 5 is not to be had; take another one"]
    assert "Traceback" not in both.output
    assert folder.run().info.status == "FAILED"
    first, second = (logged(folder.run(), rank) for rank in range(2))
    assert "; run " in first
    assert "; run " not in second
    assert [first.splitlines()[-1], second.splitlines()[-1]] == [
        "batch 5 is not to be had; take another one"
    ] * 2


def test_two_machines_of_lightnings_own_launcher(folder, ranks):
    """Each knows its number and the first one's address, and is measured."""
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port(0))}
    place["MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL"] = "0.2"
    both, words = ranks(0), ["--trainer.num_nodes=2", "--tracking.system_metrics=true"]
    words += ["--trainer.max_minutes=0.05", "--trainer.max_time_steps=null"]
    for node in ("0", "1"):
        both.all.append(Fit("fit", "echo.yaml", *words, environment={**place, "NODE_RANK": node}))
    assert both.wait() == [0, 0], both.output
    assert both.output.count("dashboard: ") == 1
    run = folder.run()
    assert len(folder.last(run)["elman"]["states"]) == 2
    measured = {
        node: {n.rpartition("/")[2] for n in run.data.metrics if n.startswith(f"system/{node}/")}
        for node in ("node_0", "node_1")
    }
    assert "cpu_utilization_percentage" in measured["node_1"]
    assert measured["node_1"] == measured["node_0"]


@pytest.mark.parametrize(
    ("environment", "words", "line"),
    [
        ({}, ["fit", "echo.yaml", "--trainer.num_nodes=2"], "trainer.num_nodes=2 needs NODE_RANK (from 0), "),
        (ALONE, ["search", "s.yaml"], "`elman search` starts the processes of its runs itself, but torchrun"),
        (ALONE, ["test", "a run"], "`elman test` is one process, but torchrun has started 1 of it; start it"),
    ],
    ids=["nodes", "search", "test"],
)
def test_what_cannot_be_launched_so(refused, monkeypatch, environment, words, line):
    for name in AGENT:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert refused(*words).startswith(f"elman: error: {line}")
