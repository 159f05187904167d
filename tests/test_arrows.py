"""Imports point one way, file by file: no circle, and no climb to a higher floor."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLOORS = (
    *(
        "errors",
        "printable",
        "pictures",
        "trust",
        "program",
        "declared",
        "stored",
        "tree",
        "batch",
        "cores",
        "bptt",
        "inputs",
        "tasks",
        "captions",
        "tracking",
        "predict",
    ),
    *(
        "diagnostics",
        "recipes",
        "run",
        "doctor",
        "search",
        "groups",
        "comparing",
        "lecture",
        "commands",
        "cli",
        "__main__",
    ),
)
"""From the ground up; a file imports from its own floor and from those below it."""


def modules() -> dict[str, Path]:
    """Every file of elman and of datamodules by the name it is imported by."""
    found = {}
    for base, package in ((ROOT / "platform", "elman"), (ROOT, "datamodules")):
        for file in (base / package).rglob("*.py"):
            parts = file.relative_to(base).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


FILES = modules()


def imported(file: Path) -> set[str]:
    """The files of this repository that a file imports, inside functions and for type checkers too."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            found |= {name if name in FILES else node.module for name in names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found & set(FILES)


def test_no_circle_of_files() -> None:
    graph = {name: imported(file) for name, file in FILES.items()}
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))
    assert set(order) == set(FILES)


def test_no_file_climbs() -> None:
    def floor(name: str) -> int:
        return FLOORS.index(name.split(".")[1])

    climbs = [
        (name, other)
        for name, file in FILES.items()
        if name.startswith("elman.")
        for other in imported(file)
        if other.startswith("elman.") and floor(other) > floor(name)
    ]
    assert not climbs


def test_data_modules_know_only_the_batch() -> None:
    allowed = {"elman.batch", "elman.errors"}
    for name, file in FILES.items():
        if name.split(".")[0] == "datamodules":
            assert {other for other in imported(file) if other.startswith("elman")} <= allowed, file


def test_a_file_holds_one_idea() -> None:
    """Near 350 lines there is a second one inside; the task knows enough with 300."""
    lines = {name: len(file.read_text(encoding="utf-8").splitlines()) for name, file in FILES.items()}
    assert {name: count for name, count in lines.items() if count > 350} == {}
    assert lines["elman.tasks.task"] <= 300
