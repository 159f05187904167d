"""Files or folders that are one thing each, in folders of classes or named by a table, as findings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from torch import Tensor

from datamodules.collecting.findings import BadOnes, Findings, Skipped, refuse_unread
from datamodules.collecting.manifest import drawable, read_manifest
from datamodules.files import Found, any_case, digest_of, find_files, kind, relative_name
from datamodules.labelled.files import PART_OF
from datamodules.pictures.size import Size
from elman.errors import BadInput


class Medium(Protocol):
    """How things of one sort, such as videos, lie in files.

    Args:
        plural: their name in messages.
        suffixes: how names of files end, in lower case; capitals count too.
        unread: how those of the same sort end that are not read.
        convert: a command that makes one of these a file that is read.
        size: what every picture is stretched to.
    """

    plural: str
    suffixes: Sequence[str]
    unread: Sequence[str]
    convert: str
    size: Size

    def things(self, files: Sequence[Path]) -> list[Path]:
        """Files of these suffixes -> the files, or the folders of them, that are one thing each."""

    def open(self, path: Path) -> object:
        """Check one thing; raises `BadInput`, beginning with the path and a colon, if it cannot be used."""

    def files_of(self, paths: Sequence[Path]) -> list[Path]:
        """All files that these things are made of."""

    def context(self, path: Path) -> Tensor | tuple[Tensor, ...]:
        """One thing as the context of a caption."""

    def metadata(self) -> dict[str, Any]:
        """What a run records of how they are read."""

    def notes(self) -> list[str]:
        """Lines of the summary on what was opened."""


def find_classes(
    path: str,
    medium: Medium,
    *,
    steps: Callable[[Path], int],
    skip_bad: bool | float,
    metadata: Mapping[str, Any],
    inside: str | None = None,
) -> Findings:
    """A folder with a folder for each class, or a manifest, CSV or TSV, with the columns path and label.

    Folders named train, val and test, with classes inside, are a given split. Hidden files and links are
    left out.

    Args:
        steps: steps of one thing.
        skip_bad: leave out and count what cannot be used.
        metadata: further short metadata.
        inside: folder that the paths of a manifest are relative to, inside its own; None: its own.

    Raises:
        BadInput: if nothing of that is there, something cannot be used, or there is one class only.
    """
    bad = BadOnes(skip=skip_bad)
    way_out = (
        f"set data.path to a folder with a folder for each class, or to a manifest, or convert "
        f"{medium.plural}, for example with {medium.convert}"
    )
    there = find_files(path, any_case(medium.suffixes), way_out=way_out)
    root = there.root
    skipped: list[Skipped] = []
    fields: dict[str, Sequence[str]] = {}
    if there.files != [root]:
        if inside is not None:
            raise BadInput(f"{root}: is no table, so data.folder={inside} names nothing; leave it out (null)")
        folder = root
        refuse_unread(root, there.files, there.others, medium.unread, bad=bad, convert=medium.convert)
        files, labels, given = _in_folders(there, medium, bad, skipped)
    else:
        rows = read_manifest(root, needs=("label",), bad=bad, usable=medium.open, folder=inside)
        folder, files, labels, given = rows.root, rows.paths, rows.columns["label"], rows.given
        fields = other_columns(rows.columns, "label")
    classes = sorted(set(labels))
    if len(classes) == 1:
        raise BadInput(
            f"{root}: all its {medium.plural} are of the class {classes[0]!r}, so there is nothing to tell "
            "apart; give a second class"
        )
    numbers = {name: number for number, name in enumerate(classes)}
    digest, of_content = digest_of(medium.files_of(files), folder)
    return Findings(
        source=root.name,
        digest=digest,
        names=[relative_name(file, folder) for file in files],
        lengths=np.array([steps(file) for file in files]),
        classes=classes,
        labels=np.array([numbers[label] for label in labels]),
        fields=fields,
        given=given,
        skipped=[*bad.skipped, *skipped],
        files=files,
        notes=medium.notes(),
        metadata={**metadata, **medium.metadata(), "digest_of": None if of_content else "names and sizes"},
    )


def other_columns(columns: Mapping[str, Sequence[str]], *used: str) -> dict[str, Sequence[str]]:
    """The columns of a manifest that are fields and no more."""
    return {name: cells for name, cells in columns.items() if name not in ("part", *used)}


def _in_folders(
    there: Found, medium: Medium, bad: BadOnes, skipped: list[Skipped]
) -> tuple[list[Path], list[str], list[str | None] | None]:
    """Things in folders of classes, their labels and parts; adds all that is left out to `skipped`."""
    root = there.root
    skipped += [Skipped(relative_name(file, root), f"a {kind(file)} file") for file in there.others]
    found = medium.things(there.files)
    things = set(found)
    places = [file.relative_to(root).parts for file in found]
    parted = "train" in {PART_OF.get(parts[0].lower()) for parts in places if len(parts) > 1}
    kept: list[tuple[Path, str, str | None]] = []
    for file, parts in zip(found, places, strict=True):
        part = PART_OF.get(parts[0].lower()) if parted else None
        inside = parts[1:] if parted else parts
        if parted and part is None:
            skipped.append(Skipped(relative_name(file, root), "not in a folder train, val or test"))
        elif len(inside) < 2:
            loose = [each for each in there.files if each.parent == file and each not in things] or [file]
            reason = "not in the folder of a class" if loose == [file] else "a picture in no folder of frames"
            skipped += [Skipped(relative_name(each, root), reason) for each in loose]
        else:
            with bad.checking(str(file), offered=bool(kept)):
                medium.open(file)
                kept.append((file, inside[0], part))
    if not kept:
        first = (
            f"can be used; the first, {bad.skipped[0].name}: {bad.skipped[0].reason}" if bad.skipped else ""
        )
        raise BadInput(
            f"{root}: nothing in it {first or 'lies in the folder of a class; make a folder for each class'}"
        )
    bad.refuse_most(str(root), len(kept))
    paths, labels, given = (list(column) for column in zip(*kept, strict=True))
    return paths, labels, drawable(given) if parted else None
