"""What one objective costs in another: all trials, and the front of those that nothing beats in both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elman.search.pictures.picture import Picture, TooFewError
from elman.search.pictures.places import annotate, places, write
from elman.search.pictures.theme import (
    BLUE,
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
from elman.search.results.cost_view import with_cost
from elman.search.results.knee import knee
from elman.search.results.review import Review, TrialRow

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from matplotlib.figure import Figure


def pareto(review: Review) -> Picture:
    """The first objective against the second.

    Raises:
        TooFewError: with one objective, or fewer than two complete trials that have both.
    """
    if len(review.objectives) < 2:
        raise TooFewError("the study has one objective")
    if len(review.objectives) > 2:
        shown = dict(list(review.objectives.items())[:2])
        note = f" Seen from the side: of {len(review.objectives)} objectives two are shown."
    else:
        shown, note = review.objectives, ""
    first, second = shown
    _checked(review, first, second)
    return Picture(
        title=f"{first} against {second}",
        caption="On the line lie the trials that no other beats in every objective; at the knee, more of one "
        f"stops buying much of the other. Points carry their trial's number.{note}",
        draw_plotly=lambda: _plotly(review, first, second),
        draw_matplotlib=lambda: _matplotlib(review, first, second),
    )


def cost(review: Review) -> Picture:
    """The only objective against what a trial cost.

    Raises:
        TooFewError: with several objectives, or fewer than two complete trials whose cost is known.
    """
    if len(review.objectives) > 1:
        raise TooFewError("the study has several objectives; see pareto")
    priced = with_cost(review)
    if priced is None:
        raise TooFewError("no cost was measured")
    first, second = priced.objectives
    _checked(priced, first, second)
    return Picture(
        title=f"{first} against its cost",
        caption="On the line lie the trials that no other beats in both; at the knee, more cost stops buying "
        "much. Points carry their trial's number.",
        draw_plotly=lambda: _plotly(priced, first, second),
        draw_matplotlib=lambda: _matplotlib(priced, first, second),
    )


def _checked(review: Review, first: str, second: str) -> None:
    both = [t for t in review.complete if t.metric(first) is not None and t.metric(second) is not None]
    if len(both) < 2:
        raise TooFewError("needs two complete trials")
    if len({t.metric(second) for t in both}) < 2:
        raise TooFewError(f"{second} is the same in all complete trials")


def _drawn(review: Review, first: str, second: str) -> list[TrialRow]:
    """Complete trials that have both."""
    return [t for t in review.complete if t.metric(first) is not None and t.metric(second) is not None]


def _values(trials: list[TrialRow], name: str) -> list[float]:
    return [trial.measured(name) for trial in trials]


def _bounds(review: Review, trials: list[TrialRow], name: str) -> tuple[float, float]:
    values = _values(trials, name)
    return padded(axis_limits(values, maximize=review.objectives[name] == "maximize"), 0.08)


def _labels(review: Review, trials: list[TrialRow], first: str, second: str) -> list[tuple[str, str] | None]:
    """For each trial its text and where it stands, those of the front chosen first."""
    x_low, x_high = _bounds(review, trials, second)
    y_low, y_high = _bounds(review, trials, first)
    front, knee_trial = {t.number for t in review.pareto()}, knee(review)
    order = sorted(range(len(trials)), key=lambda i: trials[i].number not in front)
    spots = [
        (
            (_values([trials[i]], second)[0] - x_low) / (x_high - x_low),
            (_values([trials[i]], first)[0] - y_low) / (y_high - y_low),
        )
        for i in order
    ]
    texts = [str(trials[i].number) for i in order]
    if knee_trial is not None:
        at = next(n for n, i in enumerate(order) if trials[i].number == knee_trial.number)
        texts[at] = f"knee: {knee_trial.number}"
    up, right = (review.objectives[name] == "maximize" for name in (first, second))
    ideal = (
        f"{'top' if up else 'bottom'} {'right' if right else 'left'}"  # nothing lies on that side of a front
    )
    found: list[tuple[str, str] | None] = [None] * len(trials)
    chosen = places(spots, texts, liked=[ideal] * len(front))
    for i, text, place in zip(order, texts, chosen, strict=True):
        found[i] = (text, place) if place else None
    return found


def _plotly(review: Review, first: str, second: str) -> go.Figure:
    trials = _drawn(review, first, second)
    figure = plotly_figure(x=direction(review, second), y=direction(review, first))
    front = [trial for trial in trials if trial.number in {t.number for t in review.pareto()}]
    front.sort(key=lambda t: _values([t], second))
    figure.add_scatter(
        x=_values(front, second),
        y=_values(front, first),
        name="front",
        mode="lines",
        line={"color": VERMILLION, "width": 2.5},
        hoverinfo="skip",
    )
    on = {trial.number for trial in front}
    for key, those in by_kind(review, trials).items():
        marker = plotly_marker(MARKS[key])
        if key == "complete":
            marker["color"] = [VERMILLION if t.number in on else BLUE for t in those]
            marker |= {"size": [11 if t.number in on else 9 for t in those], "opacity": 1}
        figure.add_scatter(
            x=_values(those, second),
            y=_values(those, first),
            name=MARKS[key].name,
            mode="markers",
            marker=marker,
            hovertext=[hover(review, trial) for trial in those],
            hoverinfo="text",
        )
    if (bend := knee(review)) is not None:
        figure.add_scatter(
            x=_values([bend], second),
            y=_values([bend], first),
            name=f"knee: trial {bend.number}",
            mode="markers",
            marker={"symbol": "circle-open", "size": 20, "line": {"width": 2.5}, "color": VERMILLION},
            hoverinfo="skip",
        )
    for trial, label in zip(trials, _labels(review, trials, first, second), strict=True):
        if label:
            point = _values([trial], second)[0], _values([trial], first)[0]
            write(figure, point, *label, size=14 if trial.number in on else 10)
    figure.update_xaxes(range=list(_bounds(review, trials, second)))
    figure.update_yaxes(range=list(_bounds(review, trials, first)))
    return figure


def _matplotlib(review: Review, first: str, second: str) -> Figure:
    trials = _drawn(review, first, second)
    figure, axes = matplotlib_figure(x=direction(review, second), y=direction(review, first))
    front = [trial for trial in trials if trial.number in {t.number for t in review.pareto()}]
    front.sort(key=lambda t: _values([t], second))
    on = {trial.number for trial in front}
    axes.plot(_values(front, second), _values(front, first), color=VERMILLION, linewidth=2.2, label="front")
    for key, those in by_kind(review, trials).items():
        axes.scatter(
            _values(those, second),
            _values(those, first),
            label=MARKS[key].name,
            zorder=3,
            **matplotlib_marker(MARKS[key]),
        )
    axes.scatter(_values(front, second), _values(front, first), color=VERMILLION, s=54, zorder=4)
    if (bend := knee(review)) is not None:
        axes.scatter(
            _values([bend], second),
            _values([bend], first),
            s=220,
            facecolors="none",
            edgecolors=VERMILLION,
            linewidths=2,
            zorder=4,
            label=f"knee: trial {bend.number}",
        )
    for trial, label in zip(trials, _labels(review, trials, first, second), strict=True):
        if label:
            point = _values([trial], second)[0], _values([trial], first)[0]
            annotate(axes, point, *label, away=9, size=11 if trial.number in on else 8)
    axes.set_xlim(*_bounds(review, trials, second))
    axes.set_ylim(*_bounds(review, trials, first))
    legend(axes)
    return figure
