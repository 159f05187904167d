"""`elman predict`: lines that name the example, the class, and values in the data's own units."""

import csv
import json
import math
import re
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


def read(name):
    with open(name, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_examples_and_classes_by_name(folder, capsys):
    """A line for each picture, whose class is told at its last step; with --all one for every step."""
    folder.write("r.yaml", RECIPE)
    assert main(["fit", "r.yaml"]) == 0
    run = folder.run().info.run_id
    capsys.readouterr()
    assert main(["predict", run, "--output=scored.csv"]) == 0
    rows = read("scored.csv")
    left_out = f"{7 * len(rows):,} steps that do not count in the loss are left out; --all writes them\n"
    assert capsys.readouterr() == ("wrote scored.csv\n", left_out)
    digits = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    chances = [f"p({digit})" for digit in digits]
    assert list(rows[0]) == [
        "name",
        "step",
        "target",
        "prediction",
        *sorted(chances, key=list(rows[0]).index),
    ]
    assert {row["target"] for row in rows} == set(digits)
    assert {row["step"] for row in rows} == {"7"}
    assert all(row["name"].startswith("image ") for row in rows)
    assert len({row["name"] for row in rows}) == len(rows)
    for row in rows:
        values = {name: float(row[f"p({name})"]) for name in digits}
        assert sum(values.values()) == pytest.approx(1, abs=1e-4)  # six digits are written
        assert values[row["prediction"]] == max(values.values())

    assert main(["predict", run, "--all", "--format=jsonl", "--output=all.jsonl"]) == 0
    with open("all.jsonl", encoding="utf-8") as file:
        every = [json.loads(line) for line in file]
    assert len(every) == 8 * len(rows)
    assert all((r["target"] is None) == (r["scored"] == 0) for r in every)
    assert [(r["name"], r["prediction"]) for r in every if r["scored"]] == [
        (r["name"], r["prediction"]) for r in rows
    ]
    assert main(["predict", run, "--scored", "--output=as_before.csv"]) == 0
    assert read("as_before.csv") == rows


def test_lines_of_a_table_of_texts(folder, capsys):
    """One line a text, named by its file and line there."""
    words = [("good fine", "up"), ("bad poor", "down"), ("good fair", "up")]
    folder.write("t.csv", "\n".join(["text,label", *(f"{a} {n},{b}" for n in range(20) for a, b in words)]))
    folder.write("r.yaml", RECIPE.replace("Digits}", "LabelledText, init_args: {path: t.csv}}"))
    assert main(["fit", "r.yaml"]) == 0
    assert main(["predict", folder.run().info.run_id, "--output=p.csv"]) == 0
    rows = read("p.csv")
    lines = (folder.path / "t.csv").read_text().splitlines()
    assert list(rows[0]) == ["name", "step", "target", "prediction", "p(down)", "p(up)"]
    for row in rows:
        number = int(row["name"].rpartition(":")[2].rpartition(" ")[2])
        assert lines[number - 1].endswith(f",{row['target']}")


def test_the_next_token_and_how_likely_it_was(folder, capsys):
    """Many classes have no column each: the likeliest and the true one have."""
    folder.write(
        "r.yaml", RECIPE.replace("Digits}", "Text, init_args: {path: text.txt, batch_size: 2, steps: 20}}")
    )
    assert main(["fit", "r.yaml"]) == 0
    best = next(folder.path.glob("checkpoints/*/best.ckpt"))
    assert main(["predict", str(best), "--part=val", "--output=p.csv"]) == 0
    rows = read("p.csv")
    assert list(rows[0]) == ["row", "step", "target", "prediction", "probability", "p(target)"]
    capsys.readouterr()
    assert main(["validate", str(best)]) == 0
    said = capsys.readouterr().out
    nats = float(re.search(r"val/nats_per_step\s+([\d.]+)", said)[1])
    found = [-math.log(float(row["p(target)"])) for row in rows]
    assert sum(found) / len(found) == pytest.approx(nats, rel=1e-4)
    right = [row["target"] == row["prediction"] for row in rows]
    assert [float(r["p(target)"]) == float(r["probability"]) for r in rows] == right


@pytest.mark.parametrize(
    ("data", "value", "shown"),
    [
        ({"classes": ["no", "yes"]}, torch.tensor(1), "yes"),
        ({}, torch.tensor(1), 1),
        ({"alphabet": Alphabet("ab")}, torch.tensor(2), "b"),
        ({}, torch.tensor([0.5, 2.0]), "0.5 2"),
        (
            {"target_units": lambda name: {"a": (torch.tensor([10.0]), torch.tensor([-1.0]))}[name]},
            torch.tensor([0.5]),
            "4",
        ),
    ],
)
def test_how_a_step_is_shown(data, value, shown):
    assert _shown(SimpleNamespace(**{"target_units": lambda name: None, **data}))(value, "a") == shown


def test_a_network_in_double_precision(folder, capsys):
    """It predicts as it was trained, and is scored in any precision that is asked for."""
    data = "Adding, init_args: {steps: 6, batch_size: 3, val_batches: 2}}"
    text = RECIPE.replace("Digits}", data).replace("trainer: {", "trainer: {precision: 64-true, ")
    folder.write("r.yaml", text.replace("model: {", "model: {loss: {class_path: SquaredError}, "))
    assert main(["fit", "r.yaml"]) == 0
    best = str(next(folder.path.glob("checkpoints/*/best.ckpt")))
    scores = []
    for precision in ("64-true", "32-true", "bf16-mixed"):
        capsys.readouterr()
        assert main(["validate", best, f"--trainer.precision={precision}"]) == 0
        scores.append(float(re.search(r"val/mse\s+([\d.]+)", capsys.readouterr().out)[1]))
    assert scores[1] == pytest.approx(scores[0], abs=1e-5)
    assert scores[2] == pytest.approx(scores[0], rel=0.05)  # bfloat16 holds 8 bits
    assert main(["predict", best, "--part=val", "--output=p.csv"]) == 0
    errors = [(float(row["target"]) - float(row["prediction"])) ** 2 for row in read("p.csv")]
    assert sum(errors) / len(errors) == pytest.approx(scores[0], abs=1e-4)
