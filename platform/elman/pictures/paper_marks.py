"""The marks of a panel on paper, one function for each kind."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from elman.pictures.extent import placed
from elman.pictures.places import AROUND
from elman.pictures.plot import (
    COLOURS,
    FEW,
    GREY,
    GROUND,
    Band,
    Bars,
    Bundle,
    Dots,
    Labels,
    Line,
    Map,
    Mark,
    Panel,
    Rule,
    Scale,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap, Normalize

DASHED = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 1.5, 1, 1.5)))
SYMBOLS = {"circle": "o", "cross": "x", "diamond": "D", "up": "^", "down": "v"}
VECTORS = 200  # of one mark, above which it is drawn as an image also in PDF and SVG


class Ink(NamedTuple):
    """Colours of what is no data."""

    ground: str
    text: str
    quiet: str
    grid: str


class Pen(NamedTuple):
    """What a panel is drawn with.

    Args:
        text: its size in points.
        size: of the axes, in heights of a character of a label.
    """

    text: float
    ink: Ink
    size: tuple[float, float]


def put(axes: Axes, mark: Mark, panel: Panel, pen: Pen) -> None:
    """Draw one mark."""
    if isinstance(mark, Line):
        _line(axes, mark, pen)
    elif isinstance(mark, Bundle):
        _bundle(axes, mark, pen)
    elif isinstance(mark, Band):
        label = mark.name or "_"  # which matplotlib leaves out of the legend
        axes.fill_between(
            mark.x, mark.low, mark.high, color=COLOURS[mark.colour], alpha=0.22, lw=0, label=label
        )
    elif isinstance(mark, Dots):
        _dots(axes, mark, pen)
    elif isinstance(mark, Labels):
        _labels(axes, mark, panel, pen)
    elif isinstance(mark, Bars):
        _bars(axes, mark, pen)
    elif isinstance(mark, Map):
        _map(axes, mark, pen)
    else:
        _rule(axes, mark, pen)


def colours(scale: Scale) -> tuple[Colormap, Normalize]:
    """A scale as matplotlib has it."""
    from matplotlib.colors import LinearSegmentedColormap, LogNorm, Normalize

    norm = LogNorm if scale.log else Normalize
    return LinearSegmentedColormap.from_list(scale.name, scale.colours), norm(
        scale.low, scale.high, clip=True
    )


def strength(count: int) -> float:
    """How opaque each of so many is."""
    return 0.8 if count <= FEW else max(0.03, 0.8 * (FEW / count) ** 0.8)


def _line(axes: Axes, mark: Line, pen: Pen) -> None:
    dots: dict[str, Any] = {"marker": "o", "markersize": pen.text / 3} if mark.marked else {}
    pairs = [(a, b) for a, b in zip(mark.x, mark.y, strict=True) if isfinite(a) and isfinite(b)]
    axes.plot(
        [a for a, _ in pairs],
        [b for _, b in pairs],
        color=COLOURS[mark.colour],
        linestyle=DASHED[mark.dash],
        linewidth=mark.width * pen.text / 6,
        label=mark.name or "_",
        **dots,
    )


def _bundle(axes: Axes, mark: Bundle, pen: Pen) -> None:
    """One collection: thousands of lines as one image."""
    import numpy as np
    from matplotlib.collections import LineCollection
    from matplotlib.lines import Line2D

    count = len(mark.lines)
    own: dict[str, Any] = {"colors": COLOURS[mark.colour]}
    if mark.scale is not None:
        cmap, norm = colours(mark.scale)
        own = {"array": np.asarray(mark.values, dtype=float), "cmap": cmap, "norm": norm}
    axes.add_collection(
        LineCollection(
            [np.column_stack([x, y]) for x, y in mark.lines],
            linestyles=[DASHED[mark.dash]],
            linewidths=pen.text / 9 * (1.0 if count <= FEW else 0.7),
            alpha=strength(count),
            rasterized=count > VECTORS,
            **own,
        )
    )
    axes.autoscale_view()
    if mark.name:  # the legend has it in full strength
        colour, dash = COLOURS[mark.colour], cast("Any", DASHED[mark.dash])
        axes.add_line(Line2D([], [], color=colour, linestyle=dash, linewidth=pen.text / 6, label=mark.name))


def _dots(axes: Axes, mark: Dots, pen: Pen) -> None:
    colour, count = COLOURS[mark.colour], len(mark.x)
    given: dict[str, Any] = {"linewidths": pen.text / 10, "edgecolors": colour}
    if mark.scale is not None:
        cmap, norm = colours(mark.scale)
        given = {"c": mark.values, "cmap": cmap, "norm": norm}
        given |= {"edgecolors": pen.ink.quiet, "linewidths": pen.text / 24 if count <= 4 * FEW else 0}
    elif mark.symbol == "cross":  # which has no face
        given = {"c": colour, "linewidths": pen.text / 9}
    else:
        given["facecolors"] = "none" if mark.hollow else colour
    small = 1.0 if count <= 4 * FEW else 0.6
    axes.scatter(
        mark.x,
        mark.y,
        s=pen.text * 2 * (mark.size * small) ** 2,
        marker=SYMBOLS[mark.symbol],
        label=mark.name or "_",
        alpha=None if count <= 4 * FEW else strength(count // 4),
        rasterized=count > VECTORS,
        clip_on=mark.symbol not in ("up", "down"),
        zorder=3,
        **given,
    )


def _labels(axes: Axes, mark: Labels, panel: Panel, pen: Pen) -> None:
    from matplotlib.patheffects import withStroke

    points = list(zip(mark.x, mark.y, strict=True))
    chosen = placed(panel, mark, pen.size)
    halo = withStroke(linewidth=pen.text / 5, foreground=pen.ink.ground, alpha=0.85)
    for point, text, place in zip(points, mark.texts, chosen, strict=True):
        if place is None:
            continue
        right, up = AROUND[place]
        axes.annotate(
            text,
            point,
            xytext=(0.55 * pen.text * right, 0.55 * pen.text * up),
            textcoords="offset points",
            ha=("right", "center", "left")[right + 1],
            va=("top", "center", "bottom")[up + 1],
            fontsize=pen.text * 0.8,
            color=pen.ink.text,
            path_effects=[halo],
            zorder=6,
        )


def _bars(axes: Axes, mark: Bars, pen: Pen) -> None:
    look: dict[str, Any] = {"color": COLOURS[mark.colour], "alpha": 0.85, "label": mark.name or "_"}
    whisker: dict[str, Any] = {}
    if mark.low:
        under = [h - low for h, low in zip(mark.height, mark.low, strict=True)]
        over = [high - h for h, high in zip(mark.height, mark.high, strict=True)]
        ends = [[max(0.0, v) for v in under], [max(0.0, v) for v in over]]
        style = {"ecolor": pen.ink.text, "capsize": pen.text / 4, "elinewidth": pen.text / 10}
        whisker = {"xerr" if mark.level else "yerr": ends, "error_kw": style}
    if mark.level:
        axes.barh(mark.x, mark.height, height=mark.width, **look, **whisker)
    else:
        axes.bar(mark.x, mark.height, width=mark.width, **look, **whisker)
    ends_of = mark.high or mark.height
    for at, end, text in zip(mark.x, ends_of, mark.texts, strict=False):
        axes.annotate(
            text,
            (end, at) if mark.level else (at, end),
            xytext=(4, 0) if mark.level else (0, 3),
            textcoords="offset points",
            ha="left" if mark.level else "center",
            va="center" if mark.level else "bottom",
            fontsize=pen.text * 0.85,
            color=pen.ink.text,
        )


def _map(axes: Axes, mark: Map, pen: Pen) -> None:
    if mark.scale is not None:
        cmap, norm = colours(mark.scale)
        ground: dict[str, Any] = {"cmap": cmap, "norm": norm, "alpha": GROUND, "zorder": 0}
        axes.pcolormesh(mark.x, mark.y, mark.values, shading="nearest", rasterized=True, **ground)
        return
    image = axes.pcolormesh(
        mark.x, mark.y, mark.values, cmap="cividis", vmin=mark.low, vmax=mark.high, shading="nearest"
    )
    figure = axes.get_figure()
    assert figure is not None, "a figure's own axes"
    bar = figure.colorbar(image, ax=axes)
    bar.set_label(mark.name, fontsize=pen.text * 0.9, color=pen.ink.text)
    bar.ax.tick_params(labelsize=pen.text * 0.8, colors=pen.ink.quiet)


def _rule(axes: Axes, mark: Rule, pen: Pen) -> None:
    style: dict[str, Any] = {
        "color": GREY,
        "linewidth": pen.text / 9,
        "linestyle": (0, (4, 2)),
        "zorder": 1.5,
    }
    small: dict[str, Any] = {"fontsize": pen.text * 0.8, "color": pen.ink.quiet, "annotation_clip": True}
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
