"""Callbacks of the user's own: made where something trains, and nowhere else."""

import pytest

from elman.cli import main
from elman.errors import BadInput
from elman.recipes.recipe import parse

OWN = """\
import pytorch_lightning as pl

MADE = []

class Steps(pl.Callback):
    def __init__(self, *, every: int = 1) -> None:
        self.every = every
        MADE.append(self)

    def on_train_batch_end(self, trainer, task, outputs, batch, index):
        if index % self.every == 0:
            with open("steps.txt", "a") as file:
                print(task.time_steps, file=file)
"""
RECIPE = """\
model:
  core: {class_path: Elman, init_args: {hidden_size: 4}}
data: {class_path: Text, init_args: {path: text.txt, batch_size: 2, steps: 20}}
trainer: {max_time_steps: 240, progress: false, accelerator: cpu}
tracking: {system_metrics: false}
callbacks:
  - {class_path: own_callbacks.Steps, init_args: {every: 2}}
"""


@pytest.fixture
def recipe(folder, monkeypatch):
    monkeypatch.chdir(folder.path)
    folder.write("own_callbacks.py", OWN)
    return folder.write("r.yaml", RECIPE)


def test_training_makes_them_and_nothing_else_does(folder, recipe, capsys):
    assert main(["fit", recipe]) == 0
    assert (folder.path / "steps.txt").read_text().split() == ["40", "120", "200"]
    run = folder.run()
    assert "callbacks" in run.data.params
    (folder.path / "own_callbacks.py").rename(folder.path / "gone.py")
    assert main(["validate", run.info.run_id]) == 0
    assert main(["sample", run.info.run_id, "--count=3"]) == 0
    assert (folder.path / "steps.txt").read_text().split() == ["40", "120", "200"]


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ("[os.mkdir]", "os.mkdir is no Callback"),
        ("[LSTM]", "there is no class 'LSTM'"),
        ("[{class_path: EarlyStopping, init_args: {monito: x}}]", "EarlyStopping takes no key 'monito'"),
        ("EarlyStopping", "callbacks: expected a list or null, got 'EarlyStopping'"),
    ],
)
def test_only_a_callback_is_one(given, line):
    with pytest.raises(BadInput, match=line):
        parse("fit", [f"--callbacks={given}"])


def test_without_any_the_digest_is_that_of_before():
    plain = parse("fit", ["--data.steps=20"])
    assert plain.digest == parse("fit", ["--data.steps=20", "--callbacks=[]"]).digest
    some = parse("fit", ["--data.steps=20", "--callbacks=[LearningRateMonitor]"])
    assert plain.digest != some.digest
    assert "callbacks" not in plain.minimal
