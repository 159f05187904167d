"""The theme of all pictures of a study: colours that everyone can distinguish, marks by state, quiet axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from elman.search.results.format import in_words, kind, number, seconds_in_words
from elman.search.results.review import Review, TrialRow

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe & Ito (2008), "Color universal design", its blue made lighter so that it shows on dark grey too.
BLUE, SKY, ORANGE, VERMILLION, GREY = "#1F83C4", "#56B4E9", "#E69F00", "#D55E00", "#8A8F98"
SCALE = ("#D55E00", "#E89A3C", "#B5AE98", "#86A9C4", "#4F87B0")
"""From the best value to the worst."""
GROUND = "rgba(255,255,255,0.75)"
"""Behind a text that lies on lines."""


@dataclass(frozen=True)
class Mark:
    """How a trial is drawn: its name in the legend, colour, and symbol for plotly and matplotlib."""

    name: str
    colour: str
    symbol: str
    marker: str
    hollow: bool = False


MARKS = {
    "complete": Mark("complete", BLUE, "circle", "o"),
    "infeasible": Mark("above a limit", BLUE, "circle-open", "o", hollow=True),
    "pruned": Mark("pruned", ORANGE, "x-thin-open", "x"),
    "running": Mark("running", SKY, "diamond-open", "D", hollow=True),
    "failed": Mark("failed", GREY, "triangle-down-open", "v", hollow=True),
}


def hover(review: Review, trial: TrialRow) -> str:
    """What plotly shows at a trial; plotly reads it as HTML."""
    metrics = [f"{name} {number(value)}" for name, value in trial.objectives.items()]
    spent = [f"{trial.time_steps:,} time steps"]
    if trial.seconds is not None:
        spent.append(seconds_in_words(trial.seconds))
    head = f"trial {trial.number}, {MARKS[kind(review, trial)].name}"
    lines = [*metrics, *in_words(review, trial.values).split(", "), ", ".join(spent)]
    return f"<b>{head}</b><br>" + "<br>".join(plain(line) for line in lines)


def plain(text: str) -> str:
    """Text that plotly shows as it is."""
    return escape(text, quote=False)


def direction(review: Review, name: str | None = None) -> str:
    """`val/accuracy (higher is better)`, for the title of an axis."""
    name = name or review.objective
    return f"{name} ({'higher' if review.objectives[name] == 'maximize' else 'lower'} is better)"


def plotly_figure(*, x: str, y: str, **layout: Any) -> go.Figure:
    """An empty plotly figure with titled axes."""
    import plotly.graph_objects as go

    axis = {
        "gridcolor": "rgba(128,132,140,0.22)",
        "linecolor": "rgba(128,132,140,0.6)",
        "zeroline": False,
        "automargin": True,
        "ticks": "outside",
        "tickcolor": "rgba(128,132,140,0.6)",
    }
    figure = go.Figure()
    figure.update_layout(
        template="none",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "system-ui, sans-serif", "size": 13, "color": "#4A4F57"},
        margin={"l": 64, "r": 24, "t": 44, "b": 56},
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        hoverlabel={"align": "left"},
        hovermode="closest",
        xaxis={**axis, "title": {"text": plain(x), "font": {"size": 12}}},
        yaxis={**axis, "title": {"text": plain(y), "font": {"size": 12}}},
        **layout,
    )
    return figure


def matplotlib_figure(*, x: str, y: str) -> tuple[Figure, Axes]:
    """An empty matplotlib figure of 800 x 500, drawn at twice that, with titled axes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), dpi=200, layout="constrained")
    axes = figure.add_subplot()
    axes.set_xlabel(x, fontsize=11, color="#33373D")
    axes.set_ylabel(y, fontsize=11, color="#33373D")
    axes.tick_params(labelsize=10, colors="#4A4F57")
    axes.grid(color="#E3E5E8", linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color("#B4B8BE")
    return figure, axes


def legend(axes: Axes) -> None:
    """A row above the axes."""
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1.0),
        ncols=6,
        frameon=False,
        fontsize=10,
        handletextpad=0.4,
        columnspacing=1.4,
        borderaxespad=0.2,
    )


def plotly_marker(mark: Mark, size: int = 9) -> dict[str, Any]:
    return {
        "symbol": mark.symbol,
        "color": mark.colour,
        "size": size,
        "line": {"width": 2 if mark.hollow or mark.marker == "x" else 0, "color": mark.colour},
    }


def matplotlib_marker(mark: Mark, size: float = 42) -> dict[str, Any]:
    given: dict[str, Any] = {"marker": mark.marker, "s": size, "linewidths": 1.6}
    if mark.hollow:
        return {**given, "facecolors": "none", "edgecolors": mark.colour}
    return {**given, "c": mark.colour} if mark.marker == "x" else {**given, "c": mark.colour, "linewidths": 0}


def axis_limits(values: Sequence[float], *, maximize: bool) -> tuple[float, float]:
    """The lowest and the highest value that a picture shows: all but a few that are far worse.

    One trial that diverged would press all others into a line. Values further than 1.5 times the distance
    of the quartiles beyond the worse of them are left outside.

    Source: Tukey (1977), "Exploratory Data Analysis", the fences of a box plot.
    """
    from statistics import quantiles

    low, high = min(values), max(values)
    if len(values) >= 5:
        lower, _, upper = quantiles(values, n=4, method="inclusive")
        reach = 1.5 * (upper - lower)
        inside = [v for v in values if (v >= lower - reach if maximize else v <= upper + reach)]
        low, high = min(inside), max(inside)
    return low, high


def padded(bounds: tuple[float, float], share: float = 0.06) -> tuple[float, float]:
    """Bounds of an axis with air on both sides."""
    low, high = bounds
    air = (high - low) * share or abs(high) * share or share
    return low - air, high + air


def by_kind(review: Review, trials: Sequence[TrialRow]) -> Mapping[str, list[TrialRow]]:
    """Trials by the key of their mark, in the order of the legend."""
    found = {key: [t for t in trials if kind(review, t) == key] for key in MARKS}
    return {key: those for key, those in found.items() if those}
