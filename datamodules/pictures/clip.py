"""A clip: one video, of which any frames can be read in a given size."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from datamodules.pictures.size import Size

LUMA = (0.299, 0.587, 0.114)
"""How much red, green and blue weigh in grey (ITU-R BT.601, as Pillow has it)."""


class Clip(ABC):
    """One video.

    Args:
        frames: how many it has, known without decoding them.
        files: that it is made of.
        missing: frames that are not there, going by the numbers in names.
    """

    frames: int
    files: Sequence[Path]
    missing: Sequence[int] = ()

    @abstractmethod
    def read(self, numbers: range, size: Size) -> np.ndarray:
        """Frames `numbers`, ascending, (n, height, width, channels) float32; others are decoded if need be.

        Raises:
            BadInput: where one of them cannot be read.
        """


def stretched(frame: np.ndarray, size: Size) -> np.ndarray:
    """A frame (H, W, C) of 1 or 3 channels float32 in `size`, (height, width, channels)."""
    from PIL import Image

    if frame.shape[2] > size.channels:
        frame = (frame @ np.array(LUMA, dtype=np.float32))[..., None]
    if frame.shape[:2] != (size.height, size.width):
        wanted = (size.width, size.height)
        each = [
            Image.fromarray(np.ascontiguousarray(frame[..., c])).resize(wanted, Image.Resampling.BILINEAR)
            for c in range(frame.shape[2])
        ]
        frame = np.stack([np.asarray(channel) for channel in each], axis=2)
    return np.repeat(frame, size.channels, axis=2) if frame.shape[2] < size.channels else frame
