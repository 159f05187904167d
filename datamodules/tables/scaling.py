"""Scaling: columns made comparable, by their values in training."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

CHUNK = 1 << 16


@dataclass(frozen=True)
class Scaling:
    """scaled = (value - shift) / scale, a shift and scale for each column.

    Args:
        shift: (n,) float64.
        scale: (n,) float64, above 0.
    """

    shift: np.ndarray
    scale: np.ndarray

    def apply(self, values: np.ndarray) -> np.ndarray:
        """(N, n) values, scaled, in 32 bits."""
        scaled = np.empty(values.shape, np.float32)
        for first in range(0, len(values), CHUNK):  # in 64 bits, which are not to be held for all rows
            rows = slice(first, first + CHUNK)
            scaled[rows] = (values[rows] - self.shift) / self.scale
        return scaled


def standardising(parts: Iterable[np.ndarray], width: int) -> tuple[Scaling, np.ndarray]:
    """Mean 0 and deviation 1 over all rows of `parts`; a column that is constant is only moved to 0.

    Args:
        parts: (N_i, width) each.

    Returns:
        The scaling, and (width,) bool, which columns are constant.
    """
    kept = [part for part in parts if len(part)]
    count = max(1, sum(map(len, kept)))
    mean = sum((part.sum(0, dtype=np.float64) for part in kept), np.zeros(width)) / count
    deviations = (part - mean for part in kept)
    squares = sum((np.square(each, out=each).sum(0) for each in deviations), np.zeros(width)) / count
    deviation = np.sqrt(squares)
    constant = deviation <= 1e-6 * np.abs(mean)  # what rounding to 32 bits leaves of none
    return Scaling(mean, np.where(constant, 1.0, deviation)), constant
