"""The commands of the front door, one after another, on a tiny text."""

import csv
import shlex
import sys
from pathlib import Path

import pytest
import torch
import yaml

from elman import commands
from elman.cli import main
from elman.cores import Elman
from elman.predict.sampling import sample_ids
from elman.tasks import SequenceTask

TEXT = "abcd\n" * 200
RECIPE = """\
# Can a network learn a text that repeats?
model:
  core: {class_path: Elman, init_args: {hidden_size: 16}}
  bptt: {class_path: Truncated, init_args: {k1: 5, k2: 10}}
  optimizer: {class_path: torch.optim.Adam, init_args: {lr: 0.02}}
  log_every: 20
data: {class_path: Text, init_args: {path: text.txt, batch_size: 2, steps: 50}}
trainer: {max_time_steps: 8000, progress: false, accelerator: cpu}
tracking: {system_metrics: false}
"""
OWN = """\
from elman.bptt import Split
from elman.cores import GRU
from elman.tasks import CrossEntropy


class Gate(GRU):
    pass


class Halves(Split):
    def __init__(self, *, k: int = 3):
        super().__init__(k=k)
"""


@pytest.fixture
def answer(folder, capsys):
    """Run a command that must do well; what it prints."""

    def run(*words):
        capsys.readouterr()
        assert main([str(word) for word in words]) == 0
        return capsys.readouterr().out

    return run


@pytest.fixture
def trained(folder, answer):
    """A run of `RECIPE`: its id, its best checkpoint and what `fit` printed."""
    folder.write("text.txt", TEXT)
    folder.write("r.yaml", RECIPE)
    printed = answer("fit", "r.yaml", "--tracking.run_name=first")
    run = folder.run()
    return run.info.run_id, Path(f"checkpoints/{run.info.run_id}/best.ckpt"), printed


def figures(printed):
    return {name: float(value) for name, value in (line.split() for line in printed.splitlines())}


