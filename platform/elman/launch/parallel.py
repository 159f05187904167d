"""Many processes, one gradient: the task reduces its own flat buffer, nothing is wrapped."""

from __future__ import annotations

import torch.distributed as dist
from pytorch_lightning.strategies import DDPStrategy


class FlatGradientStrategy(DDPStrategy):
    """Lightning's data parallelism without its reducer.

    The reducer raises where a parameter goes unused in an update and hangs where ranks make unequal
    numbers of them. The task sums one flat buffer instead; all that is left to do here is to start from
    the same weights.
    """

    def configure_ddp(self) -> None:
        """Give every rank the weights of rank 0."""
        assert self.model is not None
        for tensor in [*self.model.parameters(), *self.model.buffers()]:
            dist.broadcast(tensor.detach(), src=0)
