"""One layer of a cell for which there is no fused kernel."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from elman.tree import Carry


class Equations(Protocol):
    """What a loop asks of a cell."""

    @property
    def hidden_size(self) -> int: ...

    def shapes(self, input_size: int) -> Mapping[str, tuple[int, ...]]: ...

    def drive(self, x: Tensor, weights: Any) -> Tensor: ...

    def step(self, drive: Tensor, carry: Carry, weights: Any) -> tuple[Tensor, Carry]: ...


class Loop(nn.Module):
    """A cell's weights, and its steps one after the other; called as a `torch.nn.LSTM` of one layer is.

    Weights have the names of torch's with the same meaning, and their first values.

    Args:
        cell: its equations; kept as functions, so that the cell's other layers are no part of this one.
        input_size: what the layer reads, F.
    """

    def __init__(self, cell: Equations, input_size: int) -> None:
        super().__init__()
        self._drive, self._step = cell.drive, cell.step
        shapes, bound = cell.shapes(input_size), 1 / math.sqrt(cell.hidden_size)
        self._names = {name: f"{name}_l0" for name in shapes}
        for name, shape in shapes.items():
            weight = nn.init.uniform_(torch.empty(shape), -bound, bound)
            self.register_parameter(self._names[name], nn.Parameter(weight))

    def forward(self, steps: Tensor | PackedSequence, carry: Carry) -> tuple[Tensor | PackedSequence, Carry]:
        """Run every step.

        Args:
            steps: (B, T, F), or packed with the longest row first.
            carry: (1, B, H) each.

        Returns:
            The output of every step, in the form of `steps`, and the carry after each row's last step.
        """
        weights = SimpleNamespace(**{name: getattr(self, own) for name, own in self._names.items()})
        start = tuple(leaf[0] for leaf in carry)
        if isinstance(steps, PackedSequence):
            drives = self._drive(steps.data, weights).split(steps.batch_sizes.tolist())  # (rows running, G)
            outs, end = self._unroll(drives, start, weights)
            return PackedSequence(torch.cat(outs), steps.batch_sizes), tuple(leaf[None] for leaf in end)
        outs, end = self._unroll(self._drive(steps, weights).unbind(1), start, weights)
        return torch.stack(outs, 1), tuple(leaf[None] for leaf in end)

    def _unroll(self, drives: Sequence[Tensor], carry: Carry, weights: Any) -> tuple[list[Tensor], Carry]:
        outs = []
        for drive in drives:  # the first len(drive) rows have this step
            row_count = len(drive)
            if row_count == len(carry[0]):
                out, carry = self._step(drive, carry, weights)
            else:
                out, ran = self._step(drive, tuple(leaf[:row_count] for leaf in carry), weights)
                carry = tuple(torch.cat([new, old[row_count:]]) for new, old in zip(ran, carry, strict=True))
            outs.append(out)
        return outs, carry
