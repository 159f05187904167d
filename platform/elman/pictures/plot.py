"""A picture described once: panels of lines, bands, dots, bars and maps, to be printed or pointed at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log10
from typing import ClassVar, Literal

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8A8F98")
"""Told apart by colour-blind readers, on white and on dark grey: Okabe and Ito (2008), "Color universal
design"; the last one is for what only compares."""
GREY = COLOURS[-1]
DASHES = ("solid", "dash", "dot", "dashdot")
FEW = 60
"""Lines or dots of full strength; more of them are paler."""
GROUND = 0.4
"""Strength of a map that lies under dots of the same scale."""

Size = Literal["slide", "column"]
"""Of paper: a slide to project, or a column of a journal."""


Symbol = Literal["circle", "cross", "diamond", "up", "down"]
"""Of dots; `up` and `down` are triangles, for what lies beyond an edge."""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Numbers as colours, from the best to the worst.

    Args:
        name: of what the numbers are, with its unit.
        low, high: ends; numbers beyond have the colour of the end.
        best: which end is.
        log: whether colours are evenly apart in the logarithm.
    """

    COLOURS: ClassVar = ("#D55E00", "#E89A3C", "#B5AE98", "#86A9C4", "#4F87B0")

    name: str
    low: float
    high: float
    best: Literal["low", "high"] = "low"
    log: bool = False

    @property
    def colours(self) -> tuple[str, ...]:
        """From the lowest number to the highest."""
        return self.COLOURS if self.best == "low" else self.COLOURS[::-1]

    def share(self, value: float) -> float:
        """Where a number lies: 0 at the low end and 1 at the high one."""
        low, high, value = (log10(x) if self.log else x for x in (self.low, self.high, max(value, self.low)))
        return min(1.0, (value - low) / ((high - low) or 1))


@dataclass(frozen=True, kw_only=True)
class Line:
    """Points joined in their order.

    Args:
        x, y: as many each; what is not finite is left out.
        name: in the legend; empty: not there.
        colour: place in `COLOURS`.
        dash: place in `DASHES`.
        marked: whether every point has a dot.
        width: against that of other lines.
        text: shown where a reader points.
    """

    x: Sequence[float]
    y: Sequence[float]
    name: str = ""
    colour: int = 0
    dash: int = 0
    marked: bool = False
    width: float = 1.0
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """Many thin lines that are looked at together, thousands at most.

    Args:
        lines: (x, y) of each.
        name: in the legend.
        colour: place in `COLOURS`, where no scale colours them.
        dash: place in `DASHES`.
        values, scale: a number for each line, and what colours it; later ones lie on top.
        texts: one each, shown where a reader points at the end of a line.
    """

    lines: Sequence[tuple[Sequence[float], Sequence[float]]]
    name: str = ""
    colour: int = 0
    dash: int = 0
    values: Sequence[float] = ()
    scale: Scale | None = None
    texts: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Band:
    """What lies between two lines, in a paler colour."""

    x: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    name: str = ""
    colour: int = 0


@dataclass(frozen=True, kw_only=True)
class Dots:
    """Points.

    Args:
        texts: one each, shown where a reader points; empty: none.
        hollow: drawn as rings.
        symbol: of all of them.
        size: against that of other dots, in diameters.
        values, scale: a number for each, and what colours it.
    """

    x: Sequence[float]
    y: Sequence[float]
    name: str = ""
    colour: int = 0
    hollow: bool = False
    texts: Sequence[str] = ()
    symbol: Symbol = "circle"
    size: float = 1.0
    values: Sequence[float] = ()
    scale: Scale | None = None


@dataclass(frozen=True, kw_only=True)
class Labels:
    """Texts beside points, where there is room for them; those that come first choose first.

    Args:
        x, y, texts: as many each.
        clear_of: further points that no text may cover.
        liked: the place that is tried first, of `places.AROUND`.
        fixed: all stand there, whatever they cover.
    """

    x: Sequence[float]
    y: Sequence[float]
    texts: Sequence[str]
    clear_of: Sequence[tuple[float, float]] = ()
    liked: str = ""
    fixed: bool = False


@dataclass(frozen=True, kw_only=True)
class Bars:
    """Bars, upright or level.

    Args:
        x: their middles, along the axis on which they stand.
        height: their ends on the other axis.
        width: of each, in units of x; of all of them, or one for each.
        level: they stand on the y axis, and reach to the right.
        low, high: ends of a whisker on each; empty: none.
        texts: at the end of each; empty: none.
    """

    x: Sequence[float]
    height: Sequence[float]
    width: float | Sequence[float]
    name: str = ""
    colour: int = 0
    level: bool = False
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    texts: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A line across the whole panel, with a text at its end.

    Args:
        at: on the x axis, or on the y axis if it is level.
    """

    at: float
    text: str
    level: bool = False


@dataclass(frozen=True, kw_only=True)
class Map:
    """Numbers of a table as colours.

    Args:
        values: rows from the bottom up, NaN where there is none.
        x, y: of columns and rows, evenly spaced.
        name: of what the numbers are, with its unit.
        low, high: ends of the scale; None: those of the numbers.
        scale: what colours them, paler, as ground for dots of the same scale; None: a scale of its own.
    """

    values: Sequence[Sequence[float]]
    x: Sequence[float]
    y: Sequence[float]
    name: str
    low: float | None = None
    high: float | None = None
    scale: Scale | None = None


Mark = Line | Bundle | Band | Dots | Labels | Bars | Rule | Map


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One pair of axes.

    Args:
        x, y: what the axes are, with their units; a y that all have is written once a row.
        marks: drawn in this order.
        title: above it; needed where there are several.
        log_x, log_y: whether an axis is logarithmic.
        x_from, x_to, y_from, y_to: ends of the axes; None: as the marks need it.
        x_ticks, y_ticks: places and what is written there; empty: numbers as they come.
        square: whether 1 is as long on both axes.
        bare: without axes and grid, only what is written at the ticks of x, above.
    """

    x: str
    y: str
    marks: tuple[Mark, ...]
    title: str = ""
    log_x: bool = False
    log_y: bool = False
    x_from: float | None = None
    x_to: float | None = None
    y_from: float | None = None
    y_to: float | None = None
    x_ticks: Sequence[tuple[float, str]] = ()
    y_ticks: Sequence[tuple[float, str]] = ()
    square: bool = False
    bare: bool = False


@dataclass(frozen=True, kw_only=True)
class Plot:
    """A picture.

    Args:
        title: in a line.
        caption: how to read it, in a sentence or two.
        panels: beside one another.
        legend_above: one legend for all panels, above them, so that it covers nothing.
        wide: it needs the whole width of a page.
    """

    title: str
    caption: str
    panels: tuple[Panel, ...]
    legend_above: bool = False
    wide: bool = False

    @property
    def scale(self) -> Scale | None:
        """What colours dots and maps, of which a bar tells; all of a picture have the same."""
        marks = (mark for panel in self.panels for mark in panel.marks if isinstance(mark, Dots | Map))
        return next((mark.scale for mark in marks if mark.scale is not None), None)


def label_of(plot: Plot, number: int, across: int) -> str:
    """What is written at the y axis of a panel: once a row where all have the same.

    Args:
        number: of the panel.
        across: panels in a row.
    """
    panel = plot.panels[number]
    return "" if number % across and panel.y == plot.panels[number - 1].y else panel.y
