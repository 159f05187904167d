"""Plots by matplotlib, at the size of a slide or of a column."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from matplotlib.figure import Figure

from elman.pictures.extent import extent, thinned
from elman.pictures.paper_marks import Ink, Pen, colours, put
from elman.pictures.plot import Bars, Labels, Map, Panel, Plot, Scale, Size, label_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHARP = 300
"""Dots an inch of what is drawn as an image in PDF and SVG."""
WIDE = 1.5  # of a panel that needs the width of a page, against another one


class Paper(NamedTuple):
    """Measures: inches of a panel, points of text, characters of a line below one panel, panels in a row.

    Args:
        entries: of a legend in a row.
        row: how many panels stand beside one another before they share the width of two.
        crowd: how many do then.
    """

    width: float
    height: float
    text: float
    characters: int
    entries: int
    row: int
    crowd: int


PAPERS: dict[Size, Paper] = {
    "slide": Paper(7.0, 4.4, 12, 84, 5, row=2, crowd=3),
    "column": Paper(3.4, 2.6, 7.5, 62, 3, row=1, crowd=2),
}
LIGHT, DARK = Ink("#FFFFFF", "#23272D", "#5D6570", "#E3E5E8"), Ink("#1C2026", "#E4E7EB", "#9AA3AE", "#323842")


def on_paper(plot: Plot, size: Size = "slide", *, dark: bool = False) -> Figure:
    """A plot for PNG, SVG and PDF, with title and caption in it."""
    paper, ink, count = PAPERS[size], DARK if dark else LIGHT, len(plot.panels)
    across, width, height = _grid(plot, paper)
    down = -(-count // across)
    characters = int(paper.characters * across * width / paper.width)
    caption = textwrap.fill(plot.caption, characters)
    title = textwrap.fill(plot.title, int(characters * 0.7))  # which is bold
    entries = _entries(plot) if plot.legend_above else 0
    rows = -(-entries // paper.entries)
    lines = caption.count("\n") + title.count("\n") + rows + 1
    whole = height * down + (lines + 2.6) * paper.text * 1.3 / 72
    figure = Figure(
        figsize=(width * across, whole),
        dpi=160,
        layout="constrained",
        facecolor=ink.ground,
    )
    small = paper.text * 0.8 / 72  # the height of a label, in inches
    pen = Pen(paper.text, ink, (0.82 * width / small, 0.75 * height / small))
    places = figure.subplots(down, across, squeeze=False).flatten()
    for number, (axes, panel) in enumerate(zip(places, plot.panels, strict=False)):
        shown = replace(panel, y=label_of(plot, number, across), x_ticks=thinned(panel, pen.size[0]))
        _draw(axes, shown, pen, legend=not plot.legend_above)
    for axes in places[count:]:
        axes.set_axis_off()
    if plot.scale is not None:
        _bar(figure, list(places), plot.scale, pen)
    if rows:
        under = (title.count("\n") + 1.15) * paper.text * 1.15 * 1.25 / 72
        _legend(figure, list(places), pen, top=1 - under / whole, columns=paper.entries)
    blank = "\n " * rows  # where the legend lies
    figure.suptitle(
        title + blank, fontsize=paper.text * 1.15, color=ink.text, x=0.02, ha="left", fontweight="bold"
    )
    figure.supxlabel(caption, fontsize=paper.text * 0.82, color=ink.quiet, x=0.02, ha="left")
    return figure


def _grid(plot: Plot, paper: Paper) -> tuple[int, float, float]:
    """Panels in a row, and inches of one: many share the room of a few."""
    count = len(plot.panels)
    if count == 1:
        return 1, paper.width * (WIDE if plot.wide and paper.row > 1 else 1), paper.height
    if count <= (paper.row if paper.row > 1 else 3):
        return min(count, paper.row), paper.width, paper.height
    whole = paper.width * paper.row
    crowd = 2 if count == 4 else paper.crowd
    return crowd, whole / crowd, paper.height * (0.75 if paper.row > 1 else 0.65)


def _draw(axes: Axes, panel: Panel, pen: Pen, *, legend: bool) -> None:
    ink = pen.ink
    axes.set_facecolor(ink.ground)
    if panel.log_x:
        axes.set_xscale("log")
    if panel.log_y:
        axes.set_yscale("log")
    for mark in panel.marks:
        put(axes, mark, panel, pen)
    axes.set_xlabel(panel.x, fontsize=pen.text, color=ink.text)
    long = 0.62 * len(panel.y) > 0.8 * pen.size[1]
    label = panel.y.replace(" (", "\n(") if long else panel.y
    axes.set_ylabel(label, fontsize=pen.text, color=ink.text)
    _limits(axes, panel)
    if panel.square:
        axes.set_aspect("equal", adjustable="datalim")
    axes.tick_params(labelsize=pen.text * 0.85, colors=ink.quiet, which="both")
    _ticks(axes, panel)
    axes.set_axisbelow(True)
    if panel.bare:
        axes.tick_params(length=0)
        axes.xaxis.tick_top()
        axes.set_yticks([])
        if 0.62 * sum(len(text) + 1 for _, text in panel.x_ticks) > pen.size[0]:
            for text in axes.get_xticklabels():
                text.set(rotation=30, ha="left", rotation_mode="anchor")
    elif not any(isinstance(mark, Map) and mark.scale is None for mark in panel.marks):
        axes.grid(color=ink.grid, linewidth=0.8)
    if panel.title:
        axes.set_title(panel.title, fontsize=pen.text, color=ink.text, loc="left")
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom") and not panel.bare)
        spine.set_color(ink.quiet)
    if legend and any(getattr(mark, "name", "") for mark in panel.marks if not isinstance(mark, Map)):
        axes.legend(fontsize=pen.text * 0.85, frameon=False, labelcolor=ink.text)


def _limits(axes: Axes, panel: Panel) -> None:
    """Those that the panel names; where texts have been placed, those that they were placed in."""
    ends: tuple[Any, Any] = ((panel.x_from, panel.x_to), (panel.y_from, panel.y_to))
    if any(isinstance(mark, Labels) for mark in panel.marks):
        ends = extent(panel)
    if ends[0] != (None, None):
        axes.set_xlim(*ends[0])
    if ends[1] != (None, None):
        axes.set_ylim(*ends[1])


def _ticks(axes: Axes, panel: Panel) -> None:
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

    for axis, given in ((axes.xaxis, panel.x_ticks), (axes.yaxis, panel.y_ticks)):
        if given:
            axis.set_major_locator(FixedLocator([at for at, _ in given]))
            axis.set_major_formatter(FixedFormatter([text for _, text in given]))
            axis.set_minor_locator(NullLocator())
    if any(isinstance(mark, Bars) and mark.level for mark in panel.marks):
        axes.tick_params(axis="y", length=0)


def _bar(figure: Figure, places: list[Axes], scale: Scale, pen: Pen) -> None:
    """One for all panels."""
    from matplotlib.cm import ScalarMappable

    cmap, norm = colours(scale)
    bar = figure.colorbar(ScalarMappable(norm, cmap), ax=places, pad=0.02, aspect=28)
    bar.set_label(scale.name, fontsize=pen.text * 0.9, color=pen.ink.text)
    bar.outline.set_visible(False)  # type: ignore[operator]
    bar.ax.tick_params(labelsize=pen.text * 0.8, colors=pen.ink.quiet, which="both")


def _entries(plot: Plot) -> int:
    marks = (mark for panel in plot.panels for mark in panel.marks if not isinstance(mark, Map))
    return len({getattr(mark, "name", "") for mark in marks} - {""})


def _legend(figure: Figure, places: Sequence[Axes], pen: Pen, *, top: float, columns: int) -> None:
    """One for all panels, below the title, where a blank line keeps room for it."""
    found: dict[str, Any] = {}
    for axes in places:
        handles, names = axes.get_legend_handles_labels()
        found |= {name: handle for handle, name in zip(handles, names, strict=True) if name not in found}
    legend = figure.legend(
        list(found.values()),
        list(found),
        loc="upper left",
        bbox_to_anchor=(0.012, top),
        ncols=min(len(found), columns),
        fontsize=pen.text * 0.85,
        frameon=False,
        labelcolor=pen.ink.text,
        handletextpad=0.4,
        columnspacing=1.2,
        borderaxespad=0,
    )
    legend.set_in_layout(False)
