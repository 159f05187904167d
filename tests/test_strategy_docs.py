"""Every public strategy has a page with the same parts, and what the pages name is there."""

import inspect
import re
from pathlib import Path

import pytest

import elman.bptt
from elman.bptt import BackpropThroughTime

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "strategies"
PUBLIC = [getattr(elman.bptt, name) for name in elman.bptt.__all__]
STRATEGIES = sorted(
    c.__name__
    for c in PUBLIC
    if inspect.isclass(c) and issubclass(c, BackpropThroughTime) and c is not BackpropThroughTime
)
PARTS = ["Source", "Cost", "Memory", "Bias", "When", "Not with", "Its picture", "Measured"]


def test_every_strategy_has_a_page_and_a_line_of_the_index():
    assert {path.stem for path in FOLDER.glob("*.md")} == {"README", *map(str.lower, STRATEGIES)}
    index = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^\| \[(\w+)\]\(\w+\.md\) \|", index, re.MULTILINE)) == STRATEGIES


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_page_is_whole(strategy):
    text = (FOLDER / f"{strategy.lower()}.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {strategy}\n")
    parts = [part for part in re.findall(r"\*\*([^*]+)\.\*\*", text) if part in PARTS]
    assert parts == PARTS
    assert "elman credit experiments/" in text
    recipes = re.findall(r"experiments/[\w/]+\.yaml", text)
    assert recipes
    assert all((ROOT / recipe).is_file() for recipe in recipes)
