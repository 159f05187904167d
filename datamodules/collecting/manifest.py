"""A manifest: a CSV table that names files, with what is known of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from datamodules.collecting.findings import BadOnes
from datamodules.labelled.files import PART_OF
from datamodules.tables.csv_rows import csv_rows
from elman.errors import BadInput

TABLES = (".csv", ".tsv", ".tab")
"""How the names of manifests end."""


class Manifest(NamedTuple):
    """The rows whose files are usable, in the order of the table.

    Args:
        root: the folder of the table, which no path leaves.
        paths: (N,) of the files or folders.
        columns: name -> (N,) cells, of all columns but `path`.
        given: (N,) "train", "val", "test" or None, from a column `part`; None: there is no such column.
    """

    root: Path
    paths: list[Path]
    columns: dict[str, list[str]]
    given: list[str | None] | None


def read_manifest(
    table: Path,
    *,
    needs: tuple[str, ...],
    bad: BadOnes,
    usable: Callable[[Path], object],
    folder: str | None = None,
    repeats: bool = False,
) -> Manifest:
    """Read a table whose first row names its columns: path, what is needed, and others.

    Args:
        needs: columns that must be there, with something in every row.
        bad: what to do with a row that cannot be used.
        usable: raises BadInput, beginning with the path and a colon, for a file that cannot be used.
        folder: inside the table's own, that paths are relative to; None: that one.
        repeats: whether a path may come twice.

    Raises:
        BadInput: for a table that cannot be read or lacks a column, and for a bad row unless it is skipped.
    """
    rows = manifest_rows(table)
    _, header = next(rows, (0, []))
    if not header:
        raise BadInput(f"{table}: is empty; give a table with a header and rows")
    names = _header(table, header, needs)
    root = table.resolve().parent
    kept: list[tuple[Path, dict[str, str]]] = []
    seen: dict[Path, str] = {}
    for line, cells in rows:
        place = f"{table}:{line}"
        path = None
        with bad.checking(place, offered=bool(kept)):
            row = dict(zip(names, (cell.strip() for cell in cells), strict=True))
            path = _inside(place, root, row, needs, folder)
            if path in seen and not repeats:
                raise BadInput(f"{place}: names {row['path']} again, after {seen[path]}; keep one of them")
        if path is not None:
            seen.setdefault(path, place)
            with bad.checking(str(path), offered=bool(kept)):
                usable(path)
                kept.append((path, row))
    if not kept:
        why = f"; the first, {bad.skipped[0].name}: {bad.skipped[0].reason}" if bad.skipped else ""
        raise BadInput(f"{table}: names no file that can be used{why or '; give rows with files'}")
    bad.refuse_most(str(table), len(kept))
    columns = {name: [row[name] for _, row in kept] for name in names if name != "path"}
    given: list[str | None] | None = None
    if "part" in columns:
        given = drawable([PART_OF.get(part.lower()) for part in columns["part"]])
    return Manifest(root, [path for path, _ in kept], columns, given)


def manifest_rows(table: Path) -> Iterator[tuple[int, list[str]]]:
    """All rows of a table, as `csv_rows` reads them; what stands between values is found.

    In a table of tabs quotes are text, as in Common Voice's, unless its header or a tab stands in some.
    """
    if table.suffix.lower() not in (".tsv", ".tab"):
        return csv_rows(table, separator=None)
    try:
        rows = list(csv_rows(table, separator="\t", quote=None))
    except BadInput:
        return csv_rows(table, separator="\t")
    quoted = any(cell.startswith('"') for _, header in rows[:1] for cell in header)
    return csv_rows(table, separator="\t") if quoted else iter(rows)


def elsewhere(root: Path, given: str) -> str:
    """The way out for a file that a manifest in `root` names and that is not there."""
    found = sorted(folder.name for folder in root.iterdir() if (folder / given).exists())
    if found:
        return f"there is one in {found[0]}, so set data.folder={found[0]}"
    return "correct it, or take the row out"


def drawable(given: list[str | None]) -> list[str | None]:
    """Parts as given; where validation or test is not, training is left to be drawn from as well."""
    missing = {"val", "test"} - set(given)
    return [None if part == "train" and missing else part for part in given]


def _header(table: Path, cells: list[str], needs: tuple[str, ...]) -> list[str]:
    names = [cell.strip().lower() for cell in cells]
    for name in ("path", *needs):
        if names.count(name) != 1:
            raise BadInput(
                f"{table}: its first row must name the column {name!r} once, but it reads "
                f"{', '.join(cell[:30] for cell in cells[:12])}; write {','.join(('path', *needs))} there"
            )
    if len(set(names)) != len(names):
        raise BadInput(f"{table}: its first row names a column twice; name each once")
    return names


def _inside(place: str, root: Path, row: dict[str, str], needs: tuple[str, ...], folder: str | None) -> Path:
    """The path of a row, which must have all it needs and lie in the table's folder."""
    for name in ("path", *needs):
        if not row[name]:
            raise BadInput(f"{place}: its {name} is empty; fill it in, or take the row out")
    if "part" in row and row["part"] and row["part"].lower() not in PART_OF:
        raise BadInput(f"{place}: its part {row['part']!r} is none of train, val and test; name one, or none")
    try:
        path = (root / (folder or "") / row["path"]).resolve()
        there = path.exists()
    except (OSError, ValueError, RuntimeError) as error:
        raise BadInput(f"{place}: {row['path']!r} is no path ({error}); mend it") from error
    if root not in path.parents:
        raise BadInput(
            f"{place}: {row['path']} lies outside the table's folder {root}; put table and files together"
        )
    if not there:
        raise BadInput(f"{place}: there is no {row['path']} in {root}; {elsewhere(root, row['path'])}")
    return path
