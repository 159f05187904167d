"""What a user can get wrong: one line that names it, exit code 2, no traceback, no run left behind."""

import os
import pickle
import sqlite3
from pathlib import Path

import pytest
import torch
import yaml

from elman.cli import main

RECIPE = """\
model:
  core: {class_path: elman.cores.Elman, init_args: {hidden_size: 5}}
  bptt: {class_path: elman.bptt.Truncated, init_args: {k1: 4, k2: 8}}
data: {class_path: datamodules.text.Text, init_args: {path: text.txt, batch_size: 2, steps: 20}}
trainer: {max_time_steps: 80, progress: false, accelerator: cpu}
tracking: {system_metrics: false}
"""


def changed(old, new):
    assert RECIPE.count(old) == 1
    return RECIPE.replace(old, new)


class Trap:
    """Unpickled, it leaves a file."""

    def __reduce__(self):
        return (os.system, ("touch sprung",))


@pytest.fixture
def refused(folder, capsys):
    """Run a command that must be refused; its one line. No run may be left, and no trap sprung."""
    folder.write("r.yaml", RECIPE)
    before = count_runs()

    def run(*words):
        capsys.readouterr()
        assert main([str(word) for word in words]) == 2
        out, err = capsys.readouterr()
        *warnings, line = err.splitlines()
        assert out == ""
        assert line.startswith("elman: error: ")
        assert all(" drops " in warning for warning in warnings)
        for noise in ("Traceback", "Namespace(", "Union", "subtypes"):
            assert noise not in line
        assert count_runs() == before
        assert not Path("sprung").exists()
        return line

    return run


def count_runs():
    with sqlite3.connect("mlflow.db") as database:
        return database.execute("select count(*) from runs").fetchone()[0]


RECIPES = {
    "empty": ("", ["r.yaml", "empty"]),
    "malformed": ("model: [1,\nx", ["r.yaml:2", "not valid YAML"]),
    "duplicate key": (RECIPE + "trainer: {}\n", ["r.yaml:7:1", "'trainer' is given twice", "line 5"]),
    "tag": (
        RECIPE + "x: !!python/object/apply:os.system ['touch sprung']\n",
        ["r.yaml:7:4", "the tag", "remove"],
    ),
    "unknown key": (RECIPE + "modell: {a: 1}\n", ["r.yaml:7", "no key 'modell'", "'model'"]),
    "unknown empty key": (RECIPE + "modell: {}\n", ["r.yaml:7", "no key 'modell'", "'model'"]),
    "unknown empty key below": (
        changed("progress: false", "progres: {}"),
        ["r.yaml:5", "'progres'", "'progress'"],
    ),
    "unknown argument": (changed("k1: 4", "k3: 4"), ["r.yaml:3", "model.bptt.k3", "known: k1, k2"]),
    "unknown empty argument": (
        changed("k1: 4", "k1: 4, k3: {}"),
        ["r.yaml:3", "model.bptt.k3", "known: k1, k2"],
    ),
    "unknown class": (
        changed("elman.cores.Elman", "Elmann"),
        ["r.yaml:2", "model.core", "'Elmann'", "'Elman'"],
    ),
    "class of the wrong kind": (
        changed("cores.Elman", "bptt.Full"),
        ["r.yaml:2", "elman.bptt.Full is no Core"],
    ),
    "path to nowhere": (
        changed("elman.cores.Elman", "nowhere.Core"),
        ["model.core", "'nowhere.Core'", "check"],
    ),
    "module that raises": (
        changed("elman.cores.Elman", "broken.Core"),
        ["'broken.Core'", "broken.py:1", "boom"],
    ),
    "module that exits": (
        changed("elman.cores.Elman", "leaves.Core"),
        ["'leaves.Core'", "leaves.py:1", "mend"],
    ),
    "module that is no Python": (
        changed("elman.cores.Elman", "typo.Core"),
        ["'typo.Core'", "typo.py:1", "Syntax"],
    ),
    "wrong type": (changed("hidden_size: 5", "hidden_size: five"), ["r.yaml:2", "expected int, got 'five'"]),
    "k2 below k1": (changed("k2: 8", "k2: 3"), ["r.yaml:3", "model.bptt", "1 <= k1 <= k2", "k1=4, k2=3"]),
    "no budget": (changed("max_time_steps: 80, ", ""), ["nothing ends this run", "trainer.max_epochs"]),
}


