"""The contract of features: one frame in, one vector out, nothing learned by gradient."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import cast

import torch
import torch.distributed as dist
from torch import Tensor, nn

from elman.batch import SequenceBatch
from elman.inputs.spec_augment import SpecAugment

LEAST_STD = 1e-3


class Features(nn.Module, ABC):
    """Features of every frame by itself, shifted and scaled to mean 0 and standard deviation 1.

    A frame's features depend on that frame alone, so that windows, streams and whole sequences give the
    same numbers. There are no parameters; the mean and the scale are buffers, measured by `fit_from` on
    the training part and saved with the network.

    Args:
        input_size: samples of a frame; taken from the data.
        output_size: features of a frame.
        augmentation: random changes to training features; null: none.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, *, input_size: int, output_size: int, augmentation: SpecAugment | None) -> None:
        super().__init__()
        self.input_size, self.output_size, self.augmentation = input_size, output_size, augmentation
        self.register_buffer("mean", torch.zeros(output_size))
        self.register_buffer("std", torch.ones(output_size))

    @abstractmethod
    def measured(self, frames: Tensor) -> Tensor:
        """(N, input_size) samples to (N, output_size) features, before the shift and the scale."""

    def forward(self, frames: Tensor) -> Tensor:
        """(B, T, input_size) samples to (B, T, output_size) features."""
        return (self._of(frames) - self.mean) / self.std

    def augment(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Training features changed at random, another way in each row.

        Args:
            features: (B, T, output_size), as `forward` gives them.
            lengths: (B,) int on the host, frames of each row that exist.
        """
        return features if self.augmentation is None else self.augmentation(features, lengths)

    @torch.no_grad()
    def fit_from(self, batches: Iterable[SequenceBatch], *, limit: int) -> None:
        """Measure mean and standard deviation over the first frames of `batches`, summed in float64.

        All processes together take the same values, each having read its own rows.

        Args:
            batches: of the training part; no more of them are read than it takes.
            limit: frames after which it is enough.
        """
        sums = torch.zeros(2 * self.output_size + 1, dtype=torch.float64, device=self.mean.device)
        for batch in batches:
            exists = torch.arange(batch.steps) < batch.lengths[:, None]  # (B, T)
            found = self._of(batch.x.to(sums.device))[exists.to(sums.device)].double()  # (N, output_size)
            sums += torch.cat([found.sum(0), found.square().sum(0), found.new_tensor([len(found)])])
            if sums[-1] >= limit:
                break
        if dist.is_available() and dist.is_initialized():
            dist.all_reduce(sums)
        total, squares = sums[:-1].view(2, -1) / sums[-1].clamp(min=1)
        self.mean.copy_(total)
        self.std.copy_((squares - total.square()).clamp(min=LEAST_STD**2).sqrt())

    def _of(self, frames: Tensor) -> Tensor:
        # Sums of squares need more than the half precision that an autocast context would give them.
        with torch.autocast(frames.device.type, enabled=False):
            found = self.measured(frames.flatten(0, 1).to(self.mean.dtype))  # (B * T, output_size)
        return cast(Tensor, found).view(*frames.shape[:2], self.output_size)
