"""A checkpoint with other contents than `elman fit` writes: one line, whatever reads it."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from elman.cli import main

RECIPE = """\
model:
  core: {class_path: GRU, init_args: {hidden_size: 4}}
  bptt: {class_path: Truncated, init_args: {k1: 4, k2: 8}}
data: {class_path: Text, init_args: {path: text.txt, cache: cache, batch_size: 2, steps: 20}}
trainer: {max_time_steps: 800, val_every: 400, progress: false, accelerator: cpu, threads: 1}
tracking: {system_metrics: false}
"""
OTHERS: list[Any] = [None, -1, 10**20, 0.5, "text", b"x", [], [1], {}, {"a": 1}, (), True, torch.zeros(2, 3)]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a checkpoint of a run."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        (folder / "text.txt").write_text("to be or not to be\n" * 90)
        (folder / "r.yaml").write_text(RECIPE)
        assert main(["fit", "r.yaml"]) == 0
    return folder


def places(values: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if at:
        yield at
    items = (
        values.items() if isinstance(values, dict) else enumerate(values) if isinstance(values, list) else ()
    )
    for key, value in values.items() if isinstance(values, dict) else items:
        if not (isinstance(values, list) and key > 2):  # the states of generators have hundreds of numbers
            yield from places(value, (*at, key))


def changed(checkpoint: dict[str, Any], rng: random.Random) -> tuple[dict[str, Any], str]:
    """A checkpoint with one value replaced or left out, and what that was."""
    other = copy.deepcopy(checkpoint)
    at = rng.choice(list(places(other)))
    holder: Any = other
    for key in at[:-1]:
        holder = holder[key]
    if isinstance(holder, dict) and rng.random() < 0.3:
        del holder[at[-1]]
        return other, f"without {at}"
    holder[at[-1]] = rng.choice(OTHERS)
    return other, f"{at} = {holder[at[-1]]!r}"


@pytest.mark.parametrize("words", [["validate"], ["sample", "--count=5"], ["predict", "--output=p.csv"]])
def test_one_line(
    trained: Path, words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(trained)
    (best,) = trained.glob("checkpoints/*/best.ckpt")
    good = torch.load(best, weights_only=True)
    rng = random.Random(f"{words}")
    for _ in range(10):
        other, what = changed(good, rng)
        torch.save(other, "other.ckpt")
        assert main([words[0], "other.ckpt", *words[1:]]) in (0, 2), what
        errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("elman: error")]
        assert len(errors) <= 1, what


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"state_dict": {}}, "holds no weights"),
        ({"state_dict": []}, "its weights are no tensors"),
        ({"state_dict": {"readout.weight": "x"}}, "its weights are no tensors"),
        ({"elman": {"recipe": None}}, "its recipe is of type NoneType, not str"),
        ({"elman": {"metadata": []}}, "its metadata is of type list, not Mapping"),
        ({"elman": {"time_steps": True}}, "its time_steps is of type bool, not int"),
        ({"Text": {"alphabet": 3}}, "holds no alphabet, so it was not trained on text"),
    ],
)
def test_named(
    trained: Path,
    change: dict[str, Any],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(trained)
    (best,) = trained.glob("checkpoints/*/best.ckpt")
    good = torch.load(best, weights_only=True)
    for key, value in change.items():
        good[key] = {**good[key], **value} if key == "elman" else value
    torch.save(good, "other.ckpt")
    for words in (["validate"], ["sample"]):
        assert main([words[0], "other.ckpt"]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert message in line
        assert line.startswith("elman: error: ")


def test_a_resume_from_other_contents(
    trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Whatever restores it: the task, Lightning's loops, the optimiser, callbacks, generators."""
    from elman.recipes.recipe import parse
    from elman.run import chosen
    from elman.run.checkpoints import newest

    monkeypatch.chdir(trained)
    monkeypatch.setattr(chosen, "resumed", lambda *given: (None, Path("other.ckpt")))
    good = torch.load(newest(next(trained.glob("checkpoints/*"))), weights_only=True)
    good["elman"]["time_steps"] = 400
    rng = random.Random(3)
    for number in range(8):
        other, what = changed(good, rng)
        torch.save(other, "other.ckpt")
        recipe = ["r.yaml", "--trainer.max_time_steps=900", f"--tracking.run_name=r{number}"]
        code = main(["fit", *recipe])
        capsys.readouterr()
        assert code in (0, 2), what
    assert parse("fit", ["r.yaml"]).name
