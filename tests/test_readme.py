"""What the README shows is run, and what it claims of itself is true."""

from __future__ import annotations

import inspect
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import datamodules
import elman.bptt
import elman.cores
import elman.inputs
import elman.tasks
from datamodules import synthetic
from datamodules.sequence_data import SequenceData
from elman import commands as known
from elman.recipes.recipe import parse
from elman.search.space.definition import read_search

README = Path(__file__).parents[1] / "README.md"


def blocks(language: str, page: str = "README.md") -> list[str]:
    text = (README.parent / page).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def test_it_is_short() -> None:
    assert len(README.read_text().splitlines()) <= 180


def test_the_python_warns_of_nothing() -> None:
    """As a script of its own, with a logger and a validation too."""
    shown = next(b for b in blocks("python") if "trainer.fit" in b).replace("logger=False, ", "")
    Path("shown.py").write_text(f"{shown}\ntrainer.validate(task, data, verbose=False)\n")
    done = subprocess.run([sys.executable, "shown.py"], capture_output=True, text=True, check=True)
    said = [line for line in done.stderr.splitlines() if re.search(r"\.py:\d+|[Ww]arning", line)]
    assert said == []


def test_the_python_trains(capsys: pytest.CaptureFixture) -> None:
    shown: dict = {}
    exec(next(b for b in blocks("python") if "trainer.fit" in b), shown)
    assert shown["task"].updates.made == 50 * 40 // 5


def test_the_recipe_reads() -> None:
    (recipe,) = blocks("yaml")
    Path("shown.yaml").write_text(recipe)
    config = parse("fit", ["shown.yaml"]).config
    assert (config.model.bptt.init_args.k1, config.data.init_args.lag) == (10, 50)


def test_the_search_reads() -> None:
    (search,) = (block for block in blocks("yaml", "docs/search.md") if "space:" in block)
    root = README.parent
    Path("lstm.yaml").write_text((root / "experiments" / "char_lm" / "lstm.yaml").read_text())
    Path("search.yaml").write_text(search)
    found = read_search(["search.yaml", "--trainer.max_time_steps=1000"])
    assert [d.label for d in found.space.dimensions if d.multiple_of] == ["k2/k1"]
    assert ("bptt", "Full") in found.space.arguments


def test_the_first_command_leaves_elman_on_the_path() -> None:
    """What follows is typed as `elman`."""
    first = blocks("bash")[0]
    activated = first.index(". .venv/bin/activate && ")
    assert first.count("elman") == 1
    assert first.index(" elman fit ") > activated


def test_every_kind_of_data_is_in_the_docs() -> None:
    text = (README.parent / "docs" / "data.md").read_text() + README.read_text()
    kinds = {name for name in datamodules.__all__ if issubclass(getattr(datamodules, name), SequenceData)}
    generated = {name for name in kinds if hasattr(synthetic, name)}
    wanted = sorted(kinds - generated - {"SequenceData", "Collected"})
    assert [name for name in wanted if f"`{name}`" not in text] == []


PUBLIC = [
    getattr(package, name)
    for package in (datamodules, elman.cores, elman.bptt, elman.inputs, elman.tasks)
    for name in package.__all__
]


@pytest.mark.parametrize("made", PUBLIC, ids=lambda made: getattr(made, "__name__", str(made)))
def test_the_help_of_a_class_says_all_and_points_at_nothing_unseen(made) -> None:
    """`--data.help` shows what `Args` says of each argument, and no more of the house."""
    documented = inspect.getdoc(made) or ""
    section = documented.partition("Args:\n")[2].partition("\n\n")[0]
    assert "has the rule" not in section
    assert not re.search(r"\(see |\w+/\w+\.py|\.md", section)
    own = [name for name in inspect.signature(made).parameters if f" {name}: " not in f" {section}"]
    grouped = [name for name in own if re.search(rf"^ +(\w+, )*{name}(, \w+)*: ", section, re.MULTILINE)]
    assert grouped == []  # the help would show such arguments without a word


def test_every_command_exists() -> None:
    words = [shlex.split(line, comments=True) for block in blocks("bash") for line in block.splitlines()]
    commands = {
        line[i + 1] for line in words for i, word in enumerate(line) if word in ("elman", ".venv/bin/elman")
    }
    assert commands == set(known.names()) - {"test"}
    named = {word for line in words for word in line if word.startswith("experiments/")}
    root = README.parent
    assert all(list(root.glob(name)) for name in named)
