"""One layer of a cell, a step after the other, through autograd."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from elman.tree import Carry


class Equations(Protocol):
    """What a loop asks of a cell."""

    @property
    def hidden_size(self) -> int: ...

    def shapes(self, input_size: int) -> Mapping[str, tuple[int, ...]]: ...

    def drive(self, x: Tensor, weights: Any) -> Tensor: ...

    def step(self, drive: Tensor, carry: Carry, weights: Any) -> tuple[Tensor, Carry]: ...


class Weights(nn.Module):
    """The weights of one layer of a cell for which torch has no module.

    They have the names of torch's with the same meaning, and their first values.

    Args:
        shapes: by name.
        hidden_size: H.
    """

    def __init__(self, shapes: Mapping[str, tuple[int, ...]], hidden_size: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(hidden_size)
        for name, shape in shapes.items():
            weight = nn.init.uniform_(torch.empty(shape), -bound, bound)
            self.register_parameter(f"{name}_l0", nn.Parameter(weight))


def loop(
    cell: Equations, x: Tensor, carry: Carry, weights: Mapping[str, Tensor], sizes: Sequence[int]
) -> tuple[Tensor, Carry]:
    """Run one layer over steps of rows that end one after another; arguments and result as of `scan`."""
    named = SimpleNamespace(**weights)
    outs = []
    for drive in cell.drive(x, named).split(list(sizes)):  # the first len(drive) rows have this step
        row_count = len(drive)
        if row_count == len(carry[0]):
            out, carry = cell.step(drive, carry, named)
        else:
            out, ran = cell.step(drive, tuple(leaf[:row_count] for leaf in carry), named)
            carry = tuple(torch.cat([new, old[row_count:]]) for new, old in zip(ran, carry, strict=True))
        outs.append(out)
    return torch.cat(outs), carry
