"""Layers over a window without autograd: run forward, and pulled back once the loss's gradient is known."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from elman.cores._layout import BLOCK, Layout
from elman.cores._native import Native
from elman.cores._passes import Passes, Ran
from elman.cores._short import Short
from elman.cores.crossing import Crossing
from elman.cores.pointwise import Pointwise
from elman.cores.resets import Resets
from elman.tree import Carry, rows


class LayerRun(Protocol):
    """A layer's way back."""

    def __call__(
        self, dout: Tensor, dends: Sequence[Tensor] | None, *, crossing: Crossing | None, by_x: bool
    ) -> tuple[Tensor | None, Sequence[Tensor]]:
        """Add the weights' gradients to their `.grad`; those by its inputs, if asked for, and by the carry.

        Args:
            dout: (N, H), of the loss by the outputs.
            dends: (B, H) each, by the carry after each row's last step; None: zero.
            crossing: what gradients go through between steps; None: nothing.
        """


class LongRun:
    """That of any rows, by `Passes`."""

    def __init__(self, passes: Passes, ran: Ran, weights: Sequence[Tensor]) -> None:
        self.passes, self.ran, self.weights = passes, ran, weights

    def __call__(
        self, dout: Tensor, dends: Sequence[Tensor] | None, *, crossing: Crossing | None, by_x: bool
    ) -> tuple[Tensor | None, Sequence[Tensor]]:
        if dends is None:
            dends = [state.new_zeros(self.ran.layout.row_count, state.shape[1]) for state in self.ran.states]
        found = self.passes.backward(self.ran, dout, dends, crossing=crossing, by_x=by_x, by_first=False)
        for weight, gradient in zip(self.weights, found.weights, strict=True):
            gradient_of(weight).add_(gradient)
        return found.x, found.carry


class ShortRun:
    """That of a short window, whose buffers it gives back."""

    def __init__(self, short: Short, weights: Sequence[Tensor], free: list[Short]) -> None:
        self.short, self.weights, self.free = short, weights, free

    def __call__(
        self, dout: Tensor, dends: Sequence[Tensor] | None, *, crossing: Crossing | None, by_x: bool
    ) -> tuple[Tensor | None, Sequence[Tensor]]:
        into = [gradient_of(weight) for weight in self.weights]
        found = self.short.backward(self.weights, dout, dends, into=into, crossing=crossing, by_x=by_x)
        self.free.append(self.short)
        return found


class Buffers:
    """Those of short windows that wait for the next one of their shape; a copy of it is empty."""

    def __init__(self) -> None:
        self.free: dict[tuple[Any, ...], list[Short]] = {}

    def of(self, cell: Pointwise, weight_hh: Tensor, window: Window) -> tuple[Short, list[Short]]:
        """Some of a window's, and where they go back to."""
        rows, steps, parts = window.row_count, window.steps, len(window.carry)
        free = self.free.setdefault((rows, steps, weight_hh.shape, weight_hh.dtype), [])
        return free.pop() if free else Short(cell, weight_hh, rows=rows, steps=steps, parts=parts), free

    def __deepcopy__(self, memo: Any) -> Buffers:
        return Buffers()

    def __reduce__(self) -> Any:
        return Buffers, ()


class Pull:
    """The way back of a window: gradients in, those of weights added to their `.grad`.

    Args:
        layers: each layer's way back, the lowest first, and (N, F), what dropout multiplied its inputs by;
            None: nothing.
        carry: that the window began with.
        order: which rows had steps, the longest first, and where their steps lie among those of all rows;
            None: all have all.
        residual: whether a layer's output has that of the layer below added.
        crossing: what gradients go through between steps.
    """

    def __init__(
        self,
        layers: list[tuple[LayerRun, Tensor | None]],
        carry: Carry,
        order: tuple[Tensor, Tensor] | None,
        *,
        residual: bool,
        crossing: Crossing | None,
    ) -> None:
        self.layers, self.carry, self.order = layers, carry, order
        self.residual, self.crossing = residual, crossing

    def __call__(self, dout: Tensor, dends: Carry | None, *, by_x: bool) -> tuple[Tensor | None, Carry]:
        """The gradients of a loss.

        Args:
            dout: (T B, H), by the outputs, step by step; not read where no step exists.
            dends: (B, L, H) each, by the carry after each row's last step; None: it has no part in it.
            by_x: whether that by the inputs is asked for.

        Returns:
            (T B, F) by the inputs, None if they had no part, and (B, L, H) each by the carry that the window
            began with.
        """
        if not self.layers:  # no row had a step
            return None, dends or tuple(torch.zeros_like(leaf) for leaf in self.carry)
        count = dout.shape[0]
        if self.order is not None:
            index, places = self.order
            dends = dends or tuple(torch.zeros_like(leaf) for leaf in self.carry)
            dout, ends = dout[places], tuple(leaf[index] for leaf in dends)
        else:
            ends = dends or ()
        starts = []
        for number in reversed(range(len(self.layers))):
            run, noise = self.layers[number]
            below, start = run(
                dout,
                [leaf[:, number] for leaf in ends] or None,
                crossing=self.crossing,
                by_x=by_x or number > 0,
            )
            starts.append(start)
            if below is not None and noise is not None:
                below = below.mul_(noise)
            if below is not None and number and self.residual:
                below = below.add_(dout)
            if below is not None:
                dout = below
        dcarry = by_layer(starts[::-1])
        dx = dout if by_x else None
        if self.order is None:
            return dx, dcarry
        if dx is not None:
            dx = dx.new_zeros(count, dx.shape[1]).index_copy_(0, places, dx)
        pairs = zip(dends or (), dcarry, strict=True)
        return dx, tuple(end.index_copy(0, index, start) for end, start in pairs)


