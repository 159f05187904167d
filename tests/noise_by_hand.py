"""SplitMix64 in whole numbers of Python, and what of noise follows from it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

WORD = 2**64


def output(seed: int, number: int) -> int:
    """What a SplitMix64 seeded so gives at its number'th call, from 0."""
    z = (seed + (number + 1) * 0x9E3779B97F4A7C15) % WORD
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % WORD
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % WORD
    return z ^ (z >> 31)


def key_of(seed: int, *numbers: int) -> int:
    """Number after number, each of what the key before stands for."""
    for number in numbers:
        seed = output(seed, number)
    return seed


def hit(key: int, share: float) -> bool:
    return (key >> 11) / 2**53 < share


def mask(key: int, shape: Sequence[int], share: float) -> Tensor:
    """Zero where hit, else 1 / (1 - share), for entries numbered in the order of memory."""
    entries = [0.0 if hit(output(key, n), share) else 1 / (1 - share) for n in range(math.prod(shape))]
    return torch.tensor(entries, dtype=torch.float64).view(*shape)
