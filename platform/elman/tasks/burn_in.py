"""Steps at a row's start that warm the carry, without loss or gradient."""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

from elman.batch import SequenceBatch
from elman.bptt import BackpropThroughTime
from elman.errors import BadInput
from elman.tasks.network import Network
from elman.tree import Carry, detached, where_rows

log = logging.getLogger(__name__)

Run = Callable[[SequenceBatch, Carry], tuple[Tensor, Carry]]


class BurnIn:
    """Says of a training batch which steps only warm the carry.

    In a row that begins a sequence at step 0 of a batch, the first `steps` steps run with the current
    weights, are not scored, and no gradient passes through them: the carry after them is taken as given. A
    row that goes on from the batch before is not warmed.

    Args:
        steps: of a row, that only warm; 0: none.
        network: that runs them.
        bptt: the strategy, whose windows and look-back need not know of them.

    Raises:
        ValueError: for a negative number, and where no carry crosses from warm steps to others or something
            could never learn.

    `lost_rows` counts rows in which nothing is left to score; the first is said in a warning.

    Source: Kapturowski, Ostrovski, Quan, Munos and Dabney (2019), ICLR, section 3 (R2D2).
    Differs: sequences are whole, so warm steps begin with the network's first carry, not with a stored one.
    """

    def __init__(self, steps: int, *, network: Network, bptt: BackpropThroughTime) -> None:
        if steps < 0:
            raise ValueError(f"burn_in counts steps and must not be negative, got burn_in={steps}")
        self.steps, self.lost_rows = steps, 0
        if not steps:
            return
        if bptt.restarts:
            raise ValueError(
                f"burn_in={steps} warms a carry, which {type(bptt).__name__} drops at each window's end; "
                "leave burn_in out, or use Truncated or Full"
            )
        if not network.core.streams:
            raise ValueError(
                f"burn_in={steps} warms a carry, from which {type(network.core).__name__} cannot go on, as "
                "it reads later steps; leave burn_in out"
            )
        made = "context_encoder" if network.begins else "first_carry=learned" if network.learned_carry else ""
        if made:
            raise ValueError(
                f"{made} would learn nothing, since no gradient passes through the steps of burn_in={steps}; "
                "leave one of the two out"
            )

    def refuse(self, first: SequenceBatch) -> None:
        """Raise BadInput if there is nothing to learn from a row of the first batch of training."""
        marked = self.marked(first.restarted())
        lost = self._lost(first, marked)
        if bool(lost.any()):
            row = int(torch.where(lost, first.lengths, first.steps + 1).argmin())
            raise BadInput(
                f"model.burn_in={self.steps} leaves nothing to score in row {row} of the first training "
                f"batch, which has {int(first.lengths[row])} steps; lower it"
            )

    def of(self, batch: SequenceBatch, *, number: int) -> SequenceBatch:
        """`batch` with its warm steps, which are no longer scored.

        Args:
            number: of the training batch, from 0.

        Raises:
            BadInput: if sequences begin inside its rows.
        """
        if not self.steps:
            return batch
        marked = self.marked(batch)
        lost = self._lost(batch, marked)
        if bool(lost.any()) and not self.lost_rows:
            row = int(lost.nonzero()[0])
            log.warning(
                "model.burn_in=%d leaves nothing to score in row %d of training batch %d, which has %d "
                "steps; train/lost_rows counts such rows",
                *(self.steps, row, number, int(batch.lengths[row])),
            )
        self.lost_rows += int(lost.sum())
        return marked

    def marked(self, batch: SequenceBatch) -> SequenceBatch:
        """`batch` with its warm steps, uncounted."""
        if not self.steps:
            return batch
        if batch.begins_inside:
            raise BadInput(
                f"model.burn_in={self.steps} warms rows that begin with a batch, but in this data sequences "
                "begin inside rows; leave burn_in out, or give each a row, as data.batching.packed=false does"
            )
        warm = batch.is_first * min(self.steps, batch.steps)
        scored = batch.scored & (torch.arange(batch.steps) >= warm[:, None])
        return batch._replace(scored=scored, warm=warm)

    def _lost(self, batch: SequenceBatch, marked: SequenceBatch) -> Tensor:
        """(B,) bool, rows that begin and score nothing once they are warm; not those that never would."""
        due = batch.scored.any(1) | (batch.lengths <= self.steps)
        return marked.is_first & (batch.lengths > 0) & due & ~marked.scored.any(1)


def warmed(run: Run, window: SequenceBatch, carry: Carry) -> tuple[Tensor, Carry]:
    """`run` over a window some rows of which begin with warm steps.

    Args:
        run: outputs of every step, (B, T, H), and the carry after a window without warm steps.

    Cost: a call of `run` for each number of warm steps; without autograd where all rows are warm.
    """
    assert window.warm is not None, "there is nothing to warm"
    outs, warm = [], window.warm
    for start, stop in pairwise(sorted({0, *warm.tolist(), window.steps})):
        piece = window.window(start, stop)._replace(warm=None)
        with torch.set_grad_enabled(torch.is_grad_enabled() and not bool((warm >= stop).all())):
            out, carry = run(piece, carry)
        outs.append(out)
        if bool((ready := warm == stop).any()):
            carry = where_rows(ready, detached(carry), carry)
    return torch.cat(outs, 1), carry
