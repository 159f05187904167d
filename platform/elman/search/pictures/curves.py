"""The first objective of every trial by time step: who was stopped, and whether that was right."""

from __future__ import annotations

from math import isfinite

from elman.pictures.plot import Bundle, Line, Mark, Panel, Plot
from elman.pictures.ticks import ticks, written
from elman.search.pictures.look import (
    BLUE,
    GREY,
    ORANGE,
    SKY,
    VERMILLION,
    TooFewError,
    chance,
    direction,
    hover,
    reach,
    winner,
)
from elman.search.results.review import Review, TrialRow

LOOK = {"complete": (BLUE, 0), "pruned": (ORANGE, 1), "running": (SKY, 2), "failed": (GREY, 3)}
"""Colour and dash of the lines, by what became of the trial."""

Points = list[tuple[int, float]]


def curves(review: Review) -> Plot:
    """One line a trial.

    Raises:
        TooFewError: if fewer than two trials have been validated, or none of them twice.
    """
    drawn = _drawn(review)
    if len(drawn) < 2 or all(len(points) < 2 for _, points in drawn):
        raise TooFewError("needs two trials with values at two time steps")
    best, best_name = winner(review) or (None, "")
    marks: list[Mark] = []
    for state, (colour, dash) in LOOK.items():
        those = [(trial, points) for trial, points in drawn if trial.state == state and trial is not best]
        if those:
            lines = [([s for s, _ in points], [v for _, v in points]) for _, points in those]
            texts = [hover(review, trial) for trial, _ in those]
            marks.append(Bundle(lines=lines, name=state, colour=colour, dash=dash, texts=texts))
    for trial, points in drawn:
        if trial is best:
            marks.append(
                Line(
                    x=[step for step, _ in points],
                    y=[value for _, value in points],
                    name=best_name,
                    colour=VERMILLION,
                    width=1.8,
                    text=hover(review, trial),
                )
            )
    shown = reach(_late(drawn), maximize=review.objectives[review.objective] == "maximize")
    last = max(points[-1][0] for _, points in drawn)
    return Plot(
        title=f"{review.objective} while training",
        caption=f"A line for each of {len(drawn)} trials; dashed ones were pruned, the bold one is named.",
        legend_above=True,
        wide=True,
        panels=(
            Panel(
                x="time steps seen in training",
                y=direction(review),
                marks=(*marks, *chance(review, shown)),
                x_from=0,
                x_to=last * 1.02,
                x_ticks=[(tick, written(tick)) for tick in ticks(0, last)],
                **shown.panel("y"),
            ),
        ),
    )


def _drawn(review: Review) -> list[tuple[TrialRow, Points]]:
    """Trials with their points, those that are finite, by time step."""
    found = []
    for trial in review.trials:
        points = [(step, value) for step, value in sorted(trial.curve.items()) if isfinite(value)]
        if points and trial.state in LOOK:
            found.append((trial, points))
    return found


def _late(drawn: list[tuple[TrialRow, Points]]) -> list[float]:
    """The values after a seventh of the longest trial.

    Before that all trials fall alike, and their fall would take most of the room.
    """
    begin = max(points[-1][0] for _, points in drawn) / 7
    return [value for _, points in drawn for step, value in points if step >= begin or step == points[-1][0]]
