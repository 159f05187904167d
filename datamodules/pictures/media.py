"""Media: files or folders of one class each, told by their folder or by a manifest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from datamodules.collecting.findings import BadOnes, Skipped
from datamodules.collecting.manifest import drawable, read_manifest
from datamodules.files import any_case, kind, look_up, walk
from datamodules.labelled.files import PART_OF
from elman.errors import BadInput


class Media(NamedTuple):
    """What was found and can be used, in the order of names or rows.

    Args:
        root: folder that all lie in.
        files: (N,) files, or folders that are one thing.
        names: (N,) relative to the root; no two are equal.
        labels: (N,) class of each, as its name.
        given: (N,) "train", "val", "test" or None; None: nowhere said.
        fields: further columns of a manifest.
        skipped: what was left out.
    """

    root: Path
    files: list[Path]
    names: list[str]
    labels: list[str]
    given: list[str | None] | None
    fields: dict[str, list[str]]
    skipped: list[Skipped]

    @property
    def classes(self) -> list[str]:
        """Names of the classes, in order."""
        return sorted(set(self.labels))

    def numbers(self) -> np.ndarray:
        """(N,) int64 number of each one's class."""
        of = {name: number for number, name in enumerate(self.classes)}
        return np.array([of[label] for label in self.labels], dtype=np.int64)


def find_media(
    path: str,
    *,
    what: str,
    units: Callable[[list[Path]], list[Path]],
    suffixes: Sequence[str],
    usable: Callable[[Path], object],
    skip_bad: bool,
) -> Media:
    """A folder with a folder for each class, or a CSV manifest with the columns path and label.

    Folders named train, val and test, with classes inside, are a given split. Hidden files and links are
    left out.

    Args:
        what: to call them, in the plural.
        units: files of these suffixes -> the files, or the folders of them, that are one thing each.
        suffixes: how names end, in lower case; capitals count too.
        usable: raises BadInput, beginning with the path and a colon, for one that cannot be used.
        skip_bad: leave out and count what cannot be used.

    Raises:
        BadInput: if nothing of that is there, something cannot be used, or there is one class only.
    """
    bad = BadOnes(skip=skip_bad)
    root, is_folder = look_up(path, wanted="set data.path to a folder or a manifest")
    found = _of_folder(root, units, suffixes, usable, bad) if is_folder else _of_manifest(root, usable, bad)
    if len(found.classes) == 1:
        raise BadInput(
            f"{root}: all its {what} are of the class {found.classes[0]!r}, so there is nothing to tell "
            "apart; give a second class"
        )
    return found


def _of_manifest(table: Path, usable: Callable[[Path], object], bad: BadOnes) -> Media:
    rows = read_manifest(table, needs=("label",), bad=bad, usable=usable)
    fields = {name: cells for name, cells in rows.columns.items() if name not in ("label", "part")}
    names = [file.relative_to(rows.root).as_posix() for file in rows.paths]
    return Media(rows.root, rows.paths, names, rows.columns["label"], rows.given, fields, bad.skipped)


def _of_folder(
    root: Path,
    units: Callable[[list[Path]], list[Path]],
    suffixes: Sequence[str],
    usable: Callable[[Path], object],
    bad: BadOnes,
) -> Media:
    files, others = walk(root, any_case(suffixes))
    skipped = [Skipped(_name(file, root), f"a {kind(file)} file") for file in others]
    found = units(files)
    if not found:
        raise BadInput(
            f"{root}: holds no file whose name ends in {', '.join(suffixes)}; set data.path to a folder with "
            "a folder for each class, or to a manifest"
        )
    places = [file.relative_to(root).parts for file in found]
    parted = "train" in {PART_OF.get(parts[0].lower()) for parts in places if len(parts) > 1}
    kept: list[tuple[Path, str, str | None]] = []
    for file, parts in zip(found, places, strict=True):
        part = PART_OF.get(parts[0].lower()) if parted else None
        inside = parts[1:] if parted else parts
        if parted and part is None:
            skipped.append(Skipped(_name(file, root), "not in a folder train, val or test"))
        elif len(inside) < 2:
            skipped.append(Skipped(_name(file, root), "not in the folder of a class"))
        else:
            with bad.checking(str(file)):
                usable(file)
                kept.append((file, inside[0], part))
    if not kept:
        why = "can be used" if bad.skipped else "lies in the folder of a class"
        raise BadInput(f"{root}: nothing in it {why}; make a folder for each class")
    files, labels, given = (list(column) for column in zip(*kept, strict=True))
    names = [_name(file, root) for file in files]
    return Media(
        root, files, names, labels, drawable(given) if parted else None, {}, [*bad.skipped, *skipped]
    )


def _name(file: Path, root: Path) -> str:
    return file.relative_to(root).as_posix()
