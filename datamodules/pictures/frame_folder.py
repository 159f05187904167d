"""A video as a folder of numbered pictures."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from datamodules.files import any_case, natural, walk
from datamodules.pictures.clip import Clip
from datamodules.pictures.image_file import SUFFIXES, check_image, read_image
from datamodules.pictures.size import Size
from elman.errors import BadInput

MOST_MISSING = 0.1
"""Share of a video's frames that may be missing."""


class FrameFolder(Clip):
    """Pictures of one size, in the order of the numbers in their names: frame_2 comes before frame_10.

    Args:
        folder: that holds them; folders inside it are left alone.

    Raises:
        BadInput: if there is no picture, one is bad, they differ in size, two have one number, or more than a
            tenth are missing, going by their numbers.
    """

    def __init__(self, folder: Path) -> None:
        found, _ = walk(folder, any_case(SUFFIXES))
        self.files = sorted((f for f in found if f.parent == folder), key=lambda file: natural(file.stem))
        self.frames = len(self.files)
        if not self.files:
            raise BadInput(f"{folder}: holds no frames; put numbered pictures there ({', '.join(SUFFIXES)})")
        sizes = [check_image(file) for file in self.files]
        for file, (height, width) in zip(self.files, sizes, strict=True):
            if (height, width) != sizes[0]:
                raise BadInput(
                    f"{folder}: frame {file.name} has {width} x {height} pixels, but {self.files[0].name} "
                    f"has {sizes[0][1]} x {sizes[0][0]}; save all frames of a video in one size"
                )

        self.missing = _missing(folder, [file.stem for file in self.files])

    def read(self, numbers: range, size: Size) -> np.ndarray:
        read = [read_image(self.files[number], size) for number in numbers]
        return np.stack(read) if read else np.zeros((0, *size.shape), np.float32)


def _missing(folder: Path, stems: Sequence[str]) -> list[int]:
    """Numbers that are not there between the first and the last, where names differ in one number alone."""
    matches = [re.fullmatch(r"(.*?)(\d+)(\D*)", stem, re.DOTALL) for stem in stems]
    if None in matches or len({(m[1], m[3]) for m in matches if m}) > 1:
        return []
    numbers = [int(m[2]) for m in matches if m]
    steps = Counter(later - earlier for earlier, later in pairwise(numbers))
    if 0 in steps:
        twice = next(earlier for earlier, later in pairwise(numbers) if earlier == later)
        raise BadInput(f"{folder}: two of its frames have the number {twice}; take one out")
    usual = steps.most_common(1)[0][0] if steps else 1
    found = [
        number
        for earlier, later in pairwise(numbers)
        if (later - earlier) % usual == 0
        for number in range(earlier + usual, later, usual)
    ]
    if len(found) > MOST_MISSING * (len(found) + len(numbers)):
        raise BadInput(
            f"{folder}: {len(found):,} frames are missing by their numbers, the first {found[0]}, more than "
            "a tenth; put them there, or number those that are there without gaps"
        )
    return found
