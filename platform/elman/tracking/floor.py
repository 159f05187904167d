"""What a network reaches that has learned nothing: known of the data, and kept with a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite, log
from typing import Any

from elman.tracking.metrics import high_is_good
from elman.tracking.tags import FLOOR_TAG

LEARNED_SHARE = 0.02
"""Of a floor: what a run must be better by to have learned. Validation at chance level scatters by less."""
STATED = {
    "baseline_nats": "nats_per_step",
    "baseline_mse": "mse",
    "mean_mse": "mse",
    "chance": "accuracy",
}
"""Where a data module's metadata state a floor, and of which metric."""


def floors(
    metadata: Mapping[str, Any], *, class_counts: Sequence[float] | None = None, balanced: bool = False
) -> dict[str, float]:
    """What the best constant answer reaches, by metric: `nats_per_step`, `bits_per_step`, `accuracy`, `mse`.

    Of classes: the entropy of the training targets, and the share of the most frequent one.

    Args:
        metadata: of the data.
        class_counts: how often each class is a target in training; None: unknown, or without meaning.
        balanced: whether metrics weigh all classes alike.
    """
    found = {
        metric: float(metadata[name])
        for name, metric in STATED.items()
        if isinstance(metadata.get(name), int | float)
    }
    counts = [float(count) for count in class_counts or () if count > 0]
    if len(counts) > 1:
        shares = [1 / len(counts)] * len(counts) if balanced else [count / sum(counts) for count in counts]
        found.setdefault("nats_per_step", -sum(share * log(share) for share in shares))
        found.setdefault("accuracy", max(shares))
    if "nats_per_step" in found:
        found["bits_per_step"] = found["nats_per_step"] / log(2)
    return found


def floor_tags(found: Mapping[str, float]) -> dict[str, str]:
    """Tags of a run that keep `floors`."""
    return {f"{FLOOR_TAG}{metric}": f"{value:.10g}" for metric, value in found.items()}


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
    value, least = best[name], floor[name]
    if not isfinite(value):
        return False
    if high_is_good(name):
        return value > least + LEARNED_SHARE * (1 - least)
    return value < least * (1 - LEARNED_SHARE)
