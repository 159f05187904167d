"""Recurrent weights that are dropped in training: drawn once an update, alike on all ranks."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor, nn

from elman.cores.noise import draw_weights, dropping_weights, hashed


class WeightNoise:
    """Draws which recurrent weights of a network count.

    A draw is a function of the run's seed and the number of the update, so that whatever belongs to one
    update, look-back and recomputation too, and a run that goes on within it, have the same.

    Args:
        network: that trains.
    """

    def __init__(self, network: nn.Module) -> None:
        self.parts = dropping_weights(network)
        self._seed: Tensor | None = None
        self._update = -1

    def draw(self, update: int, *, device: torch.device, ranks: int) -> None:
        """Draw for the update of this number, from 0, unless that is done.

        Args:
            device: of tensors that ranks exchange.
            ranks: processes that train together; all call this for the same numbers.
        """
        if not self.parts or update == self._update:
            return
        if self._seed is None:
            seed = torch.tensor(torch.initial_seed() % 2**63, device=device)
            if ranks > 1:  # whose seeds differ
                dist.broadcast(seed, 0)
            self._seed = hashed(seed.cpu(), 0)
        draw_weights(self.parts, hashed(self._seed, update))
        self._update = update