@pytest.mark.parametrize(("text", "parts"), RECIPES.values(), ids=RECIPES.keys())
def test_recipe(refused, folder, text, parts):
    folder.write("broken.py", "raise RuntimeError('boom')\n")
    folder.write("leaves.py", "import sys; sys.exit(3)\n")
    folder.write("typo.py", "def (:\n")
    folder.write("r.yaml", text)
    line = refused("fit", "r.yaml")
    assert [part for part in parts if part not in line] == []


@pytest.mark.parametrize(
    "name",
    ["max_steps", "gradient_clip_val", "val_check_interval", "logger", "callbacks", "strategy"],
)
def test_names_of_lightning_are_answered_with_ours(refused, folder, name):
    assert f"trainer.{name} is not for elman: " in refused("fit", "r.yaml", f"--trainer.{name}=3")
    folder.write("r.yaml", changed("progress: false", f"{name}: 3"))
    assert f"r.yaml: trainer.{name} is not for elman: " in refused("fit", "r.yaml")


OPTIONS = {
    "": ["elman fit needs a recipe"],
    "none.yaml": ["none.yaml", "no such recipe"],
    "folder.yaml": ["folder.yaml", "is a folder"],
    "text.txt": ["unexpected word 'text.txt'", ".yaml"],
    "r.yaml --model.bptt.k2=3": ["model.bptt", "k1=4, k2=3"],
    "r.yaml --model.bptt.k1=20 --model.bptt=Full": ["model.bptt.k1", "Full takes no key 'k1'"],
    "r.yaml --model.clip=-1": ["clip", "positive", "clip=-1"],
    "r.yaml --model.core.layers=0": ["layers", "at least 1", "layers=0"],
    "r.yaml --model.schedule=Cosine --trainer.max_time_steps=null --trainer.max_minutes=1": [
        "Cosine",
        "max_epochs",
    ],
    "r.yaml --trainer.devices=0": ["trainer.devices must be positive, got 0"],
    "r.yaml --trainer.precision=17": ["trainer.precision", "'bf16-mixed'", "got 17"],
    "r.yaml --trainer.max_epochs=1": ["trainer.max_time_steps and trainer.max_epochs", "null"],
    "r.yaml --seed_everything=-1": ["seed_everything must lie in [0, 4294967295], got -1"],
    "r.yaml --model.optimizer.lr=-1": ["model.optimizer", "-1"],
    "r.yaml --model.optimizer.lr=nan": ["model.optimizer.lr: must be a finite number, got nan"],
    "r.yaml --model.optimizer.lr=-inf": ["model.optimizer.lr: must be a finite number, got -inf"],
    "r.yaml --model.optimizer.lr=fast": ["model.optimizer.lr: expected float, got 'fast'"],
    "r.yaml --model.optimizer=SGD --model.optimizer.lr=.inf": ["model.optimizer.lr must be a finite"],
    "r.yaml --model.clip=nan": ["model.clip: must be a finite number, got nan"],
    "r.yaml --model.optimizer=LBFGS": ["model.optimizer=LBFGS", "Adam"],
    "r.yaml --model=x": ["model", "'x'"],
    "r.yaml --data=text.txt": ["data", "no class", "...", "Text"],
    "r.yaml --data=Adding --data.steps=8 --model.loss=SquaredError --model.embedding=3": [
        "embedding",
        "values",
    ],
    "r.yaml --data=Adding --data.steps=8": ["model.loss", "CrossEntropy", "SquaredError"],
    "r.yaml --model.loss=SquaredError": ["model.loss", "SquaredError", "CrossEntropy"],
    "r.yaml --data.path=missing.txt": ["missing.txt", "data.path"],
    "r.yaml --data.path=empty.txt": ["empty.txt", "is empty"],
    "r.yaml --data.path=short.txt": ["short.txt: too short", "2 rows of 20 steps need 41", "lower"],
    "r.yaml --data.path=latin.txt": ["latin.txt: not UTF-8 at byte 3", "0xe9"],
    "r.yaml --data.path=nul.txt": ["nul.txt: NUL byte at byte 2"],
    "r.yaml --data.path=text.txt/x": ["text.txt/x: cannot be read", "data.path"],
    "r.yaml --data.cache=text.txt/x": ["text.txt/x", "data.cache"],
    "r.yaml --tracking.tracking_uri=sqlite:///text.txt/mlflow.db": [
        "text.txt/mlflow.db",
        "cannot be written",
    ],
    "r.yaml --tracking.tracking_uri=sqlite:///text.txt": ["text.txt", "cannot be written", "not a database"],
    "r.yaml --tracking.tracking_uri=file:///tmp/runs": ["file:///tmp/runs", "sqlite:///"],
    "r.yaml --tracking.tracking_uri=./mlruns": ["./mlruns", "sqlite:///"],
    "r.yaml --trainer.checkpoints=text.txt/x": ["trainer.checkpoints", "text.txt/x", "another folder"],
    "r.yaml --resume": ["no unfinished run", "without --resume"],
    "r.yaml --resume nobody": ["'nobody'", "elman ui"],
}


