"""Pixels as steps: images read at once, row by row or pixel by pixel, for the class at the last step."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from datamodules.collecting import Example, many_to_one, many_to_one_batch
from elman.batch import SequenceBatch

Reading = Literal["whole", "rows", "columns", "pixels", "permuted"]


def shape_of(reading: Reading, height: int, width: int, channels: int = 1) -> tuple[int, int]:
    """(steps, values of a step) of an image.

    Raises:
        ValueError: for what is no reading.
    """
    shapes = {
        "whole": (1, height * width * channels),
        "rows": (height, width * channels),
        "columns": (width, height * channels),
        "pixels": (height * width, channels),
        "permuted": (height * width, channels),
    }
    if reading not in shapes:
        raise ValueError(f"reading must be one of {', '.join(shapes)}, got {reading!r}")
    return shapes[reading]


def as_steps(images: Tensor, reading: Reading) -> Tensor:
    """(N, H, W, C) images as (N, T, F) steps: `shape_of` has T and F, and `Images` what they are."""
    count, height, width, channels = images.shape
    if reading == "columns":
        images = images.transpose(1, 2)
    if reading == "permuted":
        order = torch.from_numpy(np.random.default_rng(0).permutation(height * width))
        images = images.reshape(count, -1, channels)[:, order]
    steps, values = shape_of(reading, height, width, channels)
    return images.reshape(count, steps, values)


class PixelSteps:
    """Images in memory and their classes as examples; x has values in [0, 1].

    Args:
        images: (N, H, W) of any type.
        labels: (N,) classes.
        reading: as `Images` has it.
        white: what 1 in x stands for.
    """

    def __init__(
        self, images: np.ndarray, labels: np.ndarray, *, reading: Reading, white: float = 1.0
    ) -> None:
        self.x = as_steps(torch.from_numpy(images)[..., None], reading)
        self.labels, self.white = torch.from_numpy(labels.astype(np.int64)), white
        self.lengths = np.full(len(images), self.x.shape[1])

    def window(self, number: int, start: int, stop: int) -> Example:
        x = self.x[number].to(torch.float32) / self.white
        return many_to_one(x, int(self.labels[number])).window(start, stop)

    def batch(self, numbers: np.ndarray) -> SequenceBatch:
        rows = torch.from_numpy(numbers)
        x = self.x[rows].to(torch.float32) / self.white
        return many_to_one_batch(x, self.labels[rows], torch.full((len(x),), x.shape[1]))
