"""The value of every trial in the order they began, and the best so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elman.search.pictures.picture import Picture, TooFewError
from elman.search.pictures.theme import (
    GREY,
    MARKS,
    VERMILLION,
    axis_limits,
    by_kind,
    direction,
    hover,
    legend,
    matplotlib_figure,
    matplotlib_marker,
    padded,
    plotly_figure,
    plotly_marker,
)
from elman.search.results.review import Review, TrialRow

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from matplotlib.figure import Figure


def history(review: Review) -> Picture:
    """The first objective by trial.

    Raises:
        TooFewError: with fewer than two complete trials.
    """
    if sum(trial.metric(review.objective) is not None for trial in review.complete) < 2:
        raise TooFewError("needs two complete trials")
    outside = len(_outside(review))
    far = (
        f" {outside} far worse {'lies' if outside == 1 else 'lie'} beyond the edge (arrows)."
        if outside
        else ""
    )
    return Picture(
        title="Every trial, and the best so far",
        caption="The line is the best value among complete trials within all limits; a trial that was pruned "
        f"stands where it was stopped.{far}",
        draw_plotly=lambda: _plotly(review),
        draw_matplotlib=lambda: _matplotlib(review),
    )


def best_so_far(review: Review) -> list[tuple[int, float]]:
    """(trial, value) wherever a complete trial within all limits improved on those before it."""
    better = max if review.objectives[review.objective] == "maximize" else min
    found: list[tuple[int, float]] = []
    for trial in sorted(review.ranked(), key=lambda t: t.number):
        value = trial.measured(review.objective)
        if not found or better(value, found[-1][1]) != found[-1][1]:
            found.append((trial.number, value))
    return found


def _valued(review: Review) -> list[TrialRow]:
    return [trial for trial in review.trials if trial.metric(review.objective) is not None]


def _limits(review: Review) -> tuple[float, float]:
    values = [trial.measured(review.objective) for trial in _valued(review)]
    return padded(axis_limits(values, maximize=review.objectives[review.objective] == "maximize"))


def _outside(review: Review) -> list[TrialRow]:
    low, high = _limits(review)
    return [trial for trial in _valued(review) if not low <= trial.measured(review.objective) <= high]


def _line(review: Review) -> tuple[list[int], list[float]]:
    """The best so far as a stair that goes on to the last trial."""
    steps = best_so_far(review)
    if steps:
        steps = [*steps, (max(t.number for t in review.trials), steps[-1][1])]
    return [number for number, _ in steps], [value for _, value in steps]


def _plotly(review: Review) -> go.Figure:
    name = review.objective
    figure = plotly_figure(x="trial", y=direction(review))
    x, y = _line(review)
    figure.add_scatter(
        x=x,
        y=y,
        name="best so far",
        mode="lines",
        line={"color": VERMILLION, "width": 2.5, "shape": "hv"},
        hoverinfo="skip",
    )
    for key, trials in by_kind(review, _valued(review)).items():
        figure.add_scatter(
            x=[trial.number for trial in trials],
            y=[trial.measured(name) for trial in trials],
            name=MARKS[key].name,
            mode="markers",
            marker=plotly_marker(MARKS[key]),
            hovertext=[hover(review, trial) for trial in trials],
            hoverinfo="text",
        )
    low, high = _limits(review)
    if outside := _outside(review):
        up = [trial.measured(name) > high for trial in outside]
        figure.add_scatter(
            x=[trial.number for trial in outside],
            y=[high if above else low for above in up],
            mode="markers",
            marker={
                "symbol": ["triangle-up" if a else "triangle-down" for a in up],
                "color": GREY,
                "size": 12,
            },
            hovertext=[hover(review, trial) for trial in outside],
            hoverinfo="text",
            showlegend=False,
            cliponaxis=False,
        )
    figure.update_yaxes(range=[low, high])
    return figure


def _matplotlib(review: Review) -> Figure:
    from matplotlib.ticker import MaxNLocator

    name = review.objective
    figure, axes = matplotlib_figure(x="trial", y=direction(review))
    x, y = _line(review)
    axes.step(x, y, where="post", color=VERMILLION, linewidth=2.2, label="best so far", zorder=2)
    low, high = _limits(review)
    for key, trials in by_kind(review, _valued(review)).items():
        axes.scatter(
            [trial.number for trial in trials],
            [trial.measured(name) for trial in trials],
            label=MARKS[key].name,
            zorder=3,
            **matplotlib_marker(MARKS[key]),
        )
    for trial in _outside(review):
        above = trial.measured(name) > high
        axes.scatter(
            [trial.number],
            [high if above else low],
            marker="^" if above else "v",
            color=GREY,
            s=60,
            clip_on=False,
            zorder=4,
        )
        axes.annotate(
            f"{trial.measured(name):.3g}",
            (trial.number, high if above else low),
            xytext=(8, -2 if above else 2),
            textcoords="offset points",
            va="top" if above else "bottom",
            fontsize=9,
            color="#4A4F57",
        )
    axes.set_ylim(low, high)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    legend(axes)
    return figure
