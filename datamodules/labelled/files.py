"""Labelled files: what each file of a path holds, by the names of files and folders."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Literal, NamedTuple

from datamodules.collecting.findings import Skipped
from datamodules.files import kind, look_up, relative_name, walk
from elman.errors import BadInput

PART_OF = {
    **{"train": "train", "training": "train"},
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **{"test": "test", "testing": "test"},
}
"""What a column, a file or a folder may call the parts of a given split."""

TABLES = (".csv", ".tsv", ".tab", ".jsonl", ".ndjson", ".json", ".parquet", ".pq")
LEFT_OUT = "of a class that data.classes leaves out"
ABOUT = ("readme", "license", "licence", "citation")
"""How the names of files about the data begin."""


class Source(NamedTuple):
    """One file and how it is read.

    Args:
        form: "table": rows with a text and a label; "lines": a text in every line; "text": one text.
        label: of all its texts, where its name gives one.
        part: "train", "val" or "test", where its name gives one.
    """

    file: Path
    form: Literal["table", "lines", "text"]
    label: str | None = None
    part: str | None = None


class Layout(NamedTuple):
    """What is at a path, in the order of names.

    Args:
        root: the file, or the folder that holds all of them.
        skipped: files that were seen and are not read.
    """

    root: Path
    sources: list[Source]
    skipped: list[Skipped]


def find_sources(path: str, *, classes: Sequence[str] | None) -> Layout:
    """Tell the layout of a path without opening a file.

    A file is a table. In a folder, the first of these that fits: files named train, val and test are tables
    of a given split; one table alone is the data; folders named train, val and test are a given split, each
    laid out as follows; folders are classes and every file in them is a text; files are classes and every
    line in them is a text, the class being their name before the last dot or, where that is always the same,
    after it. Hidden files and links are left out.

    Args:
        classes: folders and files that are classes; None: all.

    Raises:
        BadInput: if nothing of that is there.
    """
    root, is_folder = look_up(path, wanted="set data.path to a table or a folder of texts")
    if not is_folder:
        return Layout(root, [Source(root, "table")], [])
    files, others = walk(root, ("",))
    skipped = [Skipped(relative_name(file, root), f"a {kind(file)} file") for file in others]
    if not files:
        raise BadInput(f"{root}: holds no file; set data.path to a table or a folder of texts")
    sources = _tables(files, root) or _parts(files, root, skipped) or _classes(files, root, None, skipped)
    return Layout(root, _only(sources, classes, root, skipped), skipped)


def _tables(files: Sequence[Path], root: Path) -> list[Source]:
    tables = [file for file in files if file.parent == root and file.suffix.lower() in TABLES]
    parts = {file: PART_OF.get(file.stem.lower()) for file in tables}
    if "train" in parts.values():
        return [Source(file, "table", part=part) for file, part in parts.items() if part]
    return [Source(tables[0], "table")] if len(files) == len(tables) == 1 else []


def _parts(files: Sequence[Path], root: Path, skipped: list[Skipped]) -> list[Source]:
    def top(file: Path) -> str:
        inside = file.relative_to(root).parts
        return inside[0] if len(inside) > 1 else ""

    if "train" not in {PART_OF.get(top(file).lower()) for file in files}:
        return []
    sources: list[Source] = []
    for name, group in groupby(files, key=top):
        own, part = list(group), PART_OF.get(name.lower())
        if part is None:
            skipped += [
                Skipped(relative_name(file, root), "not in a folder train, val or test") for file in own
            ]
        else:
            sources += _classes(own, root / name, part, skipped)
    return sources


def _classes(files: Sequence[Path], base: Path, part: str | None, skipped: list[Skipped]) -> list[Source]:
    inside = [file.relative_to(base).parts for file in files]
    if any(len(parts) > 1 for parts in inside):
        loose = [file for file, parts in zip(files, inside, strict=True) if len(parts) == 1]
        skipped += [Skipped(relative_name(file, base), "not in the folder of a class") for file in loose]
        return [
            Source(file, "text", label=parts[0], part=part)
            for file, parts in zip(files, inside, strict=True)
            if len(parts) > 1
        ]
    about = [file for file in files if file.name.lower().startswith(ABOUT)]
    skipped += [Skipped(relative_name(file, base), "about the data, by its name") for file in about]
    return _a_file_a_class([file for file in files if file not in about], base, part, skipped)


def _a_file_a_class(
    files: Sequence[Path], base: Path, part: str | None, skipped: list[Skipped]
) -> list[Source]:
    by_stem: dict[str, list[Path]] = {}
    by_suffix: dict[str, list[Path]] = {}
    for file in files:
        by_stem.setdefault(file.stem, []).append(file)
        by_suffix.setdefault(file.suffix, []).append(file)
    stems = [group for group in by_stem.values() if len(group) > 1]
    suffixes = [group for group in by_suffix.values() if len(group) > 1]
    chosen = stems[0] if len(stems) == 1 else suffixes[0] if len(suffixes) == 1 and not stems else []
    if not chosen or any(file.suffix.lower() in TABLES for file in chosen):
        seen = ", ".join(file.name for file in files[:8]) + (" and more" if len(files) > 8 else "")
        raise BadInput(
            f"{base}: cannot tell classes from its files ({seen or 'none'}); give one table, "
            "a folder for each class, or a file for each class such as pos.txt and neg.txt"
        )
    others = [file for file in files if file not in chosen]
    skipped += [Skipped(relative_name(file, base), "not named as the classes are") for file in others]
    return [
        Source(file, "lines", label=file.suffix.lstrip(".") if stems else file.stem, part=part)
        for file in chosen
    ]


def _only(
    sources: list[Source], classes: Sequence[str] | None, root: Path, skipped: list[Skipped]
) -> list[Source]:
    """The sources of the wanted classes; a class that training alone has must be wanted or unwanted."""
    names = {source.label for source in sources} - {None}
    if classes is not None:
        if names and (absent := [name for name in classes if name not in names]):
            there = ", ".join(sorted(map(str, names)))
            raise BadInput(f"{root}: data.classes names {absent[0]!r}, but there are {there}; set those")
        unwanted = [source for source in sources if source.label is not None and source.label not in classes]
        skipped += [Skipped(relative_name(source.file, root), LEFT_OUT) for source in unwanted]
        return [source for source in sources if source.label is None or source.label in classes]
    labels = {
        part: {source.label for source in sources if source.part == part}
        for part in dict.fromkeys(source.part for source in sources)
    }
    for part, own in labels.items():
        if odd := sorted(str(label) for label in names - own):
            both = sorted(str(label) for label in set.intersection(*labels.values()))
            raise BadInput(
                f"{root}: there is no class {odd[0]!r} in its part {part}; add it, or set "
                f"data.classes to those that count, for instance {both}"
            )
    return sources
