"""A video as a folder of numbered pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from datamodules.files import any_case, natural, walk
from datamodules.pictures.clip import Clip
from datamodules.pictures.image_file import SUFFIXES, check_image, read_image
from datamodules.pictures.size import Size
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

    def read(self, numbers: range, size: Size) -> np.ndarray:
        read = [read_image(self.files[number], size) for number in numbers]
        return np.stack(read) if read else np.zeros((0, *size.shape), np.float32)
