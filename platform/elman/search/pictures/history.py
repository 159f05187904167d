"""The value of every trial in the order they began, and the best so far."""

from __future__ import annotations

from elman.pictures.plot import Dots, Line, Mark, Panel, Plot
from elman.pictures.ticks import ticks, written
from elman.search.pictures.look import (
    GREY,
    VERMILLION,
    TooFewError,
    chance,
    direction,
    dots,
    hover,
    objective_reach,
    stairs,
    valued,
)
from elman.search.results.review import Review


def history(review: Review) -> Plot:
    """The first objective by trial.

    Raises:
        TooFewError: with fewer than two complete trials.
    """
    name = review.objective
    if len(valued(review.complete, name)) < 2:
        raise TooFewError("needs two complete trials")
    trials = valued(review.trials, name)
    shown = objective_reach(review, trials)
    low, high = shown.ends
    inside = [trial for trial in trials if low <= trial.measured(name) <= high]
    marks: list[Mark] = list(dots(review, inside, lambda t: t.number, lambda t: t.measured(name)))
    far = 0
    for symbol, edge in (("up", high), ("down", low)):
        outside = [t for t in trials if not low <= t.measured(name) <= high]
        beyond = [t for t in outside if (t.measured(name) > high) == (symbol == "up")]
        far += len(beyond)
        if beyond:
            texts = [hover(review, trial) for trial in beyond]
            x = [trial.number for trial in beyond]
            marks.append(
                Dots(x=x, y=[edge] * len(x), symbol=symbol, colour=GREY, texts=texts)  # type: ignore[arg-type]
            )
    last = max(trial.number for trial in review.trials)
    steps: list[tuple[float, float]] = [*best_so_far(review)]
    if steps:
        x_line, y_line = stairs([*steps, (last, steps[-1][1])])
        marks.append(Line(x=x_line, y=y_line, name="best so far", colour=VERMILLION))
    numbers = [tick for tick in ticks(0, max(last, 1)) if tick == int(tick)]
    return Plot(
        title="Every trial, and the best so far",
        caption="The line is the best value among complete trials within all limits; a trial that was pruned "
        f"stands where it was stopped.{_far(far)}",
        legend_above=True,
        panels=(
            Panel(
                x="trial",
                y=direction(review),
                marks=(*marks, *chance(review, shown)),
                x_ticks=[(tick, written(tick)) for tick in numbers],
                **shown.panel("y"),
            ),
        ),
    )


def _far(count: int) -> str:
    return f" {count} beyond the edge {'is an arrow' if count == 1 else 'are arrows'}." if count else ""


def best_so_far(review: Review) -> list[tuple[int, float]]:
    """(trial, value) wherever a complete trial within all limits improved on those before it."""
    better = max if review.objectives[review.objective] == "maximize" else min
    found: list[tuple[int, float]] = []
    for trial in sorted(review.ranked(), key=lambda t: t.number):
        value = trial.measured(review.objective)
        if not found or better(value, found[-1][1]) != found[-1][1]:
            found.append((trial.number, value))
    return found
