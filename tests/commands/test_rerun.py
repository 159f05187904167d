"""`elman rerun`: real trainings, the same to the last digit."""

import random
import shlex
import shutil
import signal
from pathlib import Path

import launching
import pytest
import torch
from launching import TINY
from mlflow.entities import ViewType
from recorded import record

import elman
from elman.cli import main
from elman.cores import GRU, Elman, kernels
from elman.tracking.record import own_commit


@pytest.fixture
def first(folder, capsys):
    """A run of a tiny recipe, trained here: its id."""
    draw = random.Random(0)
    words = ["net", "cell", "gate", "carry", "time", "loss", "back", "step"]
    (folder / "text.txt").write_text(" ".join(draw.choice(words) for _ in range(800)))
    (folder / "tiny.yaml").write_text(TINY)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    assert main(["fit", "tiny.yaml", "--trainer.max_time_steps=6000", "--tracking.run_name=first"]) == 0
    torch.set_num_threads(2)  # as on another machine
    yield _newest(capsys)
    torch.set_num_threads(threads)


def _newest(capsys):
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "; run " in line]
    return line.rpartition(" ")[2]


def _curve(client, run):
    return [(m.step, m.value) for m in client.get_metric_history(run, "val/nats_per_step")]


def test_once_more_is_the_same(first, answer, client, complaint):
    before = client.get_run(first)
    said = answer("rerun", first[:10])
    nothing = "the same code, versions and kind of machine"
    unknown = "code that was not recorded, so whether it is the same is unknown"  # where this is no checkout
    assert f"run {first} (first) once more, with {nothing if own_commit() else unknown}\n" in said
    best = min(value for _, value in _curve(client, first))
    assert said.splitlines()[-1] == f"val/nats_per_step {best:.6g}, then {best:.6g}: the same"
    runs = client.search_runs([before.info.experiment_id], run_view_type=ViewType.ALL)
    (again,) = [run for run in runs if run.info.run_id != first]
    assert _curve(client, again.info.run_id) == _curve(client, first)
    assert again.data.tags["elman.rerun_of"] == first
    assert again.data.tags["elman.recipe"] == before.data.tags["elman.recipe"]
    assert again.data.tags["elman.device.torch_threads"] == "1"
    assert again.info.run_name != "first"

    # Options are laid over it, and what changed is said.
    client.set_tag(first, "elman.version.torch", "1.0")
    for name in ("elman", "elman-commit"):
        if f"elman.version.{name}" in before.data.tags:
            client.delete_tag(first, f"elman.version.{name}")
    said = answer("rerun", "first", "--seed_everything=2")
    assert f"torch {torch.__version__.partition('+')[0]}" in said
    assert "(then 1.0)" in said
    assert f"elman {elman.__version__} (then unknown)" in said
    assert "code that was not recorded, so whether it is the same is unknown" in said
    last = said.splitlines()[-2:]
    assert last[0].startswith(f"val/nats_per_step {best:.6g}, then ")
    assert last[1] == "the data is the same; values of the recipe were replaced"

    # Nothing that a stored recipe names is called unless it is of its kind.
    optimizer = "embedding: 5\n  optimizer: {class_path: os.mkdir, init_args: {path: owned}}"
    client.log_text(first, TINY.replace("embedding: 5", optimizer), "recipe.yaml")
    assert "is no Optimizer" in complaint("rerun", first)
    assert not Path("owned").exists()


