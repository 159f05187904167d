"""Where in the plane of k1 and k2 the good trials lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from elman.search.pictures.axis import log_ticks
from elman.search.pictures.picture import Picture
from elman.search.pictures.places import annotate, write
from elman.search.pictures.plane import Plane, equal, plane_of, texts
from elman.search.pictures.surface import surface
from elman.search.pictures.theme import (
    GREY,
    SCALE,
    VERMILLION,
    hover,
    legend,
    matplotlib_figure,
    plain,
    plotly_figure,
)
from elman.search.results.format import formatted
from elman.search.results.review import Review

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from matplotlib.figure import Figure


LEVELS = 12
GROUND_OPACITY = 0.35


def k1_k2(review: Review) -> Picture:
    """Trials by k1 and k2, coloured by the first objective.

    Behind them, where there are enough, a contour of what lies between.

    Raises:
        TooFewError: if no trial has both, or fewer than two complete ones do.
    """
    plane = plane_of(review)
    return Picture(
        title="k1 and k2",
        caption=f"Complete trials coloured by {review.objective}, orange is best; crosses were pruned. The "
        "ground between them is interpolated, and other values vary too. Below the dashed line k2 would be "
        "smaller than k1. Points carry their trial's number.",
        draw_plotly=lambda: _plotly(review, plane),
        draw_matplotlib=lambda: _matplotlib(review, plane),
    )


def _titles(plane: Plane) -> dict[str, str]:
    return {"x": f"{plane.k1} (time steps)", "y": f"{plane.k2} (time steps)"}


def _colours(review: Review) -> list[str]:
    """From the lowest value to the highest."""
    return list(reversed(SCALE)) if review.objectives[review.objective] == "maximize" else list(SCALE)


def _colour_scale(review: Review) -> list[list[Any]]:
    return [[i / (len(SCALE) - 1), colour] for i, colour in enumerate(_colours(review))]


def _plotly(review: Review, plane: Plane) -> go.Figure:
    figure = plotly_figure(**_titles(plane))
    if found := surface(review, plane):
        figure.add_contour(
            x=found.k1,
            y=found.k2,
            z=found.values,
            zmin=plane.axis_limits[0],
            zmax=plane.axis_limits[1],
            colorscale=_colour_scale(review),
            ncontours=LEVELS,
            opacity=GROUND_OPACITY,
            line={"width": 0.5},
            showscale=False,
            hoverinfo="skip",
            connectgaps=False,
        )
    if line := equal(plane):
        figure.add_scatter(
            x=line,
            y=line,
            name="k2 = k1",
            mode="lines",
            line={"dash": "dash", "color": GREY},
            hoverinfo="skip",
        )
    if plane.pruned:
        figure.add_scatter(
            x=[t.values[plane.k1] for t in plane.pruned],
            y=[t.values[plane.k2] for t in plane.pruned],
            name="pruned",
            mode="markers",
            marker={"symbol": "x-thin-open", "color": GREY, "size": 8, "line": {"width": 2}},
            hovertext=[hover(review, t) for t in plane.pruned],
            hoverinfo="text",
        )
    figure.add_scatter(
        x=[t.values[plane.k1] for t in plane.complete],
        y=[t.values[plane.k2] for t in plane.complete],
        name="complete",
        mode="markers",
        marker={
            "size": 15,
            "color": [t.measured(review.objective) for t in plane.complete],
            "colorscale": _colour_scale(review),
            "cmin": plane.axis_limits[0],
            "cmax": plane.axis_limits[1],
            "colorbar": {
                "title": {"text": plain(review.objective), "side": "right", "font": {"size": 12}},
                "thickness": 14,
            },
            "line": {"width": 1, "color": "rgba(90,95,105,0.7)"},
        },
        hovertext=[hover(review, t) for t in plane.complete],
        hoverinfo="text",
        showlegend=False,
    )
    _ring(review, plane, figure)
    for point, text, place in texts(plane):
        write(figure, point, text, place, away=12)
    for axis, log, bounds in zip(("xaxis", "yaxis"), plane.log, plane.bounds, strict=True):
        figure.layout[axis].update(_plotly_axis(bounds, log=log))
    return figure


def _ring(review: Review, plane: Plane, figure: go.Figure) -> None:
    best = review.best()
    if best is not None and plane.k1 in best.values and plane.k2 in best.values:
        figure.add_scatter(
            x=[best.values[plane.k1]],
            y=[best.values[plane.k2]],
            name=f"best: trial {best.number}",
            mode="markers",
            marker={"symbol": "circle-open", "size": 24, "color": VERMILLION, "line": {"width": 2.5}},
            hoverinfo="skip",
        )


def _plotly_axis(bounds: tuple[float, float], *, log: bool) -> dict[str, Any]:
    from math import log10

    if not log:
        return {"range": list(bounds)}
    marks = log_ticks(*bounds)
    return {
        "type": "log",
        "range": [log10(bound) for bound in bounds],
        "tickvals": marks,
        "ticktext": [formatted(mark) for mark in marks],
    }


def _matplotlib(review: Review, plane: Plane) -> Figure:
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    figure, axes = matplotlib_figure(**_titles(plane))
    colours = LinearSegmentedColormap.from_list("best to worst", _colours(review))
    if found := surface(review, plane):
        axes.contourf(
            found.k1,
            found.k2,
            found.values,
            levels=LEVELS,
            cmap=colours,
            vmin=plane.axis_limits[0],
            vmax=plane.axis_limits[1],
            alpha=GROUND_OPACITY,
            zorder=0,
        )
    if line := equal(plane):
        axes.plot(line, line, linestyle="--", color=GREY, linewidth=1.4, label="k2 = k1", zorder=1)
    axes.scatter(
        [t.values[plane.k1] for t in plane.pruned],
        [t.values[plane.k2] for t in plane.pruned],
        marker="x",
        color=GREY,
        s=36,
        label="pruned" if plane.pruned else None,
        zorder=2,
    )
    dots = axes.scatter(
        [t.values[plane.k1] for t in plane.complete],
        [t.values[plane.k2] for t in plane.complete],
        c=[t.measured(review.objective) for t in plane.complete],
        cmap=colours,
        vmin=plane.axis_limits[0],
        vmax=plane.axis_limits[1],
        s=110,
        edgecolors="#5A5F69",
        linewidths=0.7,
        zorder=3,
    )
    best = review.best()
    if best is not None and plane.k1 in best.values and plane.k2 in best.values:
        axes.scatter(
            [best.values[plane.k1]],
            [best.values[plane.k2]],
            s=300,
            facecolors="none",
            edgecolors=VERMILLION,
            linewidths=2,
            label=f"best: trial {best.number}",
            zorder=4,
        )
    for point, text, place in texts(plane):
        annotate(axes, point, text, place, away=11)
    for axis, log, bounds, scale, limits in (
        (axes.xaxis, plane.log[0], plane.bounds[0], axes.set_xscale, axes.set_xlim),
        (axes.yaxis, plane.log[1], plane.bounds[1], axes.set_yscale, axes.set_ylim),
    ):
        if log:
            scale("log")
            axis.set_major_locator(FixedLocator(log_ticks(*bounds)))
            axis.set_minor_locator(NullLocator())
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        limits(*bounds)
    bar = figure.colorbar(dots, ax=axes, pad=0.02)
    bar.set_label(review.objective, fontsize=11, color="#33373D")
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=10, colors="#4A4F57")
    legend(axes)
    return figure
