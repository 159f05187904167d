"""What several meters say together: whether losses look back as far as the data needs."""

from __future__ import annotations

from collections.abc import Mapping

from elman.bptt import BackpropThroughTime
from elman.diagnostics.meter import Reading


def verdict(bptt: BackpropThroughTime, readings: Mapping[str, Reading]) -> str:
    """A sentence or two; empty where too few meters were asked.

    Args:
        readings: by the meter's name.
    """
    gradient, bias, data = (
        readings.get(name) for name in ("gradient_by_lag", "truncation_bias", "dependence")
    )
    parts = []
    if gradient is not None:
        parts.append(f"Losses reach {gradient.facts['reach']} steps back")
    if data is not None and data.facts["found"]:
        how = "mutual information by lag, above shuffled rows"
        parts.append(f"{'the' if parts else 'The'} data's dependencies ({how}) reach {data.facts['reach']}")
    said = "; ".join(parts) + "." if parts else ""
    if data is not None and data.facts["found"] and (least := _least(bptt)) is not None:
        word = "reaches" if least >= data.facts["reach"] else "does not reach"
        said += f" Every loss is charged at least {least} steps back, which {word} that far."
    if bias is not None and (longer := _longer(bptt, bias)):
        said = f"{said} {longer}".strip()
    return said


def _least(bptt: BackpropThroughTime) -> int | None:
    """The lag that every loss of a strategy of windows is charged at least; None: it has no such windows."""
    k1, k2 = getattr(bptt, "k1", None), getattr(bptt, "k2", None)
    return k2 - k1 if isinstance(k1, int) and isinstance(k2, int) else None


def _longer(bptt: BackpropThroughTime, bias: Reading) -> str:
    """What a longer look back would cost and remove."""
    k1, k2 = getattr(bptt, "k1", None), getattr(bptt, "k2", None)
    own, enough, reference = bias.facts["own"].relative, bias.facts["enough"], bias.facts["reference"]
    measured = f"(reference: {reference} steps, the longest that fit)"
    if not isinstance(k1, int) or not isinstance(k2, int):
        return f"The strategy's gradient is {own:.0%} off {measured}."
    if k2 >= enough:
        return f"k2 = {k2} is enough: its gradient is {own:.0%} off {measured}."
    left = bias.facts["by_length"][enough]
    removed = max(0.0, own - left) / own if own > 0 else 0.0
    return (
        f"k2 = {enough} would cost {enough / k1:.2g} core steps for each step of the data instead of "
        f"{k2 / k1:.2g} and remove about {removed:.0%} of the bias, which is {own:.0%} now {measured}."
    )
