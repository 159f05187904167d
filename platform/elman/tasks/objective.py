"""From a window to its loss: the one function a strategy may call."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.distributed as dist
from torch import Tensor, nn

from elman.batch import SequenceBatch
from elman.cores import Core
from elman.errors import BadInput
from elman.tasks.loss import SequenceLoss
from elman.tree import Carry, finite_rows, where_rows


class WindowLoss:
    """ContextEncoder, core, readout and loss over the steps of a window.

    Args:
        encode: inputs of a window (B, T, ...) to what the core reads (B, T, F).
        core: the recurrent network.
        readout: (..., H) to (..., O).
        loss: what is summed over scored steps.
        first_carry: the carry with which the rows of a window begin.

    `broken` is None, or (B,) bool, to which rows are added that came with a carry that is not finite;
    they begin anew. The look at a carry waits for the device, so it is taken only after a failed update.
    `steps_run` counts the steps run forward so far, whatever the number of rows.
    """

    def __init__(
        self,
        *,
        encode: Callable[[Tensor], Tensor],
        core: Core,
        readout: nn.Module,
        loss: SequenceLoss,
        first_carry: Callable[[SequenceBatch], Carry],
        parameters: Sequence[nn.Parameter],
    ) -> None:
        self.encode, self.core, self.readout, self.loss = encode, core, readout, loss
        self.first_carry, self.parameters = first_carry, parameters
        self.broken: Tensor | None = None
        self.steps_run = 0

    def reading(self, encode: Callable[[Tensor], Tensor]) -> WindowLoss:
        """The same objective over inputs that are encoded otherwise."""
        return WindowLoss(
            encode=encode,
            core=self.core,
            readout=self.readout,
            loss=self.loss,
            first_carry=self.first_carry,
            parameters=self.parameters,
        )

    def __call__(self, window: SequenceBatch, carry: Carry) -> tuple[Tensor, Carry]:
        """Summed loss of the window's scored steps, and the carry after it."""
        loss, _, carry = self.sums(window, carry)
        return loss, carry

    def sums(self, window: SequenceBatch, carry: Carry) -> tuple[Tensor, Tensor | None, Carry]:
        """Summed loss, what else `loss.metrics` needs summed (None: nothing), carry."""
        features, carry = self.features(window, carry)
        if window.y is None:
            raise ValueError("a batch without targets has no loss; predict with it instead")
        out, y = features, window.y
        if not bool(window.scored.all()):
            chosen = window.scored.flatten().nonzero().squeeze(1).to(features.device)
            out, y = features.flatten(0, 1)[chosen], window.y.flatten(0, 1)[chosen]
        if not out.numel():
            return features.new_zeros(()), None, carry
        loss, tally = self.loss.sums(self.readout(out), y)
        return loss, tally, carry

    def features(self, window: SequenceBatch, carry: Carry) -> tuple[Tensor, Carry]:
        """What the core says at every step, (B, T, H), and the carry after the last one.

        Raises:
            BadInput: if rows go on from a carry but the core reads later steps.
        """
        if window.steps == 0:
            return next(self.core.parameters()).new_zeros(len(window.x), 0, self.core.output_size), carry
        self.steps_run += window.steps
        begins = window.is_first
        if self.broken is not None and (finite := finite_rows(carry)) is not None:
            self.broken |= ~finite
            begins = begins | ~finite
        if not (self.core.streams or bool(begins.all())):
            raise BadInput(
                f"{type(self.core).__name__} reads later steps and cannot go on from an earlier batch; "
                "use data whose sequences each lie in one batch"
            )
        if bool(begins.any()):
            first = self.first_carry(window)
            carry = first if bool(begins.all()) else where_rows(begins, first, carry)
        ragged = int(window.lengths.min()) < window.steps
        return self.core(self.encode(window.x), carry, window.lengths if ragged else None)

    def agree(self, value: Tensor) -> Tensor:
        """The mean of `value` over all ranks."""
        if not (dist.is_available() and dist.is_initialized()):
            return value
        total = value.detach().clone()
        dist.all_reduce(total)
        return total / dist.get_world_size()


def one_hot(ids: Tensor, size: int, dtype: torch.dtype) -> Tensor:
    """(B, T) ids to (B, T, size) rows with a single 1."""
    return nn.functional.one_hot(ids, size).to(dtype)
