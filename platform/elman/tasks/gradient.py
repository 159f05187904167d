"""All gradients in one flat buffer, so that ranks, clipping and the finite check see one vector."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
import torch.distributed as dist
from torch import nn

from elman.bptt import Update
from elman.bptt.loss import Loss
from elman.errors import BadInput


class Flags(NamedTuple):
    """What travels in front of the gradient, summed over ranks.

    Args:
        working: ranks that had a window.
        scored: steps scored in these windows, or sequences where steps have weights.
        loss: their summed loss; zero where one process knows it as a tensor.
        open: ranks whose window does not close its update.
        lr_scale: sum of the factors on the learning rate that these windows ask for.
        weight: what their summed loss counts as: scored steps, or the sum of their weights.
    """

    working: float
    scored: float
    loss: float
    open: float
    lr_scale: float
    weight: float


class FlatGradient:
    """One buffer [flags, gradients]; every parameter's `.grad` is a view of it.

    Ranks need not know each other's number of windows: one without work adds zeros, and the flags
    tell all of them when nobody is working any more.

    Args:
        parameters: all of one dtype and on one device.
        ranks: processes that train together.

    `exchanging` counts the seconds of this process in sums over ranks, most of which it waits for others.

    Raises:
        ValueError: if parameters differ in dtype or there is none.
    """

    def __init__(self, parameters: Sequence[nn.Parameter], *, ranks: int = 1) -> None:
        kinds = {(p.dtype, p.device) for p in parameters}
        if len(kinds) != 1:
            raise ValueError(f"parameters must share one dtype and device, got {sorted(map(str, kinds))}")
        ((dtype, device),) = kinds
        self.parameters, self.ranks, self.exchanging = list(parameters), ranks, 0.0
        size = sum(p.numel() for p in parameters)
        self.buffer = torch.zeros(len(Flags._fields) + size, dtype=dtype, device=device)
        self.flags, self.vector = self.buffer[: len(Flags._fields)], self.buffer[len(Flags._fields) :]
        pieces = self.vector.split([p.numel() for p in parameters])
        self.views = [piece.view_as(p) for piece, p in zip(pieces, parameters, strict=True)]

    def clear(self) -> None:
        """Zero the buffer and attach the views."""
        self.buffer.zero_()
        self.attach()

    def attach(self) -> None:
        """Make each parameter's `.grad` a view again; Lightning sets it to None at moments of its own."""
        for parameter, view in zip(self.parameters, self.views, strict=True):
            if parameter.grad is not view:
                parameter.grad = view

    def windows(self, updates: Iterator[Update]) -> Iterator[tuple[Update | None, Flags]]:
        """Each window with its flags while its gradient, reduced over all ranks, lies in the buffer.

        A rank whose windows have run out yields None until all have.
        """
        while True:
            update = next(updates, None)
            if update is None and self.ranks == 1:
                return
            self.clear()
            if update is not None and update.loss is not None:
                _backward(update.loss)
            flags = self.reduce(update)
            if not flags.working:
                return
            yield update, flags

    def reduce(self, update: Update | None) -> Flags:
        """Sum gradient and flags over all ranks; None: this rank has no window left."""
        if update is None:
            flags = Flags(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
        else:
            scored = float(update.scored)
            weight = scored if update.weight is None else update.weight
            flags = Flags(1.0, scored, 0.0, float(not update.closes), update.lr_scale, weight)
        if self.ranks == 1:
            return flags
        self.flags.copy_(torch.tensor(flags, dtype=self.buffer.dtype))
        if update is not None and update.loss is not None:
            self.flags[Flags._fields.index("loss")] = update.loss.detach()
        begun = time.perf_counter()
        dist.all_reduce(self.buffer)
        found = Flags(*self.flags.tolist())
        self.exchanging += time.perf_counter() - begun
        return found


def _backward(loss: Loss) -> None:
    """Add the gradient of `loss` to the parameters'.

    Raises:
        BadInput: if an earlier window's graph, which is gone, is part of this one's.
    """
    try:
        loss.backward()
    except RuntimeError as error:
        if "backward through the graph a second time" not in str(error):
            raise
        raise BadInput(
            "model.bptt: a window goes on from a carry whose graph was used by the update before; "
            "begin it from detached(carry), of elman.tree"
        ) from error
