"""Plots by matplotlib, at the size of a slide or of a column."""

from __future__ import annotations

import textwrap
from math import isfinite
from typing import TYPE_CHECKING, Any, NamedTuple

from matplotlib.figure import Figure

from elman.pictures.plot import COLOURS, GREY, Band, Bars, Dots, Line, Map, Mark, Panel, Plot, Rule, Size

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DASHED = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 1.5, 1, 1.5)))


class Paper(NamedTuple):
    """Measures: inches of a panel, points of text, characters of a line below one panel."""

    width: float
    height: float
    text: float
    characters: int


PAPERS: dict[Size, Paper] = {"slide": Paper(7.0, 4.4, 12, 84), "column": Paper(3.4, 2.6, 7.5, 62)}


class Ink(NamedTuple):
    """Colours of what is no data."""

    ground: str
    text: str
    quiet: str
    grid: str


LIGHT, DARK = Ink("#FFFFFF", "#23272D", "#5D6570", "#E3E5E8"), Ink("#1C2026", "#E4E7EB", "#9AA3AE", "#323842")


def on_paper(plot: Plot, size: Size = "slide", *, dark: bool = False) -> Figure:
    """A plot for PNG, SVG and PDF, with title and caption in it."""
    paper, ink, count = PAPERS[size], DARK if dark else LIGHT, len(plot.panels)
    across = count if size == "slide" else 1  # panels of a column stand under one another
    down = 1 if size == "slide" else count
    caption = textwrap.fill(plot.caption, paper.characters * across)
    lines = caption.count("\n") + 1
    height = paper.height * down + (lines + 2.6) * paper.text * 1.3 / 72
    figure = Figure(
        figsize=(paper.width * across, height), dpi=160, layout="constrained", facecolor=ink.ground
    )
    places = figure.subplots(down, across, squeeze=False).flatten()
    for axes, panel in zip(places, plot.panels, strict=True):
        _draw(axes, panel, paper, ink)
    title = textwrap.fill(plot.title, int(paper.characters * across * 0.8))
    figure.suptitle(title, fontsize=paper.text * 1.15, color=ink.text, x=0.02, ha="left", fontweight="bold")
    figure.supxlabel(caption, fontsize=paper.text * 0.82, color=ink.quiet, x=0.02, ha="left")
    return figure


def _draw(axes: Axes, panel: Panel, paper: Paper, ink: Ink) -> None:
    axes.set_facecolor(ink.ground)
    for mark in panel.marks:
        if isinstance(mark, Rule):
            _rule(axes, mark, paper, ink)
        else:
            _put(axes, mark, paper, ink)
    axes.set_xlabel(panel.x, fontsize=paper.text, color=ink.text)
    axes.set_ylabel(panel.y, fontsize=paper.text, color=ink.text)
    if panel.log_x:
        axes.set_xscale("log")
    if panel.log_y:
        axes.set_yscale("log")
    if panel.y_from is not None or panel.y_to is not None:
        axes.set_ylim(panel.y_from, panel.y_to)
    if panel.square:
        axes.set_aspect("equal", adjustable="datalim")
    axes.tick_params(labelsize=paper.text * 0.85, colors=ink.quiet, which="both")
    axes.set_axisbelow(True)
    if not any(isinstance(mark, Map) for mark in panel.marks):
        axes.grid(color=ink.grid, linewidth=0.8)
    if panel.title:
        axes.set_title(panel.title, fontsize=paper.text, color=ink.text, loc="left")
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(ink.quiet)
    if any(getattr(mark, "name", "") for mark in panel.marks if not isinstance(mark, Map)):
        axes.legend(fontsize=paper.text * 0.85, frameon=False, labelcolor=ink.text)


def _put(axes: Axes, mark: Mark, paper: Paper, ink: Ink) -> None:
    name = getattr(mark, "name", "") or "_"  # which matplotlib leaves out of the legend
    if isinstance(mark, Line):
        dots: dict[str, Any] = {"marker": "o", "markersize": paper.text / 3} if mark.marked else {}
        axes.plot(
            *_finite(mark.x, mark.y),
            color=COLOURS[mark.colour],
            linestyle=DASHED[mark.dash],
            linewidth=paper.text / 6,
            label=name,
            **dots,
        )
    elif isinstance(mark, Band):
        axes.fill_between(
            mark.x, mark.low, mark.high, color=COLOURS[mark.colour], alpha=0.22, lw=0, label=name
        )
    elif isinstance(mark, Dots):
        colour = COLOURS[mark.colour]
        face = "none" if mark.hollow else colour
        axes.scatter(mark.x, mark.y, s=paper.text * 2, facecolors=face, edgecolors=colour, label=name)
    elif isinstance(mark, Bars):
        axes.bar(mark.x, mark.height, width=mark.width, color=COLOURS[mark.colour], label=name, alpha=0.85)
    elif isinstance(mark, Map):
        image = axes.pcolormesh(
            mark.x, mark.y, mark.values, cmap="cividis", vmin=mark.low, vmax=mark.high, shading="nearest"
        )
        figure = axes.get_figure()
        assert figure is not None, "a figure's own axes"
        bar = figure.colorbar(image, ax=axes)
        bar.set_label(mark.name, fontsize=paper.text * 0.9, color=ink.text)
        bar.ax.tick_params(labelsize=paper.text * 0.8, colors=ink.quiet)


def _rule(axes: Axes, mark: Rule, paper: Paper, ink: Ink) -> None:
    style: dict[str, Any] = {
        "color": GREY,
        "linewidth": paper.text / 9,
        "linestyle": (0, (4, 2)),
        "zorder": 1.5,
    }
    small: dict[str, Any] = {"fontsize": paper.text * 0.8, "color": ink.quiet, "annotation_clip": True}
    if mark.level:
        axes.axhline(mark.at, **style)
        axes.annotate(
            mark.text,
            (1, mark.at),
            xycoords=("axes fraction", "data"),
            xytext=(-3, 2),
            textcoords="offset points",
            ha="right",
            va="bottom",
            **small,
        )
        return
    axes.axvline(mark.at, **style)
    axes.annotate(
        mark.text,
        (mark.at, 1),
        xycoords=("data", "axes fraction"),
        xytext=(2, -2),
        textcoords="offset points",
        rotation=90,
        ha="left",
        va="top",
        **small,
    )


def _finite(x: object, y: object) -> tuple[list[float], list[float]]:
    pairs = [(a, b) for a, b in zip(x, y, strict=True) if isfinite(a) and isfinite(b)]  # type: ignore[call-overload]
    return [a for a, _ in pairs], [b for _, b in pairs]