@pytest.mark.parametrize(("words", "parts"), OPTIONS.items(), ids=OPTIONS.keys())
def test_options(refused, folder, words, parts):
    Path("folder.yaml").mkdir()
    for name, content in {
        "empty": b"",
        "short": b"abc",
        "latin": b"caf\xe9 " * 99,
        "nul": b"ab\0cd" * 99,
    }.items():
        Path(f"{name}.txt").write_bytes(content)
    line = refused("fit", *words.split())
    assert [part for part in parts if part not in line] == []


def test_no_gpu(refused, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "torch finds no GPU here; use cpu or auto" in refused("fit", "r.yaml", "--trainer.accelerator=gpu")


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory, fresh_store):
    """A checkpoint of `RECIPE`, trained once on Echo and once on a text."""
    place = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.setenv("XDG_CACHE_HOME", str(place / "cache"))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        Path("mlflow.db").write_bytes(fresh_store.read_bytes())
        Path("text.txt").write_text("the cell keeps what the gate lets in\n" * 100)
        Path("r.yaml").write_text(RECIPE)
        assert main(["fit", "r.yaml", "--trainer.checkpoints=text"]) == 0
        assert main(["fit", "r.yaml", "--data=Echo", "--data.steps=9", "--trainer.checkpoints=echo"]) == 0
        found = {name: next(place.glob(f"{name}/*/best.ckpt")) for name in ("text", "echo")}
    return {**found, "path": place / "text.txt"}


COMMANDS = ["validate", "test", "predict", "sample"]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_target_is_needed_and_must_exist(refused, command):
    assert "RUN|CHECKPOINT" in refused(command)
    assert "no such checkpoint" in refused(command, "missing.ckpt")
    assert "no run has the id or name 'nobody'" in refused(command, "nobody")


def damaged(whole):
    """Files that pass for checkpoints, by what is wrong with them."""
    good = torch.load(whole, weights_only=True)
    torch.save({**good, "elman": Trap()}, "code.ckpt")
    torch.save(
        {**good, "elman": {**good["elman"], "recipe": "x: !!python/object/apply:os.system ['touch sprung']"}},
        "tag.ckpt",
    )
    torch.save({**good, "elman": {"time_steps": 3}}, "half.ckpt")
    torch.save({"weights": torch.ones(3)}, "other.ckpt")
    torch.save(torch.ones(3), "tensor.ckpt")
    Path("pickle.ckpt").write_bytes(pickle.dumps(Trap()))
    Path("cut.ckpt").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    Path("random.ckpt").write_bytes(torch.randint(0, 256, (5000,), dtype=torch.uint8).numpy().tobytes())
    Path("empty.ckpt").write_bytes(b"")
    return {
        "code": "plain tensors",
        "tag": "is refused",
        "half": "not a checkpoint of elman",
        "other": "not a checkpoint of elman",
        "tensor": "not a checkpoint of elman",
        "pickle": "plain tensors",
        "cut": "cut short",
        "random": "damaged",
        "empty": "damaged",
    }


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    "forgery",
    [
        ("core", {"class_path": "os.system", "init_args": {"command": "touch sprung"}}, "Core"),
        ("optimizer", {"class_path": "os.system", "init_args": {"command": "touch sprung"}}, "Optimizer"),
        (
            "core",
            {"class_path": "subprocess.check_output", "dict_kwargs": {"args": ["touch", "sprung"]}},
            "Core",
        ),
    ],
)
def test_a_checkpoint_whose_recipe_names_a_function_does_not_run_it(refused, checkpoint, command, forgery):
    key, spec, kind = forgery
    forged = torch.load(checkpoint["text"], weights_only=True)
    recipe = yaml.safe_load(forged["elman"]["recipe"])
    recipe["model"][key] = spec
    forged["elman"]["recipe"] = yaml.safe_dump(recipe)
    torch.save(forged, "forged.ckpt")
    assert f"is no {kind}" in refused(command, "forged.ckpt")


