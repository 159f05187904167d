"""`elman predict`: lines that name the example, the class, and values in the data's own units."""

import csv
import json
from types import SimpleNamespace

import pytest
import torch

from datamodules.texts.alphabet import Alphabet
from elman.cli import main
from elman.commands._predictions import _shown

RECIPE = """\
model: {core: {class_path: Elman, init_args: {hidden_size: 4}}}
data: {class_path: Digits}
trainer: {max_time_steps: 400, progress: false, accelerator: cpu}
tracking: {system_metrics: false}
"""


def test_examples_and_classes_by_name(folder, capsys):
    folder.write("r.yaml", RECIPE)
    assert main(["fit", "r.yaml"]) == 0
    run = folder.run().info.run_id
    assert main(["predict", run, "--output=all.csv"]) == 0
    assert main(["predict", run, "--scored", "--format=jsonl", "--output=scored.jsonl"]) == 0
    with open("all.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["name", "step", "scored", "target", "prediction"]
    assert all((row["target"] == "") == (row["scored"] == "0") for row in rows)
    digits = {"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"}
    assert {row["target"] for row in rows if row["scored"] == "1"} == digits
    assert {row["prediction"] for row in rows} <= digits
    assert all(row["name"].startswith("image ") for row in rows)
    with open("scored.jsonl", encoding="utf-8") as file:
        scored = [json.loads(line) for line in file]
    assert [(r["name"], r["step"], r["prediction"]) for r in scored] == [
        (r["name"], int(r["step"]), r["prediction"]) for r in rows if r["scored"] == "1"
    ]
    assert {r["step"] for r in scored} == {7}
    assert len({r["name"] for r in scored}) == len(scored)
    capsys.readouterr()


@pytest.mark.parametrize(
    ("data", "value", "shown"),
    [
        ({"classes": ["no", "yes"]}, torch.tensor(1), "yes"),
        ({}, torch.tensor(1), 1),
        ({"alphabet": Alphabet("ab")}, torch.tensor(2), "b"),
        ({}, torch.tensor([0.5, 2.0]), "0.5 2"),
        (
            {"target_scale": torch.tensor([10.0]), "target_shift": torch.tensor([-1.0])},
            torch.tensor([0.5]),
            "4",
        ),
    ],
)
def test_how_a_step_is_shown(data, value, shown):
    assert _shown(SimpleNamespace(**{"target_scale": None, "target_shift": None, **data}))(value) == shown
