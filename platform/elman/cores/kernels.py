"""How a cell is evaluated over time: the same equations, other speeds and rounding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from torch import nn

from elman.errors import BadInput

Kernel = Literal["auto", "fused", "native", "scan", "parallel", "loop"]
KERNELS = ("auto", "fused", "native", "scan", "parallel", "loop")


MOST_CUTS = 0.2
"""Share of steps with a cut from which an LSTM's scan is faster than torch's module in pieces."""


class Choice(NamedTuple):
    """What evaluates a stack of layers.

    Args:
        kernel: fused, native, scan, parallel or loop.
        from_steps: shorter windows go to the first kernel that the cell has; 0: none do. Without a backward
            pass, where there is less to gain, native is for windows twice as long and the scan for none.
        most_cuts: a fused module is cut where sequences begin inside rows. From this share of a window's
            steps on, the next kernel that the cell has runs instead, which begins rows anew as it goes.
        mixed: it runs under autocast too, in the weights' precision; otherwise the first kernel does.
    """

    kernel: str
    from_steps: int = 0
    most_cuts: float = MOST_CUTS
    mixed: bool = True

    def pays(self, steps: int, *, learns: bool, mixed: bool = False) -> bool:
        """Whether the kernel runs a window of so many steps.

        Args:
            learns: with a backward pass.
            mixed: under autocast.
        """
        if mixed and not self.mixed:
            return False
        if not self.from_steps or learns:
            return steps >= self.from_steps
        return self.kernel == "native" and steps >= 2 * self.from_steps

    def __str__(self) -> str:
        return f"{self.kernel} from {self.from_steps} steps" if self.from_steps else self.kernel


FASTEST: Mapping[tuple[str, str], Sequence[Choice]] = {
    ("Elman", "cpu"): (Choice("native", from_steps=8, most_cuts=0.0), Choice("scan", from_steps=32)),
    ("GRU", "cpu"): (Choice("native", from_steps=4, most_cuts=0.0), Choice("scan", from_steps=10)),
    ("LSTM", "cpu"): (Choice("native", from_steps=32, most_cuts=0.0, mixed=False), Choice("fused")),
}
"""What `auto` takes for a cell on a kind of device, the first of these that is there, as
`benchmarks/kernels.py` measured it; elsewhere the first that the cell has of fused, native, scan, parallel
and loop. Nothing is timed, so that a seed gives the same numbers."""


def fastest(names: Iterable[str], device: str, available: Sequence[str]) -> Choice:
    """What `auto` takes.

    Args:
        names: of the cell's class and its bases, the closest first.
        device: cpu, cuda.
        available: kernels that the cell has there.
    """
    for name in names:
        for choice in FASTEST.get((name, device), ()):
            if choice.kernel in available:
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


def why_without(network: nn.Module, device: str) -> str:
    """Why layers that would run by the native kernel on this kind of device do not; empty: all do."""
    parts: Iterator[Any] = (part for part in network.modules() if hasattr(part, "choice"))
    return next(filter(None, (part.without_native(device) for part in parts)), "")


def use_kernels(network: nn.Module, kernels: Mapping[str, Sequence[Any]] | None) -> None:
    """Evaluate a network as it was, whatever its recipe or a later table says.

    Args:
        kernels: what `kernels_of` gave; None: it is of a time when there was nothing to choose. Where native
            cannot be built, the scan takes its place.

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
        good = isinstance(kept, list | tuple) and 1 <= len(kept) <= 4 and kept[0] in part.available
        if not good or any(type(number) not in (int, float, bool) for number in kept[1:]):
            raise BadInput(
                f"the checkpoint evaluates {name} by {kept!r}, which is no kernel here "
                f"({', '.join(part.available)}); use the version of elman that wrote it"
            )
        part.kept = Choice(*kept)
