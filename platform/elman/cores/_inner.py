"""The core inside a core."""

from __future__ import annotations

from collections.abc import Callable

from elman.cores.core import Core
from elman.cores.lstm import LSTM

CoreFactory = Callable[[int], Core]


def made(core: CoreFactory | None, input_size: int) -> Core:
    """`core(input_size)`, or an `LSTM` for None.

    Raises:
        ValueError: if that is no core.
    """
    inner = (core or LSTM)(input_size)
    if not isinstance(inner, Core):
        raise ValueError(f"core must make an elman.cores.Core, got {type(inner).__name__}")
    return inner
