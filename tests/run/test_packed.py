"""Packed texts through the product: predicted by name, killed and resumed, refused where they cannot be."""

import csv
import signal

import pytest
from launching import differences, unequal_texts

from elman.cli import main

RECIPE = """\
model:
  core: {class_path: GRU, init_args: {hidden_size: 6, dropout: 0.2, layers: 2}}
  bptt: {class_path: Truncated, init_args: {k1: 7, k2: 11}}
  embedding: 3
  log_every: 3
data:
  class_path: LabelledText
  init_args:
    path: texts.csv
    min_count: 1
    batching: {batch_size: 3, steps: 20, packed: true}
trainer:
  max_time_steps: 2400
  val_every: 900
  checkpoint_every_minutes: 1e-9
  progress: false
  accelerator: cpu
tracking: {system_metrics: false}
"""
UNPACKED = ["--data.batching.packed=false", "--data.batching.steps=null"]
WALL_CLOCK = ("train/steps_per_second", "train/update_ms", "train/waiting_share", "cost/")


@pytest.fixture
def packed(folder):
    folder.write("texts.csv", unequal_texts(120))
    return folder.write("packed.yaml", RECIPE)


def lines_of(name):
    with open(name, newline="", encoding="utf-8") as file:
        return {(row["name"], int(row["step"])): row for row in csv.DictReader(file)}


def test_predictions_and_metrics_are_those_of_texts_with_a_row_each(packed, folder, capsys):
    assert main(["fit", packed]) == 0
    (best,) = folder.path.glob("checkpoints/*/best.ckpt")
    assert main(["predict", str(best), "--all", "--part=val", "--output=packed.csv"]) == 0
    assert main(["predict", str(best), "--all", "--part=val", "--output=alone.csv", *UNPACKED]) == 0
    found, expected = lines_of("packed.csv"), lines_of("alone.csv")
    assert found.keys() == expected.keys()
    texts = (folder.path / "texts.csv").read_text().splitlines()
    named = {name for name, _ in found}
    assert len(named) == 12
    for name in named:  # a text's line in its file
        words = texts[int(name.rpartition(":")[2]) - 1].split(",")[0].split()
        assert {step for other, step in found if other == name} == set(range(len(words)))
    for place, row in found.items():  # p(up) may differ in the last digit printed
        for key in ("scored", "target", "prediction"):
            assert row[key] == expected[place][key]
        assert float(row["p(up)"]) == pytest.approx(float(expected[place]["p(up)"]), abs=1.5e-6)

    capsys.readouterr()
    assert main(["validate", str(best)]) == 0
    with_packed = capsys.readouterr().out
    assert main(["validate", str(best), *UNPACKED]) == 0
    assert capsys.readouterr().out == with_packed


def test_killed_and_resumed(packed, fit, folder):
    """Epochs after the first, where a batch's index alone says what comes next."""
    whole = fit(packed)
    assert whole.wait() == 0, whole.output
    reference = folder.run()
    earlier, *_, last = [path.name for path in folder.checkpoints(reference)]
    assert earlier < last
    assert fit(packed, killed=("after", earlier)).wait() == -signal.SIGKILL
    resumed = fit(packed, "--resume")
    assert resumed.wait() == 0, resumed.output
    (run,) = [r for r in folder.runs() if r.info.run_id != reference.info.run_id]
    for part in ("state_dict", "optimizer_states", "elman"):
        assert not differences(folder.last(run)[part], folder.last(reference)[part])
    found, wanted = (
        [p for p in folder.points(r) if not p[0].startswith(WALL_CLOCK)] for r in (run, reference)
    )
    assert found == wanted


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--data.batching.steps=4"], "steps=4: packed rows hold whole sequences, but texts.csv:"),
        (
            ["--data.batching.max_steps=9"],
            "error: packed rows have `steps` steps each: nothing is left for max_steps=9",
        ),
        (
            ["--model.core=Bidirectional", "--model.bptt=Full"],
            "model.core=Bidirectional reads later steps, but sequences of LabelledText begin inside rows; "
            "set data.batching.packed=false, or take",
        ),
        (
            [
                "--model.core=Bidirectional",
                "--model.bptt=Full",
                "--data.batching.packed=false",
                "--data.batching.steps=4",
            ],
            "sequences of LabelledText go on in the next batch; set data.batching.steps=null, or take",
        ),
    ],
    ids=["short rows", "no max_steps", "both ways, packed", "both ways, refilled"],
)
def test_refused_before_there_is_a_run(packed, folder, capsys, options, message):
    assert main(["fit", packed, *options]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("elman: error: ")
    assert message in error
    assert not folder.runs()


@pytest.mark.parametrize("core", ["Bidirectional", "Pooled", "Centred"])
def test_the_ways_out(packed, capsys, core):
    """Unpacked for a core that reads both ways; the others read packed rows."""
    unpacked = UNPACKED if core == "Bidirectional" else []
    options = [f"--model.core={core}", "--model.bptt=Full", "--trainer.max_time_steps=400", *unpacked]
    assert main(["fit", packed, *options]) == 0
