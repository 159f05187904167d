"""Fused kernels under autocast, on CPUs that have none for that precision."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import nn


def run_fused(layer: nn.Module, steps: Any, carry: Any) -> Any:
    """`layer(steps, carry)`, by torch's own kernels where oneDNN's do not exist.

    Under autocast on a CPU, torch hands an LSTM to oneDNN without asking whether the processor has that
    precision; without AVX-512 it raises "could not create a primitive descriptor". Where oneDNN runs the
    layer, nothing changes.
    """
    mixed = torch.is_autocast_enabled("cpu") and next(layer.parameters()).device.type == "cpu"
    if (
        not mixed
        or not isinstance(layer, nn.RNNBase)
        or runs_mixed(type(layer), torch.get_autocast_dtype("cpu"))
    ):
        return layer(steps, carry)
    onednn: Any = torch.backends.mkldnn
    enabled, onednn.enabled = onednn.enabled, False
    try:
        return layer(steps, carry)
    finally:
        onednn.enabled = enabled


@cache
def runs_mixed(kernel: Callable[..., nn.Module], dtype: torch.dtype) -> bool:
    """Whether one step of a layer of one unit runs in `dtype` under autocast on this CPU; tried once."""
    with torch.random.fork_rng(devices=[]), torch.no_grad(), torch.autocast("cpu", dtype):
        try:
            kernel(1, 1, batch_first=True)(torch.zeros(1, 1, 1))
        except RuntimeError:
            return False
    return True
