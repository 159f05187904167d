"""The target of a row's last step, given to all of its steps."""

from __future__ import annotations

import torch

from elman.batch import SequenceBatch
from elman.errors import BadInput


class Replication:
    """Says of a training batch that every step of a sequence has the target of its last one.

    Of a sequence of T steps, without those that burn in, with the target y at its last step,

        loss = share / T (l(o_1, y) + ... + l(o_T, y)) + (1 - share) l(o_T, y)

    so that windows without the last step have a loss too. It is summed over windows and rows; what a window
    scored is counted in sequences that have a step in it. Validation and test score the last step alone.

    Args:
        share: of the loss that is spread over all steps, in [0, 1); 0: the plain task.

    Raises:
        ValueError: if `share` is out of range.

    Source: Lipton, Kale, Elkan and Wetzel (2016), arXiv 1511.03677, target replication.
    Differs: Dai and Le (2015), arXiv 1511.01432, do it with weights that rise linearly from step to step.
    """

    def __init__(self, share: float) -> None:
        if not 0 <= share < 1:
            raise ValueError(f"replication is a share and must lie in [0, 1), got replication={share}")
        self.share = share

    def of(self, batch: SequenceBatch, *, where: str) -> SequenceBatch:
        """`batch` with the targets of the last steps at all steps, and the weights of these.

        A sequence whose last step is not scored has no target: nothing of it is.

        Args:
            where: which batch it is, for an error.

        Raises:
            BadInput: if a sequence goes on in the next batch, or is scored elsewhere than at its last step.
        """
        if not self.share:
            return batch
        if not batch.is_last:
            raise BadInput(
                f"model.replication={self.share} repeats the last target of a sequence, but those of {where} "
                "go on in the next batch; set data.batching.steps=null where there is one, or leave it out"
            )
        steps = torch.arange(batch.steps)
        exist, warm = steps < batch.lengths[:, None], 0 if batch.warm is None else batch.warm[:, None]
        ends = torch.ones_like(exist)
        ends[:, :-1] = batch.begins[:, 1:] | ~exist[:, 1:]  # the step after is of no or another sequence
        ends &= exist
        stray = batch.scored & ~ends
        if bool(stray.any()):
            row, step = stray.nonzero()[0].tolist()
            raise BadInput(
                f"model.replication={self.share} repeats the target of a last step, but step {step} of row "
                f"{row} of {where} is scored and not the last of its sequence; leave it out"
            )
        last = torch.where(ends, steps, batch.steps - 1).flip(1).cummin(1).values.flip(1)
        first = torch.where(batch.begins, steps, 0).cummax(1).values.clamp(min=warm)
        scored = exist & (steps >= warm) & batch.scored.gather(1, last)
        weights = self.share / (last - first + 1).clamp(min=1).double() + (1 - self.share) * ends.double()
        assert batch.y is not None, "training has targets"
        rows = torch.arange(len(exist), device=batch.y.device)[:, None]
        return batch._replace(y=batch.y[rows, last.to(batch.y.device)], scored=scored, weights=weights)
