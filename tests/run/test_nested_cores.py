"""A core within a core, as a recipe names it."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from elman.cores import GRU, Bidirectional, Pooled
from elman.errors import BadInput
from elman.recipes.recipe import parse
from elman.recipes.trust import Stored

RECIPE = """# A core within a core within a core
model:
  core:
    class_path: elman.cores.Pooled
    init_args:
      how: mean
      core:
        class_path: elman.cores.Bidirectional
        init_args:
          core: {class_path: elman.cores.GRU, init_args: {hidden_size: 9}}
  bptt: {class_path: elman.bptt.Full}
data:
  class_path: datamodules.digits.Digits
"""
MODULE = """
from elman.cores import LSTM, Core

def untyped(a=1):
    open({path!r}, "w").close()
    return LSTM(3)

def typed(input_size: int) -> Core:
    open({path!r}, "w").close()
    return LSTM(input_size)
"""


def recipe(folder: Path, *changes: tuple[str, str]) -> str:
    text = RECIPE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / "recipe.yaml").write_text(text, encoding="utf-8")
    return str(folder / "recipe.yaml")


def test_it_is_built_as_written(tmp_path, caplog):
    read = parse("fit", [recipe(tmp_path)])
    warned = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert not warned  # the default core's own arguments are not the user's, and none is missed
    assert read.config.model.core.init_args.how == "mean"
    core = read.classes().model.core(3)
    assert isinstance(core, Pooled)
    assert isinstance(core.core, Bidirectional)
    assert isinstance(core.core.backward_core, GRU)
    assert (core.how, core.core.backward_core.hidden_size, core.output_size) == ("mean", 9, 36)


def test_a_resolved_recipe_reads_back(tmp_path):
    read = parse("fit", [recipe(tmp_path)])
    for text in (read.resolved, read.minimal):
        again = parse("fit", [], base=Stored("again", text, "", frozenset({"nested"})))
        assert again.resolved == read.resolved
        assert again.classes().model.core(3).output_size == 36


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            ("hidden_size: 9", "hidden_sise: 9"),
            r"GRU takes no key 'hidden_sise'; did you mean 'hidden_size'\? known",
        ),
        (("hidden_size: 9", "hidden_size: nine"), r"core\.core\.core\.hidden_size: expected int, got 'nine'"),
        (("elman.cores.GRU", "torch.nn.GRU"), r"model\.core\.core\.core: torch\.nn\.GRU is no Core"),
        (("elman.cores.GRU", "elman.bptt.Full"), r"model\.core\.core\.core: elman\.bptt\.Full is no Core"),
        (("elman.cores.GRU", "elman.cores.GRUU"), r"model\.core\.core\.core: .*GRUU"),
        (("how: mean", "how: median"), r"model\.core\.how: expected one of 'max', 'mean', got 'median'"),
        (("how: mean", "haw: mean"), r"Pooled takes no key 'haw'"),
        (("hidden_size: 9", "input_size: 9"), r"model\.core\.core\.core"),
    ],
    ids=lambda value: value[1] if isinstance(value, tuple) else "",
)
def test_what_is_wrong_within_is_said_in_one_line(tmp_path, change, told):
    with pytest.raises(BadInput, match=told) as error:
        parse("fit", [recipe(tmp_path, change)])
    assert "\n" not in str(error.value)
    assert "recipe.yaml:" in str(error.value)


@pytest.mark.parametrize("name", ["untyped", "typed"])
def test_a_function_named_within_is_refused_and_never_called(tmp_path, monkeypatch, name):
    called = tmp_path / "called"
    (tmp_path / "outside_module.py").write_text(MODULE.format(path=str(called)), encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    change = ("elman.cores.GRU, init_args: {hidden_size: 9}", f"outside_module.{name}")
    with pytest.raises(BadInput, match=r"model\.core\.core\.core"):
        parse("fit", [recipe(tmp_path, change)])
    assert not called.exists()
