"""The first objective against each value of the space alone: a panel for each."""

from __future__ import annotations

from typing import Any

from elman.pictures.plot import Mark, Panel, Plot
from elman.pictures.ticks import log_ticks, written
from elman.search.pictures.axis import is_log, value_axis
from elman.search.pictures.look import (
    VERMILLION,
    TooFewError,
    direction,
    dots,
    objective_reach,
    valued,
    winner,
)
from elman.search.results.format import labels, short
from elman.search.results.review import Review, TrialRow

MOST = 6
AIR = 0.35  # beside choices, in distances of two of them


def slices(review: Review) -> Plot:
    """A panel for each value that differs, k1 and k2 first.

    Raises:
        TooFewError: with fewer than two complete trials, or where nothing differs.
    """
    trials = valued(review.complete, review.objective)
    if len(trials) < 2:
        raise TooFewError("needs two complete trials")
    names = [n for n in labels(review) if len({str(t.values[n]) for t in trials if n in t.values}) > 1]
    if not names:
        raise TooFewError("all complete trials have the same values")
    if len(names) > MOST:  # k2/k1 is k2 seen again
        names = [name for name in names if "/" not in name] + [name for name in names if "/" in name]
    y = objective_reach(review, trials)
    best, best_name = winner(review) or (None, "")
    panels = []
    for place, name in enumerate(names[:MOST]):
        there = [trial for trial in trials if name in trial.values]
        axis, at = _axis(review, name, there)
        inside = [t for t in there if y.ends[0] <= t.measured(review.objective) <= y.ends[1]]
        others = [t for t in inside if best is None or t.number != best.number]

        def x(trial: TrialRow, at: dict[int, float] = at) -> float:
            return at[trial.number]

        def value(trial: TrialRow) -> float:
            return trial.measured(review.objective)

        marks: list[Mark] = list(dots(review, others, x, value, **({} if place == 0 else {"name": ""})))
        if best is not None and name in best.values:
            named = {"name": best_name if place == 0 else ""}
            marks += dots(review, [best], x, value, colour=VERMILLION, size=1.5, **named)
        axes = {**axis, **y.panel("y")}
        panels.append(Panel(x=short(name, 24), y=direction(review), marks=tuple(marks), **axes))
    left = f" Not shown: {', '.join(names[MOST:])}." if len(names) > MOST else ""
    return Plot(
        title="Each value alone",
        caption=f"Complete trials; all other values vary too, so what spreads upwards is theirs.{left}",
        legend_above=True,
        wide=len(panels) > 1,
        panels=tuple(panels),
    )


def _axis(review: Review, name: str, trials: list[TrialRow]) -> tuple[dict[str, Any], dict[int, float]]:
    """What the panel needs to know of its axis, and the place of each trial on it, by number."""
    values = [trial.values[name] for trial in trials]
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        at = {trial.number: float(trial.values[name]) for trial in trials}
        distinct = sorted(set(at.values()))
        found: dict[str, Any] = {}
        if is_log(review, name) and distinct[0] > 0:
            marks = log_ticks(distinct[0], distinct[-1])
            found = {"log_x": True, "x_ticks": [(mark, written(mark)) for mark in marks]}
        elif len(distinct) <= 6 and all(v == int(v) for v in distinct):
            found = {"x_ticks": [(v, written(v)) for v in distinct]}
        return found, at
    axis = value_axis(review, name, values)
    count = max(1, len(axis.ticks) - 1)
    at = {trial.number: place for trial, place in zip(trials, axis.at, strict=True)}
    return {"x_ticks": axis.ticks, "x_from": -AIR / count, "x_to": 1 + AIR / count}, at
