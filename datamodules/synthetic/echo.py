"""Echo: repeat the input of `lag` steps ago."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from datamodules.sequence_data import Part, check_counts
from datamodules.synthetic.generated import Generated
from elman.batch import SequenceBatch, at_first_step


class Echo(Generated):
    """y_t = x_{t - lag}, x being independent fair bits: the cleanest measure of how far credit reaches.

    The first `lag` steps of a sequence have nothing to repeat and are not scored. A sequence may run
    over several batches; row b then continues row b of the batch before, and so does what is echoed.
    Nothing but the bit itself helps, so a network without memory stays at ln 2 nats a step.

    Args:
        lag: steps between a bit and its echo; 0 is the identity.
        steps: steps of a batch.
        batch_size: sequences side by side, over all processes.
        batches_per_sequence: batches that a sequence runs over; lag must lie inside the sequence.
        val_batches: batches of validation, and of test; a multiple of `batches_per_sequence`.
        seed: another seed draws other bits.
    """

    input_size = 2
    output_size = 2
    token_ids = True

    def __init__(
        self,
        *,
        lag: int = 5,
        steps: int = 100,
        batch_size: int = 32,
        batches_per_sequence: int = 1,
        val_batches: int = 8,
        seed: int = 0,
    ) -> None:
        super().__init__(
            steps=steps,
            batch_size=batch_size,
            batches_per_sequence=batches_per_sequence,
            val_batches=val_batches,
            seed=seed,
        )
        check_counts(0, lag=lag)
        if lag >= steps * batches_per_sequence:
            raise ValueError(
                f"lag must be less than steps x batches_per_sequence, so that a step is scored, "
                f"got lag={lag}, steps={steps}, batches_per_sequence={batches_per_sequence}"
            )
        self.lag = lag

    def bits(self, part: Part, index: int) -> Tensor:
        """The bits of one batch, (batch_size, steps) int64."""
        return torch.randint(0, 2, (self.batch_size, self.steps), generator=self.draw(part, index))

    def batch(self, part: Part, index: int) -> SequenceBatch:
        place = index % self.batches_per_sequence
        before = min(place, math.ceil(self.lag / self.steps))  # batches that the echo reaches back to
        bits = torch.cat([self.bits(part, i) for i in range(index - before, index + 1)], dim=1)
        silence = torch.zeros(self.batch_size, self.lag, dtype=torch.int64)  # before the first of these
        echo = torch.cat([silence, bits], dim=1)[:, : bits.shape[1]]
        step = torch.arange(place * self.steps, (place + 1) * self.steps)  # counted from the sequence's start
        return SequenceBatch(
            x=bits[:, -self.steps :],
            y=echo[:, -self.steps :],
            scored=(step >= self.lag).expand(self.batch_size, -1).clone(),
            lengths=torch.full((self.batch_size,), self.steps),
            begins=at_first_step(torch.full((self.batch_size,), place == 0), self.steps),
            is_last=place == self.batches_per_sequence - 1,
        )

    def metadata(self) -> dict[str, Any]:
        return {
            "lag": self.lag,
            "batches_per_sequence": self.batches_per_sequence,
            "baseline_nats": math.log(2),
        }