def test_a_run_from_beginning_to_end(trained, answer, folder):
    run, checkpoint, printed = trained
    assert "a sample:" in printed
    assert "dashboard: elman ui" in printed
    metrics = folder.run().data.metrics
    kernel = str(Elman(1).stack.choice())  # native where there is a C compiler
    assert f"kernel {kernel}" in printed
    assert folder.run().data.tags["elman.kernel"] == kernel

    by_id = figures(answer("validate", run))
    assert by_id == figures(answer("validate", run[:8]))
    assert by_id == figures(answer("validate", "first"))
    assert by_id == figures(answer("validate", checkpoint))
    assert by_id["val/nats_per_step"] == pytest.approx(metrics["val/nats_per_step"], abs=1e-3)
    assert by_id["val/accuracy"] == 1.0  # what follows each of five characters is learned in seconds
    assert set(figures(answer("test", run))) == {"test/accuracy", "test/bits_per_step", "test/nats_per_step"}

    assert answer("predict", run, "--part=val", "--output=said.csv") == "wrote said.csv\n"
    with open("said.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(int(r["row"]), int(r["step"])) for r in rows] == [(0, step) for step in range(len(rows))]
    val = TEXT[900:950]  # the split is 0.9, 0.05, 0.05 of 1,000 characters
    assert "".join(r["target"] for r in rows) == val[1:]
    right = sum(r["target"] == r["prediction"] for r in rows)
    assert right / len(rows) == pytest.approx(by_id["val/accuracy"])
    assert answer("predict", checkpoint, "--part=val") == Path("said.csv").read_text(encoding="utf-8")

    assert answer("sample", run, "--prompt=ab", "--count=8", "--temperature=0") == "abcd\nabcd\n\n"
    warm = ["--temperature=3", "--count=60"]
    first = answer("sample", run, *warm, "--seed=7")
    assert first == answer("sample", "--seed", "7", *warm, checkpoint)
    assert first != answer("sample", run, *warm, "--seed=8")
    assert answer("sample", run, "--prompt=Zoë ", "--count=0") == "Zoë \n"
    assert len(answer("sample", run, "--prompt=Zoë ", "--count=5")) == 4 + 5 + 1
    assert len(folder.runs()) == 1  # none of these commands is a run


def test_options_in_any_order(folder, answer):
    folder.write("text.txt", TEXT)
    folder.write("r.yaml", RECIPE)
    orders = [
        [
            "--model.bptt.k2=40",
            "--model.bptt=Truncated",
            "--model.bptt.k1",
            "20",
            "r.yaml",
            "--model.core=LSTM",
        ],
        ["r.yaml", "--model.core=LSTM", "--model.bptt=Truncated", "--model.bptt.k1=20", "--model.bptt.k2=40"],
    ]
    first, second = (answer("fit", *words, "--print_config") for words in orders)
    assert first == second
    model = yaml.safe_load(first)["model"]
    assert model["bptt"] == {
        "class_path": "elman.bptt.Truncated",
        "init_args": {"k1": 20, "k2": 40, "scored": "fresh"},
    }
    assert model["core"]["class_path"] == "elman.cores.LSTM"
    assert folder.runs() == []


def test_classes_of_the_working_folder(folder, answer, capsys):
    """A core and a strategy by import path, in training and, once trusted, again from the checkpoint."""
    folder.write("text.txt", TEXT)
    folder.write("own_parts.py", OWN)
    folder.write("r.yaml", RECIPE.replace("class_path: Elman", "class_path: own_parts.Gate"))
    own = ["--model.bptt=own_parts.Halves", "--model.bptt.k=4", "--trainer.max_time_steps=300"]
    answer("fit", "r.yaml", *own)
    run = folder.run()
    assert run.data.params["strategy"] == "Halves"
    assert run.data.params["k"] == "4"
    sys.modules.pop("own_parts")  # as in another process
    for command in ("validate", "sample", "rerun"):
        assert main([command, run.info.run_id]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.endswith(f"if you trust it: elman {command} {run.info.run_id} --trust=own_parts")
        assert "own_parts" not in sys.modules
    words = shlex.split(line.partition("if you trust it: elman ")[2])
    answer(*words)
    assert "val/nats_per_step" in figures(answer("validate", run.info.run_id, "--trust=own_parts"))


def test_predictions_of_values(folder, answer):
    """Adding: only the last step is scored; its target is the sum."""
    folder.write("r.yaml", RECIPE.replace("log_every: 20", "loss: {class_path: elman.tasks.SquaredError}"))
    adding = ["--data=Adding", "--data.steps=6", "--data.batch_size=3", "--data.val_batches=2"]
    answer("fit", "r.yaml", *adding, "--trainer.max_time_steps=100")
    answer("predict", folder.run().info.run_id, "--part=val", "--all", "--output=said.csv")
    with open("said.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [int(r["step"]) for r in rows] == [*range(6)] * 6
    assert [r["scored"] for r in rows] == ["0", "0", "0", "0", "0", "1"] * 6
    assert all(0 < float(r["target"]) < 2 for r in rows if r["scored"] == "1")
    assert all(float(r["prediction"]) == pytest.approx(float(r["prediction"])) for r in rows)


@pytest.mark.parametrize("command", commands.names())
def test_every_command_has_help(answer, command):
    printed = answer(command, "--help")
    assert printed.startswith(f"usage: elman {command} ")
    assert max(map(len, printed.splitlines())) <= 120


def test_the_help_of_fit_lists_keys_and_classes(answer):
    printed = answer("fit", "--help")
    for key in (
        "--model.core",
        "--model.bptt",
        "--data",
        "--trainer.max_time_steps",
        "--tracking.tracking_uri",
    ):
        assert f"\n  {key} " in printed
    assert "--model.core.hidden_size" in answer("fit", "--model.core.help=Elman")


def test_resume_takes_its_run_and_nothing_else():
    words = ["r.yaml", "--tracking.run_name", "gru", "--resume=gru"]
    resume = commands.find("fit").options["resume"]
    assert resume.take(words) == ("gru", ["r.yaml", "--tracking.run_name", "gru"])
    assert resume.take(["--resume", "gru", "r.yaml"]) == ("gru", ["r.yaml"])
    assert resume.take(["--resume", "r.yaml"]) == ("", ["r.yaml"])
    assert resume.take(["r.yaml"]) == (None, ["r.yaml"])


def test_a_sample_ends_where_the_network_stops_being_finite():
    task = SequenceTask(input_size=3, output_size=3, token_ids=True, core=lambda n: Elman(n, hidden_size=2))
    ids = torch.tensor([1])
    assert len(sample_ids(task.network, ids, count=5, temperature=1e-40, seed=1)) == 5
    task.network.readout.bias.data[1] = torch.inf
    assert len(sample_ids(task.network, ids, count=5, temperature=0.8, seed=1)) == 0
