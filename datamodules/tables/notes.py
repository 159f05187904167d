"""Notes: lines of a summary on a table that was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from datamodules.collecting.collected import few
from datamodules.tables.learned import Learned
from datamodules.tables.series import Column
from datamodules.tables.series_folder import SeriesSet


def notes(
    read: SeriesSet,
    categories: Sequence[Column],
    learned: Learned,
    constant: Sequence[str],
    metrics: Mapping[str, float],
) -> list[str]:
    """Which columns and values there are, gaps in time, and what a forecast reaches without a network.

    Args:
        constant: names of inputs that do not change in training.
        metrics: errors of `baselines`.
    """
    lines = [f"read: {few(read.columns)}"]
    for wanted, values in zip(categories, learned.values, strict=True):
        lines.append(f"{wanted}: {len(values)} values in training: {few(values)}")
    if constant:
        lines.append(f"constant in training, so they carry no information: {few(constant)}")
    gaps = [series.gaps for series in read.series if series.gaps.count]
    if gaps:
        longest = max(each.longest for each in gaps)
        lines.append(
            f"{sum(each.count for each in gaps):,} gaps in time, the longest {longest:,.4g} usual steps, "
            f"the first at {gaps[0].at}; rows on both sides are taken as neighbours"
        )
    if metrics:
        shown = ", ".join(f"{name} {value:.2f}" for name, value in metrics.items())
        lines.append(f"without a network: {shown} (linear: 24 lags, fitted to all before the part)")
    return lines
