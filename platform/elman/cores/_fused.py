"""torch's fused kernels, also on processors for which oneDNN lacks one."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import nn

from elman.tree import Carry


def run_fused(kernel: nn.Module, steps: Any, carry: Carry) -> tuple[Any, Carry]:
    """`kernel(steps, carry)` of torch's, with every carry a tuple.

    Under autocast on a CPU, torch hands an LSTM to oneDNN without asking whether the processor has that
    precision; without AVX-512 it raises "could not create a primitive descriptor". There the LSTM runs by
    torch's own kernels, and so does one with a projection, which oneDNN lacks and torch else warns of; where
    oneDNN runs it, nothing changes.
    """
    if not isinstance(kernel, nn.LSTM):
        out, end = kernel(steps, carry[0])
        return out, (end,)
    mixed = torch.is_autocast_enabled("cpu")
    if kernel.weight_ih_l0.device.type != "cpu" or not (
        kernel.proj_size or (mixed and not has_mixed_lstm(torch.get_autocast_dtype("cpu")))
    ):
        return kernel(steps, carry)
    onednn: Any = torch.backends.mkldnn
    enabled, onednn.enabled = onednn.enabled, False
    try:
        return kernel(steps, carry)
    finally:
        onednn.enabled = enabled


@cache
def has_mixed_lstm(dtype: torch.dtype) -> bool:
    """Whether an LSTM of one unit runs one step in `dtype` under autocast on this CPU; tried once."""
    with torch.random.fork_rng(devices=[]), torch.no_grad(), torch.autocast("cpu", dtype):
        try:
            nn.LSTM(1, 1, batch_first=True)(torch.zeros(1, 1, 1))
        except RuntimeError:
            return False
    return True
