"""Where a strategy cuts, for pictures over lags."""

from __future__ import annotations

from elman.bptt import BackpropThroughTime
from elman.pictures.plot import Rule

LENGTHS = ("k", "k1", "k2", "window", "length")
"""Arguments of strategies that count steps."""


def window_rules(bptt: BackpropThroughTime, *, most: int) -> list[Rule]:
    """The lengths that the strategy has, as far as the picture reaches."""
    found = {name: getattr(bptt, name, None) for name in LENGTHS}
    by_step: dict[int, list[str]] = {}
    for name, value in found.items():
        if isinstance(value, int) and 1 <= value <= most:
            by_step.setdefault(value, []).append(name)
    return [Rule(at=at, text=f"{' = '.join(names)} = {at}") for at, names in by_step.items()]
