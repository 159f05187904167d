"""How a cell is evaluated over time: the same equations, other speeds and rounding."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from torch import nn

from elman.errors import BadInput

Kernel = Literal["auto", "fused", "scan", "loop"]
KERNELS = ("auto", "fused", "scan", "loop")


MOST_CUTS = 0.2
"""Share of steps with a cut from which an LSTM's scan is faster than torch's module in pieces."""


class Choice(NamedTuple):
    """What evaluates a stack of layers.

    Args:
        kernel: fused, scan or loop.
        from_steps: shorter windows, and those without a backward pass, go to the first kernel that the cell
            has; 0: none do.
        most_cuts: a fused module is cut where sequences begin inside rows. From this share of a window's
            steps on, the next kernel that the cell has runs instead, which begins rows anew as it goes.
    """

    kernel: str
    from_steps: int = 0
    most_cuts: float = MOST_CUTS

    def __str__(self) -> str:
        return f"{self.kernel} from {self.from_steps} steps" if self.from_steps else self.kernel


FASTEST: Mapping[tuple[str, str], Choice] = {
    ("Elman", "cpu"): Choice("scan", from_steps=32),
    ("GRU", "cpu"): Choice("scan", from_steps=10),
    ("LSTM", "cpu"): Choice("fused"),
}
"""What `auto` takes for a cell on a kind of device, as `benchmarks/kernels.py` measured it; elsewhere the
first that the cell has of fused, scan and loop. Nothing is timed, so that a seed gives the same numbers."""


def fastest(names: Iterable[str], device: str, available: Sequence[str]) -> Choice:
    """What `auto` takes.

    Args:
        names: of the cell's class and its bases, the closest first.
        device: cpu, cuda.
        available: kernels that the cell has.
    """
    for name in names:
        choice = FASTEST.get((name, device))
        if choice is not None and choice.kernel in available:
            return choice
    return Choice(available[0])


def kernels_of(network: nn.Module, device: str | None = None) -> dict[str, Choice]:
    """What evaluates every stack of layers of a network, by its name there.

    Args:
        device: on this kind of device; None: where the weights are.
    """
    return {name: part.choice(device) for name, part in network.named_modules() if hasattr(part, "choice")}


def in_words(kernels: Mapping[str, Choice]) -> str:
    """What `kernels_of` gave, for a reader; empty where a network has no such layers."""
    return ", ".join(dict.fromkeys(map(str, kernels.values())))


def use_kernels(network: nn.Module, kernels: Mapping[str, Sequence[Any]] | None) -> None:
    """Evaluate a network as it was, whatever its recipe or a later table says.

    Args:
        kernels: what `kernels_of` gave; None: it is of a time when there was nothing to choose.

    Raises:
        BadInput: if they are not kernels of this network.
    """
    for name, part in network.named_modules():
        if not hasattr(part, "choice"):
            continue
        if kernels is None:
            part.kept = Choice("fused" if "fused" in part.available else "loop")
            continue
        kept: Any = kernels.get(name) if isinstance(kernels, Mapping) else None
        good = isinstance(kept, list | tuple) and len(kept) in (1, 2, 3) and kept[0] in part.available
        if not good or any(type(number) not in (int, float) for number in kept[1:]):
            raise BadInput(
                f"the checkpoint evaluates {name} by {kept!r}, which is no kernel here "
                f"({', '.join(part.available)}); use the version of elman that wrote it"
            )
        part.kept = Choice(*kept)
