"""What each process of a run gets through, and how much of its time it works."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor


def side_by_side(own_steps: int, exchanged: float, seconds: float, *, like: Tensor) -> dict[str, float]:
    """The metrics of all processes, by their rank; all of them call this together.

    `ranks/<r>/steps_per_second` is the throughput of a process. `ranks/<r>/working_share` is the share of its
    time outside sums over processes: what remains is the exchange itself and waiting for the slowest, so that
    `ranks/efficiency`, their mean, is what scaling leaves of each process. A GPU works while its host waits,
    which no clock of the host can tell apart, so the two are measured on CPU alone.

    Args:
        own_steps: time steps that this process trained on.
        exchanged: its seconds in sums over processes.
        seconds: of training in all.
        like: on the device that sums.
    """
    rank, size = dist.get_rank(), dist.get_world_size()
    table = torch.zeros(size, 2, dtype=torch.float64 if like.is_cpu else torch.float32, device=like.device)
    table[rank, 0], table[rank, 1] = own_steps / max(seconds, 1e-9), 1 - exchanged / max(seconds, 1e-9)
    dist.all_reduce(table)
    found = {f"ranks/{r}/steps_per_second": float(table[r, 0]) for r in range(size)}
    if like.is_cpu:
        shares = table[:, 1].clamp(0, 1)
        found |= {f"ranks/{r}/working_share": float(shares[r]) for r in range(size)}
        found["ranks/efficiency"] = float(shares.mean())
    return found
