"""Digits: small photographs of handwritten digits that every machine has."""

from __future__ import annotations

import hashlib

import numpy as np

from datamodules.collecting import Batching, Collected, Examples, Findings, Partition
from datamodules.pictures.pixel_steps import PixelSteps, Reading, shape_of

SIDE = 8
NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


class Digits(Collected):
    """Which digit is it? 1,797 images of 8 x 8 pixels, read at once or as a sequence.

    x: "whole" (1, 64), one-to-one; "rows" or "columns" (8, 8), of pixels, one a step; "pixels" (64, 1), a
    pixel a step; "permuted", pixels in one random order, the same for all. Values lie in [0, 1]. The class is
    asked for at the last step.

    Args:
        reading: whole, rows, columns, pixels or permuted.
        split: which images train, validate and test.
        batching: which images share a batch.

    Raises:
        ValueError: if `reading` is none of these.

    Source: scikit-learn's `load_digits`, from E. Alpaydin and C. Kaynak (1998), Optical Recognition of
        Handwritten Digits, UCI repository, its test part.
    """

    token_ids = False

    def __init__(
        self,
        *,
        reading: Reading = "rows",
        split: Partition = Partition(shares=(0.67, 0.165, 0.165)),
        batching: Batching = Batching(batch_size=32),
    ) -> None:
        super().__init__(split=split, batching=batching, unit="steps")
        self.steps, self.input_size = shape_of(reading, SIDE, SIDE)
        self.reading = reading

    def find(self) -> Findings:
        images, labels = load()
        return Findings(
            source="scikit-learn digits",
            digest=hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest(),
            names=[f"image {number}" for number in range(len(labels))],
            lengths=np.full(len(labels), self.steps),
            classes=NAMES,
            labels=labels,
            metadata={"reading": self.reading},
        )

    def examples(self, found: Findings, train: np.ndarray) -> Examples:
        images, labels = load()
        self.output_size = len(NAMES)
        return PixelSteps(images, labels, reading=self.reading)


def load() -> tuple[np.ndarray, np.ndarray]:
    """Images (1797, 8, 8) float32 in [0, 1], and their classes (1797,)."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    return (images / 16).astype(np.float32).reshape(-1, SIDE, SIDE), labels.astype(np.int64)
