"""Networks of which all is known, and data for meters to look at."""

from __future__ import annotations

import itertools
from functools import partial
from types import SimpleNamespace
from typing import Any

import torch
from task_toys import FEATURES, VALUES, make_task
from torch import Tensor, nn

from datamodules.batches import Batches
from elman.batch import SequenceBatch, whole
from elman.cores import Core
from elman.tasks import SequenceTask, SquaredError
from elman.tree import Carry


class Linear(Core):
    """h_t = W h_{t-1} + U x_t.

    Args:
        recurrent: W, (H, H).
    """

    def __init__(self, input_size: int, *, recurrent: Tensor) -> None:
        super().__init__()
        self.input_size, self.output_size = input_size, len(recurrent)
        self.recurrent = nn.Parameter(recurrent.clone())
        self.read = nn.Parameter(torch.eye(len(recurrent), input_size, dtype=recurrent.dtype))

    def initial_carry(self, row_count: int) -> Carry:
        return (self.recurrent.new_zeros(row_count, 1, self.output_size),)

    def forward(self, x: Tensor, carry: Carry, lengths: Tensor | None = None) -> tuple[Tensor, Carry]:
        h, outs = carry[0][:, 0], []
        for step in range(x.shape[1]):
            new = h @ self.recurrent.t() + x[:, step] @ self.read.t()
            h = new if lengths is None else torch.where((lengths > step)[:, None], new, h)
            outs.append(h)
        return torch.stack(outs, 1), (h[:, None],)


def orthogonal(size: int, *, seed: int = 1) -> Tensor:
    """A random orthogonal matrix, (size, size)."""
    generator = torch.Generator().manual_seed(seed)
    return torch.linalg.qr(torch.randn(size, size, generator=generator, dtype=torch.float64))[0]


def linear_task(
    recurrent: Tensor, *, input_size: int = FEATURES, outputs: int = VALUES, **options: Any
) -> SequenceTask:
    return make_task(
        core=partial(Linear, recurrent=recurrent),
        input_size=input_size,
        output_size=outputs,
        loss=SquaredError(),
        **options,
    )


def data_of(*batches: SequenceBatch) -> Any:
    """A data module whose validation part is these batches."""
    return SimpleNamespace(val_dataloader=lambda: Batches(batches.__getitem__, length=len(batches)))


def noise(
    rows: int, steps: int, *, inputs: int = FEATURES, outputs: int = VALUES, seed: int = 4
) -> SequenceBatch:
    """Whole sequences of noise, targets too."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, steps, inputs, generator=generator, dtype=torch.float64)
    return whole(x, torch.randn(rows, steps, outputs, generator=generator, dtype=torch.float64))


SIGNS = 8  # steps of `all_signs`


def all_signs(*, ids: bool = False) -> SequenceBatch:
    """Every sequence of 8 signs, those with an even number of minuses in the even rows.

    In either half the steps are uncorrelated, exactly.
    """
    signs = torch.tensor(list(itertools.product([1.0, -1.0], repeat=SIGNS)), dtype=torch.float64)
    even = signs.prod(1) > 0
    x = torch.stack([signs[even], signs[~even]], 1).flatten(0, 1)[..., None]
    y = torch.zeros(len(x), SIGNS, 5, dtype=torch.float64)
    return whole((x[..., 0] < 0).long() if ids else x, y)


def shift(size: int) -> Tensor:
    """h_1 is the input, h_n what h_{n-1} was."""
    return torch.diag(torch.ones(size - 1, dtype=torch.float64), -1)
