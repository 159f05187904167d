"""MNIST1D: ten shapes along a line, moved, stretched and noisy, as the published code generates them."""

from __future__ import annotations

import hashlib
from functools import cache

import numpy as np
from scipy.interpolate import interp1d
from scipy.ndimage import gaussian_filter

from datamodules.collecting import Batching, Collected, Examples, Findings, Partition
from datamodules.pictures.pixel_steps import PixelSteps
from datamodules.sequence_data import check_counts

TEMPLATES = (
    (5, 6, 6.5, 6.75, 7, 7, 7, 7, 6.75, 6.5, 6, 5),
    (5, 3, 3, 3.4, 3.8, 4.2, 4.6, 5, 5.4, 5.8, 5, 5),
    (5, 6, 6.5, 6.5, 6, 5.25, 4.75, 4, 3.5, 3.5, 4, 5),
    (5, 6, 6.5, 6.5, 6, 5, 5, 6, 6.5, 6.5, 6, 5),
    (5, 4.4, 3.8, 3.2, 2.6, 2.6, 5, 5, 5, 5, 5, 5),
    (5, 3, 3, 3, 3, 5, 6, 6.5, 6.5, 6, 4.5, 5),
    (5, 4, 3.5, 3.25, 3, 3, 3, 3, 3.25, 3.5, 4, 5),
    (5, 7, 7, 6.6, 6.2, 5.8, 5.4, 5, 4.6, 4.2, 5, 5),
    (5, 4, 3.5, 3.5, 4, 5, 5, 4, 3.5, 3.5, 4, 5),
    (5, 4, 3.5, 3.5, 4, 5, 5, 5, 5, 4.7, 4.3, 5),
)
"""How far a pen that moves down the line of a digit lies to its side, at 12 points."""

NAMES = tuple("0123456789")
STEPS = 40
EXAMPLES, TEST = 5_000, 1_000
SEED = 42

SHORTEST_PAD, LONGEST_PAD = 36, 60
DILATED = len(TEMPLATES[0]) + LONGEST_PAD
SCALE, SHEAR = 0.4, 0.75
FARTHEST = 48
WAVY, WHITE = 0.25, 2e-2


class MNIST1D(Collected):
    """Which digit is it? 5,000 generated sequences of 40 values, of which the last 1,000 test.

    x: (40, 1), over all examples of mean 0 and deviation 1. The class is asked for at the last step.

    Args:
        shuffle: put the steps into one random order, the same for all.
        split: which of the other 4,000 validate.
        batching: which examples share a batch.

    Source: S. Greydanus and D. Kobak (2024), Scaling down deep learning with MNIST-1D, ICML; the numbers are
        those that version 0.0.2 of their code draws from its own seed.
    """

    token_ids = False

    def __init__(
        self,
        *,
        shuffle: bool = False,
        split: Partition = Partition(shares=(0.9, 0.1, 0.0)),
        batching: Batching = Batching(batch_size=100),
    ) -> None:
        super().__init__(split=split, batching=batching, unit="steps")
        self.shuffle = shuffle

    def find(self) -> Findings:
        x, labels = generated(shuffle=self.shuffle)
        return Findings(
            source="generated MNIST-1D",
            digest=hashlib.sha256(x.astype(np.float32).tobytes() + labels.tobytes()).hexdigest(),
            names=[f"example {number}" for number in range(len(labels))],
            lengths=np.full(len(labels), STEPS),
            given=[None] * (EXAMPLES - TEST) + ["test"] * TEST,
            classes=NAMES,
            labels=labels,
            metadata={"shuffle": self.shuffle},
        )

    def examples(self, found: Findings, train: np.ndarray) -> Examples:
        x, labels = generated(shuffle=self.shuffle)
        self.input_size, self.output_size = 1, len(NAMES)
        return PixelSteps(x[:, :, None], labels, reading="pixels")


@cache
def generated(*, shuffle: bool, count: int = EXAMPLES, seed: int = SEED) -> tuple[np.ndarray, np.ndarray]:
    """(count, 40) values, and the digits (count,) that they show."""
    check_counts(1, count=count)
    draw = np.random.RandomState(seed)
    shapes = templates()
    each = count // len(shapes)
    lines = [transformed(shape, draw) for shape in shapes for _ in range(each)]
    order = draw.permutation(len(lines))
    x, labels = np.stack(lines)[order], np.repeat(np.arange(len(shapes)), each)[order]
    if shuffle:
        x = x[:, draw.permutation(STEPS)]
    return (x - x.mean()) / x.std(), labels


def templates() -> np.ndarray:
    """(10, 12), each of deviation 1/6, beginning at 0."""
    x = np.array(TEMPLATES)
    x -= x.mean(1, keepdims=True)
    x /= x.std(1, keepdims=True)
    return (x - x[:, :1]) / 6.0


def transformed(shape: np.ndarray, draw: np.random.RandomState) -> np.ndarray:
    """(40,) a template somewhere on a line, with noise. What is drawn is drawn in the published order."""
    pad = SHORTEST_PAD + int(draw.rand() * (LONGEST_PAD - SHORTEST_PAD + 1))
    x = resampled(np.concatenate([shape + 1e-8, np.zeros(pad)]), DILATED)  # 0 marks what is no shape
    x *= 1 + SCALE * (draw.rand() - 0.5)
    x = np.roll(x, draw.choice(FARTHEST))
    shown = x != 0
    x = shown * x + ~shown * gaussian_filter(WAVY * draw.randn(*x.shape), 2)
    x = x + WHITE * draw.randn(*x.shape)
    x = x - SHEAR * (draw.rand() - 0.5) * np.linspace(-0.5, 0.5, len(x))
    return resampled(x, STEPS)


def resampled(x: np.ndarray, count: int) -> np.ndarray:
    """(count,) values along the straight lines between those of x."""
    return interp1d(np.linspace(0, 1, len(x)), x, axis=0, kind="linear")(np.linspace(0, 1, count))
