"""The schema: short names, names of before, and what is laid over what."""

import subprocess
import sys

import pytest

import datamodules
from elman.errors import BadInput
from elman.recipes.recipe import parse
from elman.recipes.trust import Stored


@pytest.mark.parametrize(
    ("option", "line"),
    [
        ("--data.lanes=3", "data.lanes: the key 'lanes' is called 'batch_size' now; write data.batch_size"),
        ("--data.val_lanes=3", "data.val_lanes: the key 'val_lanes' is called 'val_batch_size' now"),
        ("--model.encoder=Dense", "model.encoder: the key 'encoder' is called 'context_encoder' now"),
        ("--trainer.max_passes=3", "trainer.max_passes: the key 'max_passes' is called 'max_epochs' now"),
        (
            "--model.context_encoder=elman.encoders.Dense",
            "model.context_encoder: elman.encoders.Dense is elman.inputs.Dense now; write that",
        ),
    ],
)
def test_a_name_of_before_is_answered_with_that_of_today(option, line):
    with pytest.raises(BadInput) as caught:
        parse("fit", [option])
    assert line in str(caught.value)


def test_a_stored_recipe_may_hold_names_of_before():
    text = "data: {class_path: datamodules.text.Text, init_args: {lanes: 3}}\ntrainer: {max_passes: 2}\n"
    config = parse("validate", ["--trainer.max_epochs=5"], base=Stored("old.ckpt", text, "")).config
    assert config.data.init_args.batch_size == 3
    assert config.trainer.max_epochs == 5.0


@pytest.mark.parametrize("name", ["Text", "Echo", "Audio", "MNIST"])
def test_data_goes_by_its_public_name_and_keeps_its_path(name):
    needs = {"Echo": ["--data.steps=9"], "Audio": ["--data.path=x"]}.get(name, [])
    there = getattr(datamodules, name)
    path = parse("fit", [f"--data={name}", *needs]).config.data.class_path
    assert path.startswith("datamodules.")
    assert path.endswith(f".{name}")
    assert path != f"datamodules.{name}"
    module, _, last = path.rpartition(".")
    assert getattr(sys.modules[module], last) is there


def test_only_the_data_that_is_named_is_imported():
    program = (
        "import sys; from elman.recipes.recipe import parse; parse('fit', ['--data=Echo', '--data.steps=9']);"
        "print([name for name in ('datamodules.audio', 'datamodules.video', 'datamodules.table')"
        " if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
