"""What the README shows is run, and what it claims of itself is true."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from elman import commands as known
from elman.recipes.recipe import parse
from elman.search.space.definition import read_search

README = Path(__file__).parents[1] / "README.md"


def blocks(language: str, page: str = "README.md") -> list[str]:
    text = (README.parent / page).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def test_it_is_short() -> None:
    assert len(README.read_text().splitlines()) <= 180


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


def test_every_command_exists() -> None:
    words = [shlex.split(line, comments=True) for block in blocks("bash") for line in block.splitlines()]
    commands = {
        line[i + 1] for line in words for i, word in enumerate(line) if word in ("elman", ".venv/bin/elman")
    }
    assert commands == set(known.names()) - {"test"}
    named = {word for line in words for word in line if word.startswith("experiments/")}
    root = README.parent
    assert all(list(root.glob(name)) for name in named)
