"""What the heads of recipes say about themselves; and one of them in small, to its end."""

import math
import re
from pathlib import Path

import mlflow
import pytest
import yaml

import elman.cores
from datamodules import Adding, AnBn, CopyMemory
from elman.cli import main

FOLDER = Path(__file__).parents[2] / "experiments" / "papers"


def head_and_recipe(name):
    """The head as one line, and the values."""
    text = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    return " ".join(text.split("\nseed_everything")[0].replace("\n#", " ").split()), yaml.safe_load(text)


@pytest.mark.parametrize("path", sorted((FOLDER / "jsb").glob("*.yaml")), ids=lambda path: path.stem)
def test_sizes_on_jsb_are_those_stated(path):
    head, recipe = head_and_recipe(f"jsb/{path.stem}")
    core = recipe["model"]["core"]
    made = getattr(elman.cores, core["class_path"].rpartition(".")[2])(88, **core["init_args"])
    count = sum(p.numel() for p in made.parameters()) + 88 * made.output_size + 88
    assert re.search(r"this to ([\d,]+)\.|([\d,]+) parameters, chosen", head)
    assert f"{count:,}" in head


@pytest.mark.parametrize(
    ("name", "steps_an_update"),
    [
        ("mnist1d/gru", 100 * 40),
        ("regular_languages/parity", 128 * 20.5),
        ("regular_languages/cycle_navigation", 128 * 20.5),
        ("copy_memory/lstm_1000", 32 * 1020),
        ("copy_memory/lstm_100", 32 * 120),
        ("adding_problem/gru_150", 32 * 150),
        ("adding_problem/gru_400", 32 * 400),
        ("snap_copy/rtrl", 16 * 2),  # one of two steps is scored
    ],
)
def test_updates_are_as_many_as_stated(name, steps_an_update):
    head, recipe = head_and_recipe(name)
    updates = recipe["trainer"]["max_time_steps"] / steps_an_update
    stated = [int(count.replace(",", "")) for count in re.findall(r"(\d+,\d\d\d)(?: updates|;)", head)]
    assert any(updates == pytest.approx(count, rel=0.02) for count in stated), updates


def test_floors_are_those_of_the_data():
    for steps in (100, 1000):
        head, recipe = head_and_recipe(f"copy_memory/lstm_{steps}")
        floor = CopyMemory(**recipe["data"]["init_args"]).metadata()["baseline_nats"]
        assert floor == pytest.approx(10 * math.log(8) / (steps + 20))
        assert f"{floor:.4f}" in head
    bits = AnBn().metadata()["entropy_nats"] / math.log(2)
    head, _ = head_and_recipe("a_n_b_n/uoro")
    assert f"{bits:.3f} bits" in head
    assert f"{2 * bits:.3f}" in head
    assert f"{Adding().metadata()['baseline_mse']:.4f}" in head_and_recipe("adding_problem/gru_150")[0]


def test_parity_in_small(folder, capsys):
    """A twentieth of the budget and strings of at most 8 symbols: what is learned holds for 30 and 60."""
    recipe = str(FOLDER / "regular_languages" / "parity.yaml")
    options = {
        "data.longest": 8,
        "data.test_steps": "[30, 60]",
        "data.val_batches": 8,
        "model.core.hidden_size": 64,
        "trainer.max_time_steps": 260_000,
        "trainer.val_every": 130_000,
        "tracking.system_metrics": "false",
    }
    assert main(["fit", recipe, *(f"--{name}={value}" for name, value in options.items())]) == 0
    (run,) = mlflow.MlflowClient().search_runs(["1"])
    assert run.data.metrics["test/accuracy_at_30"] > 0.99
    assert run.data.metrics["test/accuracy_at_60"] > 0.99