def test_a_rerun_that_was_stopped_goes_on(first, answer, client, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", launching.PYTHONPATH)
    started = launching.Fit("rerun", first, "--trainer.max_time_steps=12000")
    started.until("; run ")
    started.signal(signal.SIGTERM)
    assert started.wait() == 143
    words = shlex.split(started.output.rpartition("go on with: ")[2].splitlines()[0])
    assert words[:2] == ["elman", "rerun"]
    assert words[-2] == "--resume"
    assert client.get_run(words[-1]).info.status == "KILLED"
    assert client.get_run(words[-1]).data.tags["elman.rerun_of"] == first
    answer(*words[1:])
    assert client.get_run(words[-1]).info.status == "FINISHED"
    assert [step for step, _ in _curve(client, words[-1])][-1] >= 12000


def test_kernels_are_those_of_then(folder, answer, client, capsys, monkeypatch):
    """Whatever the table says now: from a checkpoint, else from the tag; without one, torch's modules."""
    (folder / "text.txt").write_text("to be or not to be\n" * 90)
    (folder / "tiny.yaml").write_text(TINY)
    answer("fit", "tiny.yaml", "--model.core=GRU", "--trainer.max_time_steps=480")
    (run,) = client.search_runs(["1"])
    then, tag, of_then = run.info.run_id, "elman.kernel", str(GRU(1).stack.choice())
    monkeypatch.setitem(kernels.FASTEST, ("GRU", "cpu"), (kernels.Choice("loop"),))

    def once_more(*options):
        output = answer("rerun", then, *options)
        (newest, *_) = client.search_runs(["1"])
        return newest.data.tags[tag], output

    assert run.data.tags[tag] == once_more()[0] == of_then
    assert once_more("--model.core.kernel=auto")[0] == "loop"
    recipe = folder / "core.yaml"
    recipe.write_text("# Another core?\nmodel: {core: {class_path: Elman}}\n")
    assert once_more("core.yaml")[0] == str(Elman(1).stack.choice())  # as its own table has it
    shutil.rmtree(run.data.tags["elman.checkpoints"])
    assert once_more("--seed_everything=2")[0] == of_then
    client.set_tag(then, tag, "fused, scan from 10 steps")
    kernel, output = once_more()
    assert kernel == "loop"
    assert "evaluated by fused, scan from 10 steps; which part by which is not known" in output
    client.set_tag(then, tag, "woven")
    assert main(["rerun", then]) == 2
    assert "kernels that are not here (woven); for other last digits" in capsys.readouterr().err
    client.delete_tag(then, tag)
    assert once_more()[0] == "fused"


def test_other_data_is_said(first, answer, folder):
    text = (folder / "text.txt").read_text()
    (folder / "text.txt").write_text(text[::-1])
    assert "the data is not what it was: " in answer("rerun", first).splitlines()[-1]


def test_mistakes_are_one_line(complaint, client):
    run = record("one", [1.0])
    assert "elman rerun needs one run's id or name" in complaint("rerun")
    assert "elman rerun needs one run's id or name" in complaint("rerun", run, run)
    assert "no run has the id or name 'two'" in complaint("rerun", "two")
    assert "'k3'" in complaint("rerun", run, "--model.bptt.k3=1")
    bare = client.create_run(client.get_experiment_by_name("toys").experiment_id).info.run_id
    assert "keeps no recipe.yaml" in complaint("rerun", bare)


def test_a_name_cannot_drive_the_terminal(client, complaint):
    run = client.create_run("0", run_name="\x1b[2J\x1b]0;owned\x07\u202egpj")
    line = complaint("rerun", run.info.run_id)
    assert "(?[2J?]0;owned??gpj) keeps no recipe.yaml" in line
    assert line[:-1].isprintable()


def test_a_rerun_stays_in_its_own_folder(folder, client, answer, caplog):
    """A stored recipe does not say where checkpoints go."""
    (folder / "text.txt").write_text("to be or not to be\n" * 90)
    (folder / "tiny.yaml").write_text(TINY)
    answer("fit", "tiny.yaml", "--trainer.max_time_steps=480", "--trainer.checkpoints=first")
    (run,) = client.search_runs(["1"])
    answer("rerun", run.info.run_id)
    assert [len(list((folder / name).iterdir())) for name in ("first", "checkpoints")] == [1, 1]
    assert "trainer.checkpoints='first' is left out, as nobody typed it" in caplog.text
