"""One layer of a cell, a step after the other, through autograd."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from elman.cores._layout import Layout, anew
from elman.cores._row_noise import LayerNoise
from elman.cores.crossing import Crossing, crossed
from elman.tree import Carry


class Equations(Protocol):
    """What a loop asks of a cell."""

    @property
    def hidden_size(self) -> int: ...

    def shapes(self, input_size: int) -> Mapping[str, tuple[int, ...]]: ...

    def drive(self, x: Tensor, weights: Any) -> Tensor: ...

    def step(self, drive: Tensor, carry: Carry, weights: Any) -> tuple[Tensor, Carry]: ...


@dataclass
class Functions:
    """A cell's equations apart from the module, so that the cell is no part of its own layers."""

    hidden_size: int
    shapes: Any
    drive: Any
    step: Any


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
    cell: Equations,
    x: Tensor,
    carry: Carry,
    weights: Mapping[str, Tensor],
    layout: Layout,
    *,
    first: Carry = (),
    crossing: Crossing | None = None,
    noise: LayerNoise | None = None,
) -> tuple[Tensor, Carry]:
    """Run one layer over steps of rows that end one after another; the rest as of `scan`.

    Args:
        noise: on the carry, where it is read and where it is handed on; None: there is none.
    """
    named = SimpleNamespace(**weights)
    outs = []
    drives = cell.drive(x, named).split(layout.sizes)  # the first len(drive) rows have this step
    for number, (drive, mark) in enumerate(zip(drives, layout.marks, strict=True)):
        count = len(drive)
        before = carry if count == len(carry[0]) else tuple(leaf[:count] for leaf in carry)
        before = anew(mark, first, before)
        before = crossed(before, crossing) if crossing else before
        out, after = cell.step(drive, before if noise is None else noise.read(before, number), named)
        if noise is not None:
            out, after = noise.kept(out, before, after, number)
        if count < len(carry[0]):
            after = tuple(torch.cat([new, old[count:]]) for new, old in zip(after, carry, strict=True))
        carry = after
        outs.append(out)
    return torch.cat(outs), carry
