"""A fork goes on from a checkpoint of a run: with nothing changed it is that run, else it says what is."""

import subprocess
import sys
from pathlib import Path

import pytest
from launching import Fit, Ranks, differences

from elman.cli import main
from elman.run.checkpoints import outlived

EXACT = ("state_dict", "optimizer_states")
WALL_CLOCK = ("train/steps_per_second", "train/update_ms", "train/waiting_share", "cost/", "ranks/")
ELMAN = Path(sys.executable).with_name("elman")


@pytest.fixture
def whole(fit, folder):
    """A run that has kept checkpoints on its way; (the run, their time steps)."""
    process = fit("--trainer.keep_every=4000", "--trainer.max_time_steps=12000", "--trainer.val_every=3000")
    assert process.wait() == 0, process.output
    run = folder.run()
    return run, [int(path.stem.removeprefix("step-")) for path in folder.checkpoints(run)]


def forked(folder, run, step, *words):
    """The fork's run and what it printed."""
    known = {each.info.run_id for each in folder.runs()}
    process = Fit("fork", f"{run.info.run_id[:12]}@{step}", *words)
    assert process.wait() == 0, process.output
    (new,) = [each for each in folder.runs() if each.info.run_id not in known]
    return new, process.output


def test_checkpoints_that_stay():
    def files(*steps):
        return [Path(f"step-{step:014d}.ckpt") for step in steps]

    there = files(500, 1100, 1500, 2300, 2900, 3100)
    assert outlived(there, None) == files(500, 1100, 1500, 2300)
    assert outlived(there, 1000) == files(500, 1500)  # 1100, 2300, 3100 are the first of theirs; 2900 is new
    assert outlived(files(500), 1000) == []


def test_a_fork_with_nothing_changed_is_the_run_bit_by_bit(fit, folder, whole):
    run, kept = whole
    assert {step // 4000 for step in kept} >= {1, 2, 3}
    fork, output = forked(folder, run, kept[0])
    name = f"{run.info.run_id} ({run.info.run_name})"
    assert f"forked from run {name} at {kept[0]:,} time steps, nothing changed" in output
    is_the_run(folder, fork, run, kept[0])
    tags = folder.client.get_run(fork.info.run_id).data.tags
    assert tags["elman.fork_of"] == tags["mlflow.parentRunId"] == run.info.run_id
    assert tags["elman.fork_step"] == str(kept[0])
    assert tags["elman.recipe_digest"] != run.data.tags["elman.recipe_digest"]  # no run of the recipe alone
    assert "forked from run" in tags["mlflow.note.content"]


def test_a_fork_of_several_processes_is_the_run_bit_by_bit(recipe, folder):
    """Both processes go on from the same checkpoint, each with its own rows and random numbers."""
    two = ["--trainer.devices=2", "--trainer.accelerator=cpu", "--trainer.keep_every=3000"]
    pair = Ranks(2, "fit", recipe, *two, "--trainer.max_time_steps=9600", "--trainer.val_every=3000")
    assert pair.wait() == [0, 0], pair.output
    run = folder.run()
    kept = [int(path.stem.removeprefix("step-")) for path in folder.checkpoints(run)]
    assert kept[0] < 9600 <= kept[-1]
    words = [ELMAN, "fork", f"{run.info.run_id}@{kept[0]}"]  # which starts the second process itself
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"at {kept[0]:,} time steps, nothing changed" in done.stdout
    (fork,) = [each for each in folder.runs() if each.info.run_id != run.info.run_id]
    assert len(folder.last(fork)["elman"]["states"]) == 2
    is_the_run(folder, fork, run, kept[0])


def is_the_run(folder, fork, run, step):
    """Its last and best checkpoints and all points after `step` are those of the run."""
    ours, theirs = folder.last(fork), folder.last(run)
    for part in EXACT:
        assert not differences(ours[part], theirs[part])
    mine, wanted = ({k: v for k, v in each["elman"].items() if k != "recipe"} for each in (ours, theirs))
    assert not differences(mine, wanted)
    best, wanted_best = (folder.best(each) for each in (fork, run))
    assert not differences(best["state_dict"], wanted_best["state_dict"])
    after = [p for p in folder.points(run) if p[1] > step and not p[0].startswith(WALL_CLOCK)]
    assert after
    assert [p for p in folder.points(fork) if not p[0].startswith(WALL_CLOCK)] == after


def test_what_is_changed_is_said_and_done_and_what_cannot_be_is_one_line(fit, folder, whole, capsys):
    run, kept = whole
    name = run.info.run_id[:12]

    def refused(*words):
        capsys.readouterr()
        assert main(["fork", *words]) == 2
        assert len(folder.runs()) == 1
        return capsys.readouterr().err.splitlines()[-1]

    line = refused(f"{name}@{kept[0] + 10}")
    assert f"no checkpoint at {kept[0] + 10:,} time steps; the nearest is {kept[0]}: elman fork" in line
    line = refused(f"{name}@{kept[0]}", "--model.core.hidden_size=20")
    assert "do not fit --model.core.hidden_size=20" in line
    assert "a fork keeps the network" in line
    line = refused(f"{name}@{kept[0]}", "--trainer.max_time_steps=100")
    assert "is spent: it counts from the beginning" in line
    line = refused(f"{name}@{kept[0]}", "--data=Echo", "--data.steps=9")
    assert "a fork goes on with the data of its run, Text" in line
    assert "must be a number of time steps, best or last" in refused(f"{name}@soon")
    assert "elman fork needs one run and step" in refused()
    assert "go on with it by elman fit --resume FORK" in refused(f"{name}@{kept[0]}", "--resume")
    assert "no run has the id or name 'nothing'" in refused("nothing@5")

    constant = ["--model.schedule=Constant", "--model.optimizer.lr=0.0005", "--trainer.max_time_steps=14000"]
    fork, output = forked(folder, run, kept[1], "--model.bptt.k1=7", "--model.bptt.k2=11", *constant)
    for line in ("--model.bptt.k2=11 (29 there)", "--model.optimizer.lr=0.0005 (0.002 there)"):
        assert line in output
    assert "the strategy begins anew, from the carry at this step" in output
    assert "the optimiser goes on with its moments and the new values" in output
    params = folder.client.get_run(fork.info.run_id).data.params
    assert (params["k1"], params["k2"]) == ("7", "11")
    assert {p[2] for p in folder.points(fork) if p[0] == "train/learning_rate"} == {0.0005}
    steps = [p[1] for p in folder.points(fork) if p[0] == "val/nats_per_step"]
    assert min(steps) > kept[1]
    assert max(steps) >= 14000
    other = ["--model.optimizer=SGD", "--model.optimizer.lr=0.1", "--data.steps=50", "--seed_everything=9"]
    _, output = forked(folder, run, "best", *other, "--trainer.max_time_steps=20000")
    assert "the optimiser begins anew" in output
    assert "the carry begins anew in all rows" in output
    assert "random numbers are those of the new seed" in output