def test_a_recipe_that_names_a_function_does_not_run_it(refused):
    refused("fit", "r.yaml", "--model.core=os.system", "--model.core.command=touch sprung")
    refused("fit", "r.yaml", "--model.optimizer=subprocess.getoutput", "--model.optimizer.cmd=touch sprung")


def test_a_text_that_changed_is_no_text_to_go_on_with(folder, capsys):
    folder.write("r.yaml", RECIPE)
    folder.write("text.txt", "the cell keeps what the gate lets in\n" * 100)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("elman.run.summary.record_end", None)
        patch.setattr("elman.run.job.record_end", None)
        with pytest.raises(TypeError):  # the run fails at its end
            main(["fit", "r.yaml"])
    folder.write("text.txt", "the gate keeps what the cell lets in\n" * 100)
    capsys.readouterr()
    assert main(["fit", "r.yaml", "--resume"]) == 2
    assert "text.txt: the text is not the one the run began with" in capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
def test_a_checkpoint_that_is_none(refused, checkpoint, command):
    for name, why in damaged(checkpoint["text"]).items():
        line = refused(command, f"{name}.ckpt")
        assert f"{name}.ckpt" in line
        assert why in line
        assert "weights_only" not in line  # torch's advice to execute what is in the file


def test_a_checkpoint_of_something_else(refused, checkpoint, folder):
    folder.write("other.txt", "0123456789\n" * 300)
    text, path = checkpoint["text"], f"--data.path={checkpoint['path']}"
    assert "another alphabet" in refused("validate", text, "--data.path=other.txt")
    assert "another alphabet" in refused("validate", "--data.path", "other.txt", text)
    assert "weights do not fit" in refused("validate", text, path, "--model.core.hidden_size=6")
    assert "not trained on text" in refused("sample", checkpoint["echo"])
    assert "no test part" in refused("test", text, path, "--data.split=[0.95,0.05,0.0]")
    assert "SquaredError" in refused("validate", text, path, "--model.loss=SquaredError")


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ("--temperature=abc", "--temperature must be a number of type float, at least 0, got 'abc'"),
        ("--temperature=nan", "'nan'"),
        ("--count=-1", "--count must be a number of type int, at least 0, got '-1'"),
        ("--seed 1.5", "--seed must be"),
        ("--prompt --count=3", "--prompt needs a value"),
        ("--color=red", "no key 'color'"),
        ("other.ckpt", "unexpected word"),
    ],
)
def test_sample_options(refused, checkpoint, words, part):
    assert part in refused("sample", checkpoint["text"], *words.split())


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ("predict --part=all CKPT", "--part must be test, val or train, got 'all'"),
        ("predict CKPT --output=/proc/none/x.csv", "--output=/proc/none/x.csv cannot be written"),
        ("credit", "elman credit needs at least one recipe"),
        ("credit none.yaml", "none.yaml: no such recipe"),
        ("ui --port=abc", "--port must be a number"),
        ("ui --color", "elman ui does not take '--color'"),
    ],
)
def test_other_commands(refused, checkpoint, words, part):
    path = f"--data.path={checkpoint['path']}"
    words = words.replace("CKPT", f"{checkpoint['text']} {path}").split()
    assert part in refused(*words)
