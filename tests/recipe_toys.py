"""Small classes of the shapes that recipes name."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import torch


class Core(ABC):
    @abstractmethod
    def forward(self): ...


class Tanh(Core):
    def __init__(
        self, input_size: int, *, hidden_size: int = 16, kind: Literal["tanh", "relu"] = "tanh"
    ) -> None:
        self.sizes, self.kind = (input_size, hidden_size), kind

    def forward(self): ...


class Gated(Core):
    def __init__(self, input_size: int, *, hidden_size: int = 32, forget_bias: float = 1.0) -> None:
        self.sizes, self.forget_bias = (input_size, hidden_size), forget_bias

    def forward(self): ...


class Strategy(ABC):
    @abstractmethod
    def losses(self): ...


class Full(Strategy):
    def losses(self): ...


class Truncated(Strategy):
    def __init__(self, *, k1: int = 10, k2: int = 10) -> None:
        if k1 < 1 or k2 < k1:
            raise ValueError(f"k1 and k2 count steps and need 1 <= k1 <= k2, got k1={k1}, k2={k2}")
        self.k1, self.k2 = k1, k2

    def losses(self): ...


class Split(Strategy):
    def __init__(self, *, k: int) -> None:
        self.k = k

    def losses(self): ...


class Twin(Strategy):
    def losses(self): ...


class Wrapped(Strategy):
    def __init__(self, *, inner: Strategy, scale: float = 1.0) -> None:
        self.inner, self.scale = inner, scale

    def losses(self): ...


class Task:
    def __init__(
        self,
        *,
        core: Callable[[int], Core],
        bptt: Strategy,
        optimizer: Callable[[Iterable], torch.optim.Optimizer] = torch.optim.Adam,
        clip: float | None = 1.0,
        sizes: list[int] | None = None,
        batch_size: int | None = None,
    ) -> None:
        self.batch_size = batch_size
        self.core, self.bptt, self.optimizer, self.clip, self.sizes = core(3), bptt, optimizer, clip, sizes


class Data:
    """Concrete, as LightningDataModule is."""


@dataclass(frozen=True, kw_only=True)
class Shares:
    train: float = 0.9
    test: float | None = 0.1


class Text(Data):
    def __init__(
        self, *, path: str | None = None, batch_size: int = 32, shares: Shares | None = None
    ) -> None:
        self.path, self.batch_size, self.shares = path, batch_size, shares or Shares()


class Echo(Data):
    def __init__(self, *, lag: int = 3, steps: int) -> None:
        self.lag, self.steps = lag, steps


def make_trainer(
    *,
    max_time_steps: int = 1000,
    devices: int | str = "auto",
    precision: str = "32-true",
    progress: bool = True,
    lr_min: float = 0.0,
) -> int:
    return max_time_steps
