"""From a window to its loss: the one function a strategy may call."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from elman.batch import SequenceBatch
from elman.bptt.strategy import ReadoutGradient, gradient_of_readout
from elman.cores.core import wide
from elman.cores.crossing import step_by_step
from elman.cores.noise import noisy, use_keys
from elman.cores.resets import Resets
from elman.errors import BadInput
from elman.tasks.burn_in import warmed
from elman.tasks.by_hand import ByHand
from elman.tasks.loss import SequenceLoss
from elman.tasks.network import Network
from elman.tasks.way_back import PLAIN, WayBack
from elman.tree import Carry, finite_rows, where_rows


class WindowLoss:
    """Embedding, core, readout and loss over the steps of a window, in one call or in parts.

    Args:
        network: what is trained.
        loss: what is summed over scored steps.
        way_back: what gradients go through between steps.

    `broken` is None, or (B,) bool, to which rows are added that came with a carry that is not finite;
    they begin anew. Checking a carry waits for the device, so it is done only after a failed update.
    `steps_run` counts the steps run forward so far, whatever the number of rows.
    """

    def __init__(self, network: Network, loss: SequenceLoss, *, way_back: WayBack = PLAIN) -> None:
        self.embed: Callable[[Tensor], Tensor] = network.embed
        self.network, self.core, self.readout, self.loss = network, network.core, network.readout, loss
        self.way_back, self._first = way_back, network.first_carry
        self.noisy = noisy(network.core)
        self.parameters = [p for p in network.parameters() if p.requires_grad]
        self.after_core = [p for p in network.readout.parameters() if p.requires_grad]
        self.by_hand: ByHand | None = None  # what runs windows that are to be learned from, if not autograd
        self.broken: Tensor | None = None
        self.steps_run = 0

    def reading(self, embed: Callable[[Tensor], Tensor]) -> WindowLoss:
        """The same objective over inputs that are embedded otherwise."""
        other = copy.copy(self)
        other.embed, other.by_hand = embed, None
        return other

    def first_carry(self, window: SequenceBatch) -> Carry:
        """The carry with which the rows of `window` begin."""
        return self._first(window.x.shape[0], window.context)

    def __call__(self, window: SequenceBatch, carry: Carry) -> tuple[Any, Carry]:
        """Summed loss of the window's scored steps, and the carry after it."""
        if self.by_hand is not None and self.by_hand.on and torch.is_grad_enabled():
            return self.by_hand(window, carry)
        loss, _, carry = self.sums(window, carry)
        return loss, carry

    def sums(self, window: SequenceBatch, carry: Carry) -> tuple[Tensor, Tensor | None, Carry]:
        """Summed loss, what else `loss.metrics` needs summed (None: nothing), carry."""
        out, carry = self.core_outputs(window, carry)
        return *self._readout_sums(out, window), carry

    def readout_loss(self, out: Tensor, window: SequenceBatch) -> Tensor:
        """Summed loss of the window's scored steps, of the core's outputs, (B, T, H)."""
        return self._readout_sums(out, window)[0]

    def readout_gradient(self, out: Tensor, window: SequenceBatch) -> ReadoutGradient:
        """`readout_loss` and its gradient: by hand where loss and readout know theirs, else by autograd."""
        by_hand = self.readout.knows_gradient and self.loss.knows_slopes and window.weights is None
        if by_hand and not torch.is_autocast_enabled(out.device.type):
            read, y = _scored(out, window)
            with torch.no_grad():
                flat, y = read.flatten(0, -2), y.flatten(0, read.dim() - 2)
                outputs = self.readout.outputs(flat)
                slopes = self.loss.slopes(outputs.to(wide(outputs.dtype)), y)
                if slopes is not None:
                    loss, by_output = slopes
                    by_output = by_output.to(outputs.dtype)
                    by_read, learned = self.readout.gradient(flat, by_output)
                    by_steps = (grad.view(*read.shape[:-1], grad.shape[-1]) for grad in (by_read, by_output))
                    by_out, errors = (_spread(grad, window) for grad in by_steps)
                    return ReadoutGradient(loss, by_out, learned, errors)
        return gradient_of_readout(self.readout_loss, self.after_core, out, window)

    def _readout_sums(self, out: Tensor, window: SequenceBatch) -> tuple[Tensor, Tensor | None]:
        out, y = _scored(out, window)
        if not out.numel():
            return out.new_zeros(()), None
        out = self.readout(out)
        out = out.to(wide(out.dtype))  # sums of bfloat16 would be rounded to it
        if window.weights is not None:
            return self.loss.weighted(out, y, window.weights[window.scored].to(out)), None
        loss, tally = self.loss.sums(out, y)
        if window.scale is not None and tally is not None:
            by_step = window.scale if window.scale.dim() == 3 else window.scale[:, None]  # (B, T or 1, O)
            scale = by_step.expand(*window.scored.shape, -1)[window.scored].to(y)
            _, tally = self.loss.sums(out.reshape(scale.shape) * scale, y.reshape(scale.shape) * scale)
        return loss, tally

    def encode(self, window: SequenceBatch) -> Tensor:
        """What the core reads, (B, T, F)."""
        return self.embed(window.x)

    def begin(self, window: SequenceBatch, carry: Carry) -> tuple[Carry, Tensor | None]:
        """The carry that the window starts with, and (B,) bool, which rows start anew; None: none does.

        Raises:
            BadInput: if rows go on from a carry but the core reads later steps.
        """
        carry, begun, first = self.begin_from(window, carry)
        return carry, None if first is None else begun

    def begin_from(self, window: SequenceBatch, carry: Carry) -> tuple[Carry, Tensor, Carry | None]:
        """As `begin`, and what sequences begin with; None: no row begins."""
        self.steps_run += window.steps
        is_first, begun = window.is_first, window.first_rows
        if self.broken is not None and (finite := finite_rows(carry)) is not None:
            self.broken |= ~finite
            is_first = is_first | ~finite
            begun = int(is_first.count_nonzero())
        every = begun == is_first.shape[0]
        if not self.core.streams and (window.begins_inside or not every):
            raise BadInput(
                f"{type(self.core).__name__} reads later steps: it cannot go on from an earlier batch, nor "
                "begin anew inside a row; use data whose sequences have a row each, of one batch"
            )
        if not (begun or window.begins_inside):
            return carry, is_first, None
        first = self.first_carry(window)
        return first if every else where_rows(is_first, first, carry), is_first, first

    def core_outputs(self, window: SequenceBatch, carry: Carry) -> tuple[Tensor, Carry]:
        """The core's outputs at every step, (B, T, H), and the carry after the last one."""
        if window.steps == 0:
            return next(self.core.parameters()).new_zeros(len(window.x), 0, self.core.output_size), carry
        if window.warm is not None and bool(window.warm.any()):
            return warmed(self.core_outputs, window, carry)
        carry, _, first = self.begin_from(window, carry)
        x = self.encode(window)
        use_keys(self.noisy, window.keys)
        lengths = None if window.complete else window.lengths
        resets = Resets(window.begins, first) if first is not None and window.begins_inside else None
        if self.way_back.crossing and self.way_back.by_step and torch.is_grad_enabled():
            crossing = self.way_back.crossing
            return step_by_step(self.core, x, carry, lengths, resets=resets, crossing=crossing)
        if resets is not None:
            return self.core.forward_from(x, carry, lengths, resets)
        return self.core(x, carry, lengths)

    @property
    def credit_decay(self) -> float:
        """What a strategy that traces the carry multiplies its traces by before each step."""
        return self.way_back.decay

    def agree(self, value: Tensor) -> Tensor:
        """The mean of `value` over all ranks."""
        if not (dist.is_available() and dist.is_initialized()):
            return value
        total = value.detach().clone()
        dist.all_reduce(total)
        return total / dist.get_world_size()


def _scored(out: Tensor, window: SequenceBatch) -> tuple[Tensor, Tensor]:
    """Outputs and targets of scored steps: as they lie if all are and have no weights, else in a row."""
    if window.y is None:
        raise ValueError("a batch without targets has no loss; predict with it instead")
    if window.weights is None and window.all_scored:
        return out, window.y
    chosen = window.scored.flatten().nonzero().squeeze(1).to(out.device)
    return out.flatten(0, 1)[chosen], window.y.flatten(0, 1)[chosen]


def _spread(scored: Tensor, window: SequenceBatch) -> Tensor:
    """What is known of scored steps as `_scored` gives them, (B, T, ...), zero at all others."""
    if window.all_scored:
        return scored
    spread = scored.new_zeros(window.scored.numel(), *scored.shape[1:])
    spread[window.scored.flatten().to(scored.device)] = scored
    return spread.view(*window.scored.shape, *scored.shape[1:])
