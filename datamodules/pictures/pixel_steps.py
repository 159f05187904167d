"""Pixels as steps: images read at once, row by row or pixel by pixel, for the class at the last step."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from datamodules.collecting.examples import Example, many_to_one, many_to_one_batch
from elman.batch import SequenceBatch

Reading = Literal["whole", "rows", "pixels", "permuted"]
READINGS = ("whole", "rows", "pixels", "permuted")


def check_reading(reading: str) -> None:
    """Refuse what is no reading."""
    if reading not in READINGS:
        raise ValueError(f"reading must be one of {', '.join(READINGS)}, got {reading!r}")


def steps_of(reading: Reading, height: int, width: int) -> int:
    """Steps of an image."""
    return {"whole": 1, "rows": height}.get(reading, height * width)


class PixelSteps:
    """Images and their classes as examples.

    x: "whole" (1, H W); "rows" (H, W), a row of pixels a step; "pixels" (H W, 1), a pixel a step; "permuted",
    pixels in one random order, the same for all. The class is asked for at the last step.

    Args:
        images: (N, H, W) of any type.
        labels: (N,) classes.
        reading: whole, rows, pixels or permuted.
        white: what 1 in x stands for.
    """

    def __init__(
        self, images: np.ndarray, labels: np.ndarray, *, reading: Reading, white: float = 1.0
    ) -> None:
        count, height, width = images.shape
        flat = images.reshape(count, height * width)
        if reading == "permuted":
            flat = flat[:, np.random.default_rng(0).permutation(height * width)]
        steps = steps_of(reading, height, width)
        self.x: Tensor = torch.from_numpy(flat).reshape(count, steps, height * width // steps)
        self.labels, self.white = torch.from_numpy(labels.astype(np.int64)), white
        self.lengths = np.full(count, steps)

    @property
    def inputs(self) -> int:
        """Values of a step."""
        return self.x.shape[2]

    def window(self, number: int, start: int, stop: int) -> Example:
        x = self.x[number].to(torch.float32) / self.white
        return many_to_one(x, int(self.labels[number])).window(start, stop)

    def batch(self, numbers: np.ndarray) -> SequenceBatch:
        rows = torch.from_numpy(numbers)
        x = self.x[rows].to(torch.float32) / self.white
        return many_to_one_batch(x, self.labels[rows], torch.full((len(x),), x.shape[1]))
