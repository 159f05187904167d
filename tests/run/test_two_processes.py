"""Two processes train as one with the same rows, stop together and go on together."""

import shlex
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import torch
from launching import differences, unequal_texts, wait_until

from elman.cli import main
from elman.tracking.floor import floors_of

HERE = Path(__file__).parent
ELMAN = Path(sys.executable).with_name("elman")
TWO = ["--trainer.devices=2", "--trainer.accelerator=cpu"]
RAGGED = """\
# Do two processes with unequal batches train as one?
model:
  core: {class_path: GRU, init_args: {hidden_size: 6}}
  log_every: 5
data: {class_path: toy_data.Ragged}
trainer: {max_time_steps: 1000, val_every: 300, precision: 64-true, progress: false}
tracking: {system_metrics: false}
"""
BROKEN = """\
data: {class_path: toy_data.Breaking, init_args: {how: second}}
trainer: {max_time_steps: 30000, val_every: 25000, progress: false}
tracking: {system_metrics: false}
"""
TRUNCATED = "--model.bptt=Truncated --model.bptt.k1=4 --model.bptt.k2=6"
COMPARED = {
    "truncated": f"{TRUNCATED} --model.normaliser=steps",
    "joined": "--model.bptt=Truncated --model.bptt.k1=3 --model.bptt.k2=3 --model.accumulate=2 "
    "--model.burn_in=2",
    "sparse": f"{TRUNCATED} --model.normaliser=scored --data.sparse=true",
    "adaptive": "--model.bptt=Adaptive --model.bptt.k=3 --model.bptt.least=3 --model.bptt.most=3 "
    "--model.bptt.stretch=4 --model.bptt.every=2 --model.normaliser=steps",
    "full": "--model.bptt=Full --model.normaliser=sequence",
    "packed": "--model.bptt=Full --data=LabelledText --data.path=texts.csv --data.batching.batch_size=3 "
    "--data.batching.packed=true --model.first_carry=learned",
}
WALL_CLOCK = {
    *("train/steps_per_second", "train/update_ms", "train/waiting_share"),
    *("cost/seconds", "cost/cpu_seconds", "cost/ms_per_step", "cost/peak_memory_mib"),
    "cost/core_steps_per_step",  # of the first process, whose sequences are others
    *("bptt/relative_bias", "bptt/decay"),  # of the rows that are whole in the batches of their process
}


def start(*command):
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def lines(process):
    output, _ = process.communicate(timeout=600)
    return output.splitlines()


def named(folder, name):
    (run,) = [r for r in folder.runs() if r.info.run_name == name]
    return run


def test_two_processes(recipe, folder):
    """One test, since starting two processes costs most of its time; all that end well share a start."""
    tiny = ["fit", recipe, *TWO, "--trainer.max_time_steps=9600"]
    run = stop_together(folder, tiny)
    folder.write("ragged.yaml", RAGGED)
    folder.write("texts.csv", unequal_texts(60))
    commands = [[*tiny, "--tracking.run_name=whole"]]
    for name, options in COMPARED.items():
        commands.append(["fit", "ragged.yaml", *TWO, *options.split(), f"--tracking.run_name={name}-2"])
    folder.write("commands.txt", "\n".join(map(shlex.join, commands)))
    pair = start(sys.executable, HERE / "several.py", "commands.txt")
    for name, options in COMPARED.items():
        assert main(["fit", "ragged.yaml", *options.split(), f"--tracking.run_name={name}-1"]) == 0
    output = lines(pair)
    assert pair.returncode == 0, output
    assert sum(line.startswith("dashboard: ") for line in output) == len(commands), output
    assert len(folder.runs()) == 1 + len(commands) + len(COMPARED)  # the second ones make none

    for name in COMPARED:
        compare(folder, named(folder, f"{name}-1"), named(folder, f"{name}-2"))

    second = start(ELMAN, *tiny, "--resume", run.info.run_id)  # a launched process is told its run once
    output = lines(second)
    assert second.returncode == 0, output
    each_says_what_it_gets_through(named(folder, "truncated-1"), named(folder, "truncated-2"))
    goes_on_as_if_never_stopped(folder, named(folder, "parts"), named(folder, "whole"))


def compare(folder, one, two):
    assert (one.info.status, two.info.status) == ("FINISHED", "FINISHED")
    weights, wanted = folder.last(two)["state_dict"], folder.last(one)["state_dict"]
    torch.testing.assert_close(weights, wanted, rtol=0, atol=1e-10)
    assert floors_of(two.data.tags) == pytest.approx(floors_of(one.data.tags))
    assert floors_of(one.data.tags)
    found, expected = (
        [p for p in folder.points(r) if p[0] not in WALL_CLOCK and not p[0].startswith("ranks/")]
        for r in (two, one)
    )
    assert [p[:2] for p in found] == [p[:2] for p in expected]
    assert [p[2] for p in found] == pytest.approx([p[2] for p in expected], rel=1e-9, abs=1e-12)


def each_says_what_it_gets_through(one, two):
    """Of two processes, whose steps are together those of the run; one alone has no others."""
    assert not any(name.startswith("ranks/") for name in one.data.metrics)
    last = two.data.metrics
    own = [last[f"ranks/{rank}/steps_per_second"] for rank in range(2)]
    assert min(own) > 0
    assert sum(own) == pytest.approx(last["train/steps_per_second"], rel=0.2)  # by two clocks
    shares = [last[f"ranks/{rank}/working_share"] for rank in range(2)]
    assert all(0 < share < 1 for share in shares)
    assert last["ranks/efficiency"] == pytest.approx(sum(shares) / 2)


def stop_together(folder, tiny):
    first = start(ELMAN, *tiny, "--tracking.run_name=parts")
    wait_until(folder.checkpoints)
    others = psutil.Process(first.pid).children(recursive=True)
    assert any("tiny.yaml" in other.cmdline() for other in others)
    first.send_signal(signal.SIGTERM)
    output = lines(first)
    assert first.returncode == 143, output
    assert not any(other.is_running() and other.status() != psutil.STATUS_ZOMBIE for other in others)
    assert sum("SIGTERM: stopping after this batch" in line for line in output) == 1, output
    assert not any("Traceback" in line for line in output), output
    run = folder.run()
    assert run.info.status == "KILLED"
    assert 0 < folder.reached(run) < 9600
    return run


def goes_on_as_if_never_stopped(folder, run, whole):
    assert (run.info.status, whole.info.status) == ("FINISHED", "FINISHED")
    ours, theirs = folder.last(run), folder.last(whole)
    assert len(ours["elman"]["states"]) == 2
    for part in ("state_dict", "optimizer_states"):
        assert not differences(ours[part], theirs[part])
    assert not differences(ours["elman"] | {"recipe": ""}, theirs["elman"] | {"recipe": ""})  # names differ
    steps = [point[:2] for point in folder.points(run)]
    assert len(steps) == len(set(steps))
    assert steps == [point[:2] for point in folder.points(whole)]


def test_a_second_process_that_meets_bad_input(folder):
    """Its one line, once, and no word of the connection that the first one loses with it."""
    pair = start(ELMAN, "fit", folder.write("broken.yaml", BROKEN), *TWO)
    output = lines(pair)
    assert pair.returncode == 2, output
    assert [line for line in output if "error" in line] == [
        "elman: error: batch 5 is not to be had; take another one"
    ]
    assert not any("Traceback" in line or "gloo" in line for line in output), output
    assert folder.run().info.status == "FAILED"
    assert not list(folder.path.glob("checkpoints/*/refusal.txt"))
