"""A picture described once: panels of lines, bands, dots, bars and maps, to be printed or pointed at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8A8F98")
"""Told apart by colour-blind readers, on white and on dark grey: Okabe and Ito (2008), "Color universal
design"; the last one is for what only compares."""
GREY = COLOURS[-1]
DASHES = ("solid", "dash", "dot", "dashdot")

Size = Literal["slide", "column"]
"""Of paper: a slide to project, or a column of a journal."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """Points joined in their order.

    Args:
        x, y: as many each; what is not finite is left out.
        name: in the legend; empty: not there.
        colour: place in `COLOURS`.
        dash: place in `DASHES`.
        marked: whether every point has a dot.
    """

    x: Sequence[float]
    y: Sequence[float]
    name: str = ""
    colour: int = 0
    dash: int = 0
    marked: bool = False


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
    """

    x: Sequence[float]
    y: Sequence[float]
    name: str = ""
    colour: int = 0
    hollow: bool = False
    texts: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Bars:
    """Upright bars.

    Args:
        x: their middles.
        width: of each, in units of x.
    """

    x: Sequence[float]
    height: Sequence[float]
    width: float
    name: str = ""
    colour: int = 0


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
    """

    values: Sequence[Sequence[float]]
    x: Sequence[float]
    y: Sequence[float]
    name: str
    low: float | None = None
    high: float | None = None


Mark = Line | Band | Dots | Bars | Rule | Map


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One pair of axes.

    Args:
        x, y: what the axes are, with their units.
        marks: drawn in this order.
        title: above it; needed where there are several.
        log_x, log_y: whether an axis is logarithmic.
        y_from, y_to: ends of the y axis; None: as the marks need it.
        square: whether 1 is as long on both axes.
    """

    x: str
    y: str
    marks: tuple[Mark, ...]
    title: str = ""
    log_x: bool = False
    log_y: bool = False
    y_from: float | None = None
    y_to: float | None = None
    square: bool = False


@dataclass(frozen=True, kw_only=True)
class Plot:
    """A picture.

    Args:
        title: in a line.
        caption: how to read it, in a sentence or two.
        panels: beside one another.
    """

    title: str
    caption: str
    panels: tuple[Panel, ...]
