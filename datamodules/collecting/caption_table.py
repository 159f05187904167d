"""Caption tables: a CSV that says of pictures or videos what they show, and examples made of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from torch import Tensor

from datamodules.collecting.captions import END, START, CaptionMetadata, Context, Unit, captioned
from datamodules.collecting.examples import Example
from datamodules.collecting.findings import BadOnes, Skipped
from datamodules.collecting.manifest import read_manifest
from datamodules.collecting.partition import Partition
from datamodules.texts.vocabulary import words
from elman.errors import BadInput


class CaptionTable(NamedTuple):
    """The rows that can be used.

    Args:
        root: folder of the table, in which all files lie.
        paths: (N,) what each caption is about; one may have several captions.
        names: (N,) of the examples; no two are equal.
        captions: (N,) without blanks at the ends, with one between words.
        given: (N,) "train", "val", "test" or None; None: there is no column part.
        fields: the path, the caption, and all further columns.
        skipped: what was left out.
    """

    root: Path
    paths: list[Path]
    names: list[str]
    captions: list[str]
    given: list[str | None] | None
    fields: dict[str, list[str]]
    skipped: list[Skipped]


def read_captions(path: str, *, usable: Callable[[Path], object], skip_bad: bool) -> CaptionTable:
    """A CSV table with the columns path and caption, and perhaps part and others.

    Args:
        usable: raises BadInput, beginning with the path and a colon, for a file that cannot be used.
        skip_bad: leave out and count what cannot be used.

    Raises:
        BadInput: where the table or a row of it cannot be used.
    """
    table, bad = Path(path).expanduser(), BadOnes(skip=skip_bad)
    rows = read_manifest(table, needs=("caption",), bad=bad, usable=usable, repeats=True)
    captions = [" ".join(caption.split()) for caption in rows.columns["caption"]]
    places = [file.relative_to(rows.root).as_posix() for file in rows.paths]
    for place, caption in zip(places, captions, strict=True):
        if START in caption or END in caption:
            raise BadInput(f"{table}: the caption of {place} holds a control character; take it out")
    often, seen = Counter(places), Counter[str]()
    names = []
    for place in places:
        seen[place] += 1
        names.append(place if often[place] == 1 else f"{place}, caption {seen[place]}")
    others = {name: cells for name, cells in rows.columns.items() if name not in ("caption", "part")}
    fields = {**others, "path": places, "caption": captions}
    return CaptionTable(rows.root, rows.paths, names, captions, rows.given, fields, bad.skipped)


def steps_of(captions: Sequence[str], unit: Unit) -> np.ndarray:
    """(N,) steps, the end included."""
    return np.array([(len(words(text)) if unit == "words" else len(text)) + 1 for text in captions])


def by_path(split: Partition) -> Partition:
    """`split`, but all captions of a file in one part, unless the recipe keeps other things together."""
    return split if split.by else replace(split, by="path")


class Captioned:
    """Examples whose context is read when they are.

    Args:
        context: number -> what the caption is about.
        ids: (N,) captions.
        metadata: of the data.
    """

    def __init__(
        self, context: Callable[[int], Context], ids: Sequence[Tensor], metadata: CaptionMetadata
    ) -> None:
        self.context, self.ids, self.metadata = context, ids, metadata
        self.lengths = np.array([len(each) + 1 for each in ids])

    def window(self, number: int, start: int, stop: int) -> Example:
        return captioned(self.ids[number], self.metadata, self.context(number)).window(start, stop)
