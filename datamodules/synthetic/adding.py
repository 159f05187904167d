"""Adding: the sum of two marked numbers, far apart."""

from __future__ import annotations

from typing import Any

import torch

from datamodules.sequence_data import Part, check_counts
from datamodules.synthetic.generated import Generated
from elman.batch import SequenceBatch, whole


class Adding(Generated):
    """Many-to-one regression over a long gap.

    x (B, T, 2): a number drawn from [0, 1), and a marker that is 1 at two steps, one in each half.
    y (B, T, 1): at the last step, the only one scored, the sum of the two marked numbers.

    Always answering 1 gives a mean squared error of 1/6, the variance of the sum.

    Args:
        steps: length of a sequence, at least 2.
        batch_size: sequences of a batch, over all processes.
        val_batches: batches of validation, and of test.
        seed: another seed draws other sequences.

    Source: Hochreiter & Schmidhuber (1997), Neural Computation 9(8), section 5.4.
    Differs: the form of Le, Jaitly & Hinton (2015): numbers from [0, 1) and one marker in each half;
    the original draws from [-1, 1], marks within the first steps, and varies the length.
    """

    input_size = 2
    output_size = 1
    token_ids = False

    def __init__(
        self, *, steps: int = 100, batch_size: int = 32, val_batches: int = 8, seed: int = 0
    ) -> None:
        check_counts(2, steps=steps)
        super().__init__(steps=steps, batch_size=batch_size, val_batches=val_batches, seed=seed)

    def batch(self, part: Part, index: int) -> SequenceBatch:
        draw = self.draw(part, index)
        half = self.steps // 2
        numbers = torch.rand(self.batch_size, self.steps, generator=draw)
        marker = torch.zeros_like(numbers)
        early = torch.randint(0, half, (self.batch_size, 1), generator=draw)
        late = torch.randint(half, self.steps, (self.batch_size, 1), generator=draw)
        marker.scatter_(1, torch.cat([early, late], dim=1), 1.0)
        y = torch.zeros(self.batch_size, self.steps, 1)
        y[:, -1, 0] = (numbers * marker).sum(dim=1)
        scored = torch.zeros(self.batch_size, self.steps, dtype=torch.bool)
        scored[:, -1] = True
        return whole(torch.stack([numbers, marker], dim=2), y, scored=scored)

    def metadata(self) -> dict[str, Any]:
        return {"baseline_mse": 1 / 6}
