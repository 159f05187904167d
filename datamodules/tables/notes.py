"""Notes: lines of a summary on a table that was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from datamodules.collecting.collected import few
from datamodules.collecting.partition import PART_NAMES
from datamodules.tables.learned import Learned, asked_for
from datamodules.tables.pieces import Span
from datamodules.tables.series import SeriesReader
from datamodules.tables.series_folder import SeriesSet

UNLIKE = 100
"""Times that series may differ in spread without a word."""
FEW_ROWS = 10


def notes(
    read: SeriesSet,
    tables: SeriesReader,
    learned: Learned,
    *,
    parts: Sequence[Sequence[Span]],
    constant: Sequence[str],
    metrics: Mapping[str, float],
) -> list[str]:
    """What was read, left out, filled in and not scored, and what a forecast reaches without a network.

    Args:
        parts: rows that are predicted, of training, validation and test.
        constant: names of inputs that do not change in training.
        metrics: errors of `baselines`.
    """
    lines = [f"read: {few(read.columns)}", *read.account.lines(tables.missing)]
    for number, (wanted, values) in enumerate(zip(tables.categories, learned.values, strict=True)):
        lines.append(f"{wanted}: {len(values)} values in training: {few(values)}")
        lines += _new_values(read, number, values)
    if constant:
        lines.append(f"constant in training, so they carry no information: {few(constant)}")
    gaps = [series.gaps for series in read.series if series.gaps.count]
    if gaps:
        longest, count = max(each.longest for each in gaps), sum(each.count for each in gaps)
        lines.append(
            f"{count:,} gap{'s' * (count > 1)} in time, the longest {longest:,.4g} usual steps, "
            f"the first at {gaps[0].at}; rows on both sides are taken as neighbours"
        )
    lines += [*_scored(read, parts, learned), *_unlike(read, parts, learned), *_short(read, parts)]
    if len(read.targets) > 1:
        lines.append("targets: " + few([f"{number} is {name}" for number, name in enumerate(read.targets)]))
    if metrics:
        shown = ", ".join(f"{name} {value:.2f}" for name, value in metrics.items())
        lines.append(f"without a network: {shown} (linear: 24 lags, fitted to all before the part)")
    return lines


def _new_values(read: SeriesSet, number: int, known: Sequence[str]) -> list[str]:
    """Values of a text column that only later parts hold."""
    new = {value: code for value, code in read.codes[number].values.items() if value not in set(known)}
    rows = sum(int(np.isin(series.codes[:, number], list(new.values())).sum()) for series in read.series)
    return [f"values that training lacks, read as none: {few(list(new))}, in {rows:,} rows"] if rows else []


def _scored(read: SeriesSet, parts: Sequence[Sequence[Span]], learned: Learned) -> list[str]:
    """How many rows are scored, and why others are not."""
    spans = [span for part in parts for span in part]
    rows = sum(map(len, read.series))
    asked = sum(stop - start for _, start, stop in spans)
    known = sum(int(read.series[number].known[start:stop].all(1).sum()) for number, start, stop in spans)
    why = []
    if learned.horizon:
        why.append(f"the first {learned.horizon} of a series have nothing before them to be predicted from")
    if known < asked:
        why.append(f"{asked - known:,} have no target")
    return [f"scored: {known:,} of {rows:,} rows; {', '.join(why)}"] if why else []


def _unlike(read: SeriesSet, parts: Sequence[Sequence[Span]], learned: Learned) -> list[str]:
    """Series whose targets vary much less than those of others, which one scaling makes flat."""
    if learned.scaling == "series":
        return ["scaling: each series by the mean and deviation of its own training rows"]
    spread = {}
    for number, start, stop in parts[0]:
        series = read.series[number]
        first, last = start - learned.horizon, stop - learned.horizon
        asked = asked_for(series, first, last, horizon=learned.horizon, difference=learned.difference)
        spread[series.name] = asked.std(0, dtype=np.float64)
    lines = []
    for place, target in enumerate(read.targets):
        ordered = sorted((values[place], name) for name, values in spread.items())
        (low, least), (high, most) = ordered[0], ordered[-1]
        if low * UNLIKE < high:
            lines.append(
                f"{target} varies by {low:.3g} in {least} and by {high:.3g} in {most}, and one scaling "
                "serves all; data.scaling=series gives each its own"
            )
    return lines


def _short(read: SeriesSet, parts: Sequence[Sequence[Span]]) -> list[str]:
    """Series that a part scores few rows of."""
    rows: dict[str, list[str]] = {}
    for name, part in zip(PART_NAMES, parts, strict=True):
        for number, start, stop in part:
            if stop - start < FEW_ROWS:
                rows.setdefault(read.series[number].name, []).append(f"{name} {stop - start}")
    shown = [f"{name} ({', '.join(counts)})" for name, counts in rows.items()]
    return [f"series with parts of fewer than {FEW_ROWS} rows: {few(shown)}"] if shown else []
