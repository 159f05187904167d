"""Random numbers that are a function of where they are used: whoever draws again draws the same."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor, nn

GOLDEN = 0x9E3779B97F4A7C15 - 2**64
FACTORS = (0xBF58476D1CE4E5B9 - 2**64, 0x94D049BB133111EB - 2**64)


def hashed(key: Tensor, number: Tensor | int) -> Tensor:
    """A key, 64 bits, for number `number` of what `key` stands for, int64; both broadcast.

    Source: Steele, Lea & Flood (2014), OOPSLA, SplitMix64: the number'th output of a generator seeded `key`.
    """
    step = torch.as_tensor(number, dtype=torch.int64, device=key.device)
    z = key + (step + 1) * GOLDEN
    z = (z ^ _shifted(z, 30)) * FACTORS[0]
    z = (z ^ _shifted(z, 27)) * FACTORS[1]
    return z ^ _shifted(z, 31)


def _shifted(bits: Tensor, by: int) -> Tensor:
    """To the right, with zeros from the left."""
    return (bits >> by) & (2 ** (64 - by) - 1)


def drawn(keys: Tensor, share: float) -> Tensor:
    """Whether what each key stands for is among the `share` that is hit, bool."""
    return _shifted(keys, 11) < round(share * 2**53)


def weight_mask(weight: Tensor, key: Tensor, share: float) -> Tensor:
    """Zero at a share of a weight's entries, 1 / (1 - share) at the others, in its shape and type."""
    entries = torch.arange(prod(weight.shape), device=weight.device)
    hit = drawn(hashed(key.to(weight.device), entries), share).view(weight.shape)
    return (~hit).to(weight.dtype) / (1 - share)


def dropping_weights(network: nn.Module) -> Sequence[nn.Module]:
    """The layers of a network whose recurrent weights are dropped in training."""
    return [part for part in network.modules() if hasattr(part, "draw_weights") and part.weight_dropout]


def draw_weights(parts: Sequence[nn.Module], key: Tensor) -> None:
    """Draw which weights they drop from now on, each its own; the same for the same key, () int64."""
    for number, part in enumerate(parts):
        part.draw_weights(hashed(key, number))  # type: ignore[operator]


def noisy(network: nn.Module) -> Sequence[nn.Module]:
    """The layers of a network with noise on their carry."""
    return [part for part in network.modules() if hasattr(part, "draw_weights") and part.noise is not None]


def use_keys(parts: Sequence[nn.Module], keys: Tensor | None) -> None:
    """Have them draw for the next window from these keys, (B, T, 3), each its own; None: draw nothing."""
    for number, part in enumerate(parts):
        part.noise.keys = None if keys is None else hashed(keys, number)  # type: ignore[union-attr]
