"""A video as a folder of numbered pictures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from datamodules.files import any_case, walk
from datamodules.pictures.clip import Clip, Size
from datamodules.pictures.image_file import SUFFIXES, check_image, read_image
from elman.errors import BadInput


class FrameFolder(Clip):
    """Pictures of one size, in the order of the numbers in their names: frame_2 comes before frame_10.

    Args:
        folder: that holds them; folders inside it are left alone.

    Raises:
        BadInput: if there is no picture, one is bad, or they differ in size.
    """

    def __init__(self, folder: Path) -> None:
        found, _ = walk(folder, any_case(SUFFIXES))
        self.files = in_order([file for file in found if file.parent == folder])
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

    def read(self, numbers: range, size: Size) -> np.ndarray:
        height, width, colours = size
        read = [read_image(self.files[n], height=height, width=width, colours=colours) for n in numbers]
        return np.stack(read) if read else np.zeros((0, height, width, size.channels), np.float32)


def in_order(files: Sequence[Path]) -> list[Path]:
    """Files by the text and the numbers in their names, numbers by their value."""

    def key(file: Path) -> list[tuple[int, str]]:
        return [
            (int(part), "") if part.isdigit() else (-1, part)
            for part in re.findall(r"[0-9]+|[^0-9]+", file.stem)
        ]

    return sorted(files, key=key)