class Window(NamedTuple):
    """Rows and where they start.

    Args:
        x: (T B, F), the rows of step 0, then those of step 1, and so on.
        carry: (B, L, H) each.
        lengths: (B,) int on the host; None: every row has T steps.
        resets: where rows begin inside; None: none does.
    """

    x: Tensor
    carry: Carry
    lengths: Tensor | None
    resets: Resets | None

    @property
    def row_count(self) -> int:
        return self.carry[0].shape[0]

    @property
    def steps(self) -> int:
        return self.x.shape[0] // self.carry[0].shape[0]

    def layout(self) -> Layout:
        """Of rows that all have all steps."""
        if self.resets is None:
            return even(self.row_count, self.steps)
        return Layout([self.row_count] * self.steps, begins=self.resets.begins, device=self.x.device)

    def packed(self) -> tuple[Window, Layout, tuple[Tensor, Tensor]]:
        """The steps that exist, of rows with steps, the longest first; which rows, and where steps were."""
        assert self.lengths is not None, "every row has all steps"
        rank = self.lengths.argsort(descending=True)[: int(self.lengths.count_nonzero())]
        sizes = (self.lengths[rank] > torch.arange(int(self.lengths.max()))[:, None]).sum(1).tolist()
        where = [step * self.row_count + rank[:size] for step, size in enumerate(sizes)]
        places = torch.cat(where).to(self.x.device)
        resets = None if self.resets is None else self.resets.of(rank)
        begins = None if resets is None else resets.begins[:, : len(sizes)]
        layout = Layout(sizes, begins=begins, device=self.x.device)
        packed = Window(self.x[places], rows(self.carry, rank), None, resets)
        return packed, layout, (rank.to(self.x.device), places)


class Layers(NamedTuple):
    """Layers over one another, the output of each read by the next.

    Args:
        passes: what runs a layer.
        cell: its step.
        weights: of each layer, the lowest first, in the order of `Gradients.weights`.
        buffers: of short windows.
        dropout: share of the inputs of all layers but the lowest that is dropped.
        residual, crossing: as of `Pull`.
    """

    passes: Passes
    cell: Pointwise
    weights: Sequence[Sequence[Tensor]]
    buffers: Buffers
    dropout: float
    residual: bool
    crossing: Crossing | None

    def __call__(
        self, x: Tensor, carry: Carry, lengths: Tensor | None, resets: Resets | None
    ) -> tuple[Tensor, Carry, Pull]:
        """Run a window; arguments as of `Window`.

        Returns:
            The outputs, (T B, H), which live until the way back, the carry after each row's last step, and
            the way back.
        """
        window, order = Window(x, carry, lengths, resets), None
        run = window
        if lengths is None or bool((lengths == window.steps).all()):
            layout = window.layout()
        elif not lengths.any():
            out = x.new_zeros(x.shape[0], self.weights[0][1].shape[1])
            return out, carry, self._pull([], carry, None)
        else:
            run, layout, order = window.packed()
        short = self.passes is Native and order is None and not layout.begins and run.steps <= BLOCK
        layers: list[tuple[LayerRun, Tensor | None]] = []
        x, ends = run.x, list[Sequence[Tensor]]()
        end: Sequence[Tensor]
        first = run.resets.first if run.resets is not None and layout.begins else ()
        for number, own in enumerate(self.weights):
            below, noise = x, None
            if number and self.dropout:
                x, noise = dropped(below, self.dropout)
            starts = [leaf[:, number] for leaf in (*run.carry, *first)]
            if short:
                layer, free = self.buffers.of(self.cell, own[1], run)
                layers.append((ShortRun(layer, own, free), noise))
                x, end = layer.forward(x, own, starts)
            else:
                ran = self.passes.forward(self.cell, layout, [x, *own, *starts], keeps=True)
                layers.append((LongRun(self.passes, ran, own), noise))
                x, end = ran.outputs()
            if number and self.residual:
                x = x + below
            ends.append(end)
        after = by_layer(ends)
        if order is not None:
            x = x.new_zeros(window.x.shape[0], x.shape[1]).index_copy_(0, order[1], x)
            pairs = zip(carry, after, strict=True)
            after = tuple(old.index_copy(0, order[0], new) for old, new in pairs)
        return x, after, self._pull(layers, carry, order)

    def _pull(
        self,
        layers: list[tuple[LayerRun, Tensor | None]],
        carry: Carry,
        order: tuple[Tensor, Tensor] | None,
    ) -> Pull:
        return Pull(layers, carry, order, residual=self.residual, crossing=self.crossing)


def by_layer(parts: Sequence[Sequence[Tensor]]) -> Carry:
    """What layers have of a carry, (B, H) each, as (B, L, H) each."""
    if len(parts) == 1:
        return tuple(leaf.unsqueeze(1) for leaf in parts[0])
    return tuple(torch.stack(leaf, 1) for leaf in zip(*parts, strict=True))


@lru_cache(maxsize=64)
def even(row_count: int, steps: int) -> Layout:
    """That of rows which all have all steps and do not begin inside."""
    return Layout([row_count] * steps)


def gradient_of(parameter: Tensor) -> Tensor:
    """`.grad`, to be added to, which may be a view of a larger buffer; where nothing is learned, scratch."""
    if parameter.grad is not None:
        return parameter.grad
    zeros = torch.zeros_like(parameter, memory_format=torch.contiguous_format)
    if parameter.requires_grad:
        parameter.grad = zeros
    return zeros


def dropped(x: Tensor, share: float) -> tuple[Tensor, Tensor]:
    """`F.dropout` in training, number by number, and what it multiplied `x` by."""
    noise = torch.empty_like(x).bernoulli_(1 - share).div_(1 - share)
    return x * noise, noise
