"""The first objective of every trial by time step: who was stopped, and whether that was right."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

from elman.search.pictures.picture import Picture, TooFewError
from elman.search.pictures.theme import (
    BLUE,
    GREY,
    ORANGE,
    SKY,
    VERMILLION,
    axis_limits,
    direction,
    hover,
    legend,
    matplotlib_figure,
    padded,
    plotly_figure,
)
from elman.search.results.review import Review, TrialRow

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from matplotlib.figure import Figure

LOOK: dict[str, tuple[str, str, str]] = {  # colour, dash for plotly and for matplotlib
    "complete": (BLUE, "solid", "-"),
    "pruned": (ORANGE, "dash", "--"),
    "running": (SKY, "dot", ":"),
    "failed": (GREY, "dashdot", "-."),
}


def curves(review: Review) -> Picture:
    """One line a trial.

    Raises:
        TooFewError: if fewer than two trials have been validated, or none of them twice.
    """
    drawn = _drawn(review)
    if len(drawn) < 2 or all(len(points) < 2 for _, points in drawn):
        raise TooFewError("needs two trials with values at two time steps")
    return Picture(
        title=f"{review.objective} while training",
        caption="One line a trial, the best one bold; dashed ones were pruned.",
        draw_plotly=lambda: _plotly(review),
        draw_matplotlib=lambda: _matplotlib(review),
    )


def _drawn(review: Review) -> list[tuple[TrialRow, list[tuple[int, float]]]]:
    """Trials with their points, the best one last so that it lies on top."""
    best = review.best()
    found = []
    for trial in sorted(
        review.trials, key=lambda t: (best is not None and t.number == best.number, t.number)
    ):
        points = [(step, value) for step, value in sorted(trial.curve.items()) if isfinite(value)]
        if points and trial.state in LOOK:
            found.append((trial, points))
    return found


def _limits(review: Review) -> tuple[float, float]:
    """The limits of the values after a seventh of the longest trial, without those that are far worse.

    Before that all trials fall alike, and their fall would take most of the room.
    """
    lines = [points for _, points in _drawn(review)]
    begin = max(points[-1][0] for points in lines) / 7
    values = [value for points in lines for step, value in points if step >= begin or step == points[-1][0]]
    return padded(axis_limits(values, maximize=review.objectives[review.objective] == "maximize"))


def _plotly(review: Review) -> go.Figure:
    figure = plotly_figure(x="time steps seen in training", y=direction(review))
    best, named = review.best(), set()
    for trial, points in _drawn(review):
        first = best is not None and trial.number == best.number
        colour, dash, _ = LOOK[trial.state]
        name = f"best: trial {trial.number}" if first else trial.state
        figure.add_scatter(
            x=[step for step, _ in points],
            y=[value for _, value in points],
            name=name,
            legendgroup=name,
            showlegend=name not in named,
            mode="lines" if len(points) > 1 else "markers",
            line={"color": VERMILLION if first else colour, "dash": dash, "width": 4 if first else 1.6},
            opacity=1 if first else 0.65,
            hovertext=[f"{hover(review, trial)}<br>here {value:.4g} at {step:,}" for step, value in points],
            hoverinfo="text",
        )
        named.add(name)
    figure.update_xaxes(tickformat="~s", rangemode="tozero")
    figure.update_yaxes(range=list(_limits(review)))
    return figure


def _matplotlib(review: Review) -> Figure:
    from matplotlib.ticker import EngFormatter

    figure, axes = matplotlib_figure(x="time steps seen in training", y=direction(review))
    best, named = review.best(), set()
    for trial, points in _drawn(review):
        first = best is not None and trial.number == best.number
        colour, _, dash = LOOK[trial.state]
        name = f"best: trial {trial.number}" if first else trial.state
        marker: dict[str, Any] = {"marker": "o", "markersize": 4} if len(points) == 1 else {}
        axes.plot(
            [step for step, _ in points],
            [value for _, value in points],
            label=name if name not in named else None,
            color=VERMILLION if first else colour,
            linestyle=dash,
            linewidth=3.2 if first else 1.3,
            alpha=1 if first else 0.7,
            **marker,
        )
        named.add(name)
    axes.set_ylim(*_limits(review))
    axes.set_xlim(left=0)
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    legend(axes)
    return figure
