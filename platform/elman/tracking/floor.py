"""Whether a run has learned something: what has learned nothing reaches is kept with it."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite

from elman.tracking.metrics import high_is_good
from elman.tracking.tags import FLOOR_TAG

LEARNED_SHARE = 0.02
"""Of a floor: what a run must be better by to have learned. Validation at chance level scatters by less."""


def floor_tags(found: Mapping[str, float]) -> dict[str, str]:
    """Tags of a run that keep what a constant answer reaches, by metric of validation."""
    return {f"{FLOOR_TAG}{metric.removeprefix('val/')}": f"{value:.10g}" for metric, value in found.items()}


def floors_of(tags: Mapping[str, str]) -> dict[str, float]:
    """The floors that a run keeps, by the name of its metric in validation: `val/nats_per_step`."""
    found = {}
    for tag, text in tags.items():
        if tag.startswith(FLOOR_TAG):
            try:
                found[f"val/{tag.removeprefix(FLOOR_TAG)}"] = float(text)
            except ValueError:
                continue
    return found


def learned(
    best: Mapping[str, float], floor: Mapping[str, float], *, metric: str | None = None
) -> bool | None:
    """Whether a run is better than one that has learned nothing, by more than a fiftieth of that.

    Args:
        best: the best value by metric.
        floor: by metric, as `floors_of` gives them.
        metric: that decides where it has a floor; else any that has one.

    Returns:
        None: no floor is known.
    """
    known = [name for name in floor if name in best]
    if not known:
        return None
    name = metric if metric in known else known[0]
    return is_beaten(floor[name], best[name], high=high_is_good(name))


def is_beaten(floor: float, value: float, *, high: bool) -> bool:
    """Whether a value is better than a floor by enough: the one meaning of "learned".

    Args:
        high: whether more is better, of a share; else less is.
    """
    return isfinite(value) and (value > least(floor, high=high) if high else value < least(floor, high=high))


def least(floor: float, *, high: bool) -> float:
    """What a value must be better than to have been learned."""
    return floor + LEARNED_SHARE * (1 - floor) if high else floor * (1 - LEARNED_SHARE)
