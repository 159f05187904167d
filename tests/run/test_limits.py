"""What no machine can do, or this one not now: one line, exit code 2."""

import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from launching import ECHO, differences

from elman.cli import main
from elman.errors import out_of_memory
from elman.inputs import Dense
from elman.recipes.training import Training
from elman.run.summary import announced


@pytest.fixture
def refused(folder, capsys):
    """Run a command that must be refused; its one line."""
    folder.write("r.yaml", ECHO)

    def run(*words):
        capsys.readouterr()
        assert main([str(word) for word in words]) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert err.startswith("elman: error: ")
        assert len(err) <= 240
        return err

    return run


@pytest.mark.parametrize(
    ("option", "parts", "less"),
    [
        ("--model.core.hidden_size=100000000000000000000", ["model.core.hidden_size: 1e+20", "2^63"], "6"),
        ("--data.steps=-100000000000000000000", ["data.steps: -1e+20", "2^63"], "12"),
        ("--trainer.max_time_steps=1" + "0" * 30, ["trainer.max_time_steps: 1e+30", "2^63"], "24"),
        ("--data.steps=1000000000000", ["memory does not suffice", "steps"], "12"),
        ("--data.batch_size=1000000000000000", ["memory does not suffice", "lower batch_size"], "2"),
        ("--model.core.hidden_size=10000000000", ["memory does not suffice", "the model's sizes"], "6"),
        ("--model.core.layers=1000000", ["layers", "at most 10,000", "got layers=1,000,000"], "2"),
        ("--trainer.threads=100000", ["trainer.threads must be at most", "got 100000", "CPUs"], "1"),
        ("--trainer.devices=100000", ["trainer.devices must be at most", "got 100000"], "1"),
    ],
)
def test_too_much(refused, option, parts, less):
    line = refused("fit", "r.yaml", option)
    assert [part for part in parts if part not in line] == []
    assert main(["fit", "r.yaml", f"{option.partition('=')[0]}={less}"]) == 0  # the way out


def test_what_takes_long_is_announced(capsys):
    with announced("building the network", after=0.05):
        time.sleep(0.3)
    with announced("reading the data", after=5.0):
        pass
    assert capsys.readouterr().out == "building the network ...\n"


def test_threads_of_a_large_machine_are_fine():
    assert Training(threads=128).threads == 128


def test_an_encoder_of_too_many_layers():
    with pytest.raises(ValueError, match="at most 10,000, got layers=1,000,000"):
        Dense(3, layers=1_000_000)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError(), "memory does not suffice; lower"),
        (
            RuntimeError(
                "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 16000 bytes"
            ),
            "memory does not suffice (16,000 bytes at once); lower batch_size or steps",
        ),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"), "2.00 GiB"),
        (RuntimeError("Storage size calculation overflowed with sizes=[3, 9]"), "overflowed"),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), None),
    ],
)
def test_what_is_an_error_of_memory(error, said):
    line = out_of_memory(error)
    assert line is None if said is None else said in line


@pytest.fixture
def checkpoint(folder):
    folder.write("r.yaml", ECHO)
    assert main(["fit", "r.yaml"]) == 0
    return next(folder.path.glob("checkpoints/*/best.ckpt"))


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_disk_that_is_full_while_predictions_are_written(checkpoint, capsys, form):
    capsys.readouterr()
    assert main(["predict", str(checkpoint), "--output=/dev/full", f"--format={form}"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        "elman: error: --output=/dev/full cannot be written to its end: No space left on device; make room, "
        "or name a file elsewhere\n"
    )


def test_a_terminal_s_disk_that_is_full(checkpoint):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "elman", "predict", str(checkpoint)],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr == (
        "elman: error: the disk is full or over its quota (No space left on device); make room, or write "
        "elsewhere\n"
    )


def test_a_disk_that_is_full_while_a_checkpoint_is_written(fit, folder):
    """The files of a larger network than may be written: the run trains on, and says what is lost."""
    recipe = folder.write("r.yaml", ECHO)
    more = ["--trainer.checkpoint_every_minutes=1e-9", "--model.core.hidden_size=1200"]
    ended = fit(recipe, *more, most_bytes=3_000_000)
    assert ended.wait() == 2, ended.output
    (run,) = folder.path.glob("checkpoints/*")
    said = [line for line in ended.output.splitlines() if " checkpoint " in line]
    assert said == [
        f"no checkpoint at 24 time steps: {run} cannot be written (File too large); make room there, the run "
        "goes on and the next one is tried again",
        f"elman: error: no checkpoint could be written in {run}, so what was trained is lost; make room, or "
        "name another folder with trainer.checkpoints",
    ]
    assert "Traceback" not in ended.output
    assert not list(folder.path.rglob("*.part"))
    assert folder.run().info.status == "FAILED"
    assert folder.run().data.metrics["cost/seconds"] > 0


def test_a_disk_that_fills_up_and_is_cleared(folder, capsys, caplog, monkeypatch):
    """The old files stay; a stop says what is lost since; going on ends as a run with room would have."""
    words = ["fit", folder.write("r.yaml", ECHO), "--trainer.checkpoint_every_minutes=1e-9"]
    assert main(words) == 0
    reference, save = folder.run(), torch.save

    def full(values, file):
        if values["elman"]["time_steps"] == 120:
            os.kill(os.getpid(), signal.SIGTERM)
        if values["elman"]["time_steps"] > 72:
            raise OSError(28, "No space left on device")
        save(values, file)

    with monkeypatch.context() as patch:
        patch.setattr("torch.save", full)
        capsys.readouterr()
        assert main(words) == 143
    out = capsys.readouterr().out
    run = next(r for r in folder.runs() if r.info.run_id != reference.info.run_id)
    line = "stopped at 120 time steps, of which 48 are lost: the last checkpoint is of 72; go on with: "
    assert out.splitlines()[-1].startswith(line)
    assert caplog.text.count("No space left on device") == 1
    assert run.info.status == "KILLED"
    assert [file.name[-9:] for file in folder.checkpoints(run)] == ["0048.ckpt", "0072.ckpt"]
    assert main([*words, "--resume"]) == 0
    assert not differences(folder.best(run)["state_dict"], folder.best(reference)["state_dict"])
    assert not differences(folder.last(run)["elman"], folder.last(reference)["elman"])
