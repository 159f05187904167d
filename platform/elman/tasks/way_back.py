"""What is done to the gradient of the state on its way back, from step to step."""

from __future__ import annotations

from math import inf
from typing import NamedTuple

from elman.bptt import BackpropThroughTime
from elman.cores import Core
from elman.cores.crossing import Crossing
from elman.cores.noise import noisy


class WayBack(NamedTuple):
    """What a task has its gradients do.

    Args:
        crossing: what they go through between steps; None: nothing.
        by_step: the core cannot do it, so that it is run step by step where something is to be learned.
    """

    crossing: Crossing | None = None
    by_step: bool = False

    @property
    def decay(self) -> float:
        return self.crossing.decay if self.crossing else 1.0

    @property
    def clips(self) -> bool:
        return self.crossing is not None and self.crossing.clips


PLAIN = WayBack()
"""Nothing is done to them."""


def way_back(
    core: Core, bptt: BackpropThroughTime, *, state_clip: float | None, credit_decay: float
) -> WayBack:
    """The options `state_clip` and `credit_decay` of a task; the core does them from now on if it can.

    Raises:
        ValueError: for a value out of range, and for a core or a strategy in which nothing travels back.
    """
    if state_clip is not None and not state_clip > 0:
        raise ValueError(
            f"state_clip is the largest size of a number and must be positive or null, got "
            f"state_clip={state_clip}"
        )
    if not 0 < credit_decay <= 1:
        raise ValueError(f"credit_decay is a factor and must lie in (0, 1], got credit_decay={credit_decay}")
    crossing = Crossing(credit_decay, inf if state_clip is None else state_clip)
    if crossing == Crossing():
        return PLAIN
    asked = f"state_clip={state_clip}" if crossing.clips else f"credit_decay={credit_decay}"
    name = type(core).__name__
    if not core.initial_carry(1):
        raise ValueError(f"{asked} acts between steps, and {name} carries nothing; leave it out")
    if bptt.traces:
        if crossing.clips:
            raise ValueError(
                f"{asked} clips a gradient that travels back, where {type(bptt).__name__} traces forward; "
                "leave it out, or use a strategy that goes backward"
            )
        return WayBack(crossing)
    taken = core.use_crossing(crossing)
    if not taken and not core.streams:
        raise ValueError(
            f"{asked} acts between steps, but {name} reads later steps and cannot be run step by step; leave "
            "it out, or use Bidirectional around a Cell"
        )
    if not taken and noisy(core):
        raise ValueError(
            f"{asked} runs {name} step by step, where zoneout and recurrent_dropout draw for a window; leave "
            "one of the two out, or take the cell without a core around it"
        )
    return WayBack(crossing, by_step=not taken)
