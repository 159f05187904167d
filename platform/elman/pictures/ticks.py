"""Round numbers along an axis, and how they are written."""

from __future__ import annotations

from math import ceil, floor, log10


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round numbers between two others, about `count`."""
    if not high > low:
        return [low]
    rough = (high - low) / count
    power = 10.0 ** floor(log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    return [round(i * step, 12) for i in range(ceil(low / step - 1e-9), floor(high / step + 1e-9) + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten between two numbers, and two and five times them where these are few."""
    powers = range(floor(log10(low)), ceil(log10(high)) + 1)
    decades = log10(high / low)
    factors = (1, 2, 5) if decades <= 2 else (1, 3) if decades <= 3 else (1,)
    every = max(1, round(decades / 6))
    found = [factor * 10.0**power for power in powers if power % every == 0 for factor in factors]
    return [float(f"{v:.12g}") for v in found if low * 0.999 <= v <= high * 1.001]


def written(value: float) -> str:
    """A tick in a few characters: 0.003, 20, 1500, 15k, 2M, 3e-06."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e4)):
        if abs(value) >= size:
            return f"{value / (1e3 if unit == 'k' else size):.3g}{unit}"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
