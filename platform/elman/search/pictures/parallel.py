"""Every complete trial as a line through all its values and its objective."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from elman.search.pictures.axis import ABSENT, Axis, number_axis, value_axis
from elman.search.pictures.picture import Picture, TooFewError
from elman.search.pictures.theme import (
    GREY,
    GROUND,
    SCALE,
    VERMILLION,
    axis_limits,
    hover,
    plain,
    plotly_figure,
)
from elman.search.results.format import labels, short
from elman.search.results.review import Review, TrialRow

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from matplotlib.figure import Figure


def parallel(review: Review) -> Picture:
    """Parallel coordinates: k2 in place of its multiple, since that is what is looked back.

    Raises:
        TooFewError: with fewer than two complete trials or only one label.
    """
    trials = [trial for trial in review.complete if trial.metric(review.objective) is not None]
    if len(trials) < 2:
        raise TooFewError("needs two complete trials")
    names = [
        label
        for label in labels(review, multiples=False)
        if len({str(trial.values.get(label)) for trial in trials}) > 1
    ]
    if not names:
        raise TooFewError("all complete trials have the same values")
    return Picture(
        title="All values at once",
        caption="A line is a complete trial, coloured by its first objective from orange (best) to blue; "
        "'none' where a value does not apply to it.",
        draw_plotly=lambda: _plotly(review, trials, names),
        draw_matplotlib=lambda: _matplotlib(review, trials, names),
    )


def _axes(review: Review, trials: list[TrialRow], names: list[str]) -> list[Axis]:
    found = [value_axis(review, name, [trial.values.get(name) for trial in trials]) for name in names]
    values = _values(review, trials)
    last = number_axis(review.objective, [_within(review, trials, value) for value in values], log=False)
    low, high = _bounds(review, trials)
    ticks = []
    for place, text in last.ticks:
        beyond = (
            "≥ " if place == 1 and max(values) > high else "≤ " if place == 0 and min(values) < low else ""
        )
        ticks.append((place, beyond + text))
    return [*found, replace(last, ticks=ticks)]


def _values(review: Review, trials: list[TrialRow]) -> list[float]:
    return [trial.measured(review.objective) for trial in trials]


def _within(review: Review, trials: list[TrialRow], value: float) -> float:
    """The value, or the edge of the axis_limits for one that is far worse."""
    low, high = _bounds(review, trials)
    return min(max(value, low), high)


def _bounds(review: Review, trials: list[TrialRow]) -> tuple[float, float]:
    return axis_limits(_values(review, trials), maximize=review.objectives[review.objective] == "maximize")


def _quality(review: Review, trials: list[TrialRow]) -> list[float]:
    """From 0, the best, to 1."""
    low, high = _bounds(review, trials)
    span = (high - low) or 1
    share = [(_within(review, trials, value) - low) / span for value in _values(review, trials)]
    return [1 - s for s in share] if review.objectives[review.objective] == "maximize" else share


def _plotly(review: Review, trials: list[TrialRow], names: list[str]) -> go.Figure:
    """Lines of its own: plotly's parallel coordinates need WebGL and have no texts at the pointer."""
    axes, quality = _axes(review, trials, names), _quality(review, trials)
    best = review.best()
    figure = plotly_figure(x="", y="")
    for i in sorted(range(len(trials)), key=lambda i: -quality[i]):
        first = best is not None and trials[i].number == best.number
        figure.add_scatter(
            x=list(range(len(axes))),
            y=[axis.at[i] for axis in axes],
            name=f"best: trial {trials[i].number}",
            showlegend=first,
            mode="lines+markers",
            marker={"size": 7 if first else 5},
            line={"color": VERMILLION if first else _colour(quality[i]), "width": 4 if first else 1.8},
            opacity=1 if first else 0.8,
            hovertext=hover(review, trials[i]),
            hoverinfo="text",
        )
    for k, axis in enumerate(axes):
        figure.add_vline(x=k, line={"color": GREY, "width": 1}, layer="below")
        figure.add_annotation(x=k, y=1.08, text=f"<b>{plain(short(axis.label, 22))}</b>", showarrow=False)
        for place, text in axis.ticks:
            font = {
                "xanchor": "left",
                "xshift": 5,
                "font": {"size": 11},
                "showarrow": False,
                "bgcolor": GROUND,
            }
            figure.add_annotation(x=k, y=place, text=plain(text), **font)
    bare = {"showgrid": False, "showticklabels": False, "ticks": "", "zeroline": False, "showline": False}
    figure.update_xaxes(range=[-0.15, len(axes) - 0.4], **bare)
    figure.update_yaxes(range=[-0.18 if any(ABSENT in axis.at for axis in axes) else -0.05, 1.12], **bare)
    figure.update_layout(margin={"l": 10, "r": 10, "t": 44, "b": 10})
    return figure


def _colour(quality: float) -> str:
    """From the scale of all pictures, 0 being the best."""
    from plotly.colors import sample_colorscale

    return str(sample_colorscale(list(SCALE), [quality])[0])


def _matplotlib(review: Review, trials: list[TrialRow], names: list[str]) -> Figure:
    import numpy as np
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure

    axes_of = _axes(review, trials, names)
    quality = _quality(review, trials)
    colours = LinearSegmentedColormap.from_list("best to worst", SCALE)
    best = review.best()
    figure = Figure(figsize=(8, 5), dpi=200, layout="constrained")
    axes = figure.add_subplot()
    last = len(axes_of) - 1
    smooth = (1 - np.cos(np.linspace(0, np.pi, 40))) / 2
    for i in sorted(range(len(trials)), key=lambda i: -quality[i]):
        x = np.concatenate([k + np.linspace(0, 1, 40) for k in range(last)])
        y = np.concatenate(
            [axes_of[k].at[i] + (axes_of[k + 1].at[i] - axes_of[k].at[i]) * smooth for k in range(last)]
        )
        first = best is not None and trials[i].number == best.number
        axes.plot(
            x,
            y,
            color=VERMILLION if first else colours(quality[i]),
            linewidth=3 if first else 1.5,
            alpha=1 if first else 0.75,
            label=f"best: trial {trials[i].number}" if first else None,
        )
    for k, axis in enumerate(axes_of):
        axes.axvline(k, color="#6B7078", linewidth=1)
        for place, text in axis.ticks:
            axes.annotate(
                text,
                (k, place),
                xytext=(4, 0),
                textcoords="offset points",
                ha="left",
                va="center",
                fontsize=9,
                color="#22262B",
                bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.8},
                zorder=5,
            )
    axes.set_xticks(range(last + 1), [short(axis.label, 22) for axis in axes_of], fontsize=11)
    axes.tick_params(axis="x", length=0, pad=8)
    axes.xaxis.tick_top()
    axes.set_yticks([])
    axes.set_xlim(-0.1, last + 0.45)
    axes.set_ylim(-0.18 if any(ABSENT in axis.at for axis in axes_of) else -0.05, 1.05)
    for side in axes.spines.values():
        side.set_visible(False)
    if best is not None:
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, 0), frameon=False, fontsize=10)
    return figure
