"""Layers of recurrent kernels, run over rows that may differ in length."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from elman.cores._fused import run_fused
from elman.cores._loop import Loop
from elman.cores.core import wide
from elman.tree import Carry, rows

Steps = Tensor | PackedSequence
"""(B, T, F), or only the steps that exist, packed with the longest row first."""


def change_values(steps: Steps, change: Callable[[Tensor], Tensor]) -> Steps:
    """Apply `change`, which must not look along time, to what `steps` holds."""
    if isinstance(steps, PackedSequence):
        return PackedSequence(change(steps.data), steps.batch_sizes)
    return change(steps)


def values(steps: Steps) -> Tensor:
    """What `steps` holds, features last."""
    return steps.data if isinstance(steps, PackedSequence) else steps


class Stack(nn.Module):
    """Recurrent layers over one another; lengths and the layout of the carry are settled here.

    Layer l reads dropout(s^{l-1}), where s^l = h^l, or h^l + s^{l-1} from layer 2 on if residual. A
    fused kernel runs all layers in one call unless something stands between them that it cannot do.

    Args:
        kernel: torch's class of a fused kernel; None: there is none.
        loop: where there is no kernel, makes a layer out of the size of its input.
        carry_parts: tensors in the carry.

    Cost: two transposes of the carry beside the kernel where all rows have all steps. Otherwise rows
        are sorted by length and packed: steps that do not exist cost no arithmetic.
    """

    def __init__(
        self,
        kernel: Callable[..., nn.Module] | None,
        loop: Callable[[int], Loop],
        *,
        input_size: int,
        hidden_size: int,
        layers: int,
        dropout: float,
        residual: bool,
        carry_parts: int,
    ) -> None:
        super().__init__()
        self.hidden_size, self.layers, self.carry_parts = hidden_size, layers, carry_parts
        self.dropout, self.residual = dropout, residual
        widths = [input_size] + [hidden_size] * (layers - 1)
        parts: list[nn.Module]
        if kernel is None:
            parts = [loop(width) for width in widths]
        elif residual:
            parts = [kernel(width, hidden_size, batch_first=True) for width in widths]
        else:
            between = dropout if layers > 1 else 0.0  # torch warns of dropout that has no place to act
            options = {"num_layers": layers, "dropout": between, "batch_first": True}
            parts = [kernel(input_size, hidden_size, **options)]
        self.parts = nn.ModuleList(parts)
        self._first_weight, _ = next(self.parts[0].named_parameters())

    def initial_carry(self, row_count: int) -> Carry:
        """Zeros, each (B, L, H), on the parameters' device."""
        weight = self._weight
        zeros = weight.new_zeros(row_count, self.layers, self.hidden_size, dtype=wide(weight.dtype))
        return (zeros,) if self.carry_parts == 1 else tuple(zeros.clone() for _ in range(self.carry_parts))

    def forward(self, x: Tensor, carry: Carry, lengths: Tensor | None = None) -> tuple[Tensor, Carry]:
        """As `Core.forward`; carry: (B, L, H) each.

        Raises:
            ValueError: if the carry has other rows than x.
        """
        row_count, steps = x.shape[:2]
        if carry[0].shape[0] != row_count:
            raise ValueError(
                f"carry holds {carry[0].shape[0]} rows but x holds {row_count}; "
                f"reset the carry or set drop_last"
            )
        if steps == 0 or (lengths is not None and not lengths.any()):
            return x.new_zeros(row_count, steps, self.hidden_size), carry
        if lengths is None or bool((lengths == steps).all()):
            out, carry = self._run(x, carry)
            return values(out), carry
        running = int(lengths.count_nonzero())
        order = lengths.argsort(descending=True)[:running]  # rows with a step to run, longest first
        index = order.to(x.device)
        packed = pack_padded_sequence(x[index], lengths[order], batch_first=True)
        ran, ends = self._run(packed, rows(carry, index))
        assert isinstance(ran, PackedSequence)
        padded, _ = pad_packed_sequence(ran, batch_first=True, total_length=steps)
        out = padded.new_zeros(row_count, steps, self.hidden_size).index_copy(0, index, padded)
        return out, tuple(
            start.to(end.dtype).index_copy(0, index, end) for start, end in zip(carry, ends, strict=True)
        )

    def _run(self, steps: Steps, carry: Carry) -> tuple[Steps, Carry]:
        """Run every step of `steps` through every layer."""
        weight = self._weight
        by_layer = [leaf.to(weight.dtype).transpose(0, 1).contiguous() for leaf in carry]  # (L, B, H)
        per_part = self.layers // len(self.parts)
        ends: list[Carry] = []
        for number, part in enumerate(self.parts):
            start = tuple(by_layer)
            if len(self.parts) > 1:
                start = tuple(leaf[number * per_part : (number + 1) * per_part] for leaf in by_layer)
            below = steps
            if number and self.dropout and self.training:
                steps = change_values(below, lambda v: F.dropout(v, self.dropout))
            steps, end = part(steps, start) if isinstance(part, Loop) else run_fused(part, steps, start)
            if number and self.residual:
                steps = change_values(steps, values(below).add)
            ends.append(end)
        joined = ends[0] if len(ends) == 1 else tuple(torch.cat(leaves) for leaves in zip(*ends, strict=True))
        return steps, tuple(leaf.transpose(0, 1).to(wide(weight.dtype)) for leaf in joined)

    @property
    def _weight(self) -> Tensor:
        """Any parameter: all share device and precision."""
        return cast(Tensor, getattr(self.parts[0], self._first_weight))
