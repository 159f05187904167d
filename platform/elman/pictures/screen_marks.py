"""The marks of a panel on screen, as traces of plotly."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import isfinite, log10
from typing import Any

import plotly.graph_objects as go

from elman.pictures.extent import placed
from elman.pictures.plot import (
    COLOURS,
    DASHES,
    FEW,
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

TONES = 8  # that a scale has for lines
HALO = ", ".join(["0 0 3px var(--card, white)"] * 3)
"""Behind a text, in the colour of the page's cards."""
SYMBOLS = {
    "circle": "circle",
    "cross": "x-thin-open",
    "diamond": "diamond",
    "up": "triangle-up",
    "down": "triangle-down",
}


def traces(mark: Mark, panel: Panel, *, pixels: tuple[float, float], bar: dict[str, Any]) -> list[Any]:
    """What draws one mark.

    Args:
        pixels: of the axes.
        bar: where the bar of a map stands that has a scale of its own.
    """
    shown = {"name": plain(getattr(mark, "name", "")), "showlegend": bool(getattr(mark, "name", ""))}
    if isinstance(mark, Map):
        return [_map(mark, bar)]
    if isinstance(mark, Bars):
        return [_bars(mark, shown)]
    if isinstance(mark, Band):
        edge = {"x": list(mark.x), "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
        low = go.Scatter(**edge, y=numbers(mark.low), showlegend=False)
        fill = {"fill": "tonexty", "fillcolor": _pale(COLOURS[mark.colour])}
        return [low, go.Scatter(**edge, y=numbers(mark.high), **fill, **shown)]
    if isinstance(mark, Bundle):
        return _bundle(mark, shown)
    if isinstance(mark, Dots):
        return [_dots(mark, shown)]
    if isinstance(mark, Labels):
        return _labels(mark, panel, pixels)
    if isinstance(mark, Line):
        return [_line(mark, shown)]
    return []


def plain(text: str) -> str:
    """Text that plotly shows as it is; it reads it as HTML."""
    return escape(text, quote=False).replace("\n", "<br>")


def numbers(values: Any) -> list[float | None]:
    """Plotly leaves None out; NaN is no JSON."""
    return [float(value) if isfinite(value) else None for value in values]


def colour_axis(scale: Scale) -> dict[str, Any]:
    """A scale as plotly has it, with its bar."""
    last = len(scale.colours) - 1
    bar: dict[str, Any] = {"title": {"text": plain(scale.name), "side": "right", "font": {"size": 12}}}
    low, high = (_toned(scale, end) for end in (scale.low, scale.high))
    if scale.log:
        from elman.pictures.ticks import log_ticks, written

        marks = log_ticks(scale.low, scale.high)
        bar |= {"tickvals": [log10(mark) for mark in marks], "ticktext": [written(mark) for mark in marks]}
    return {
        "colorscale": [[i / last, colour] for i, colour in enumerate(scale.colours)],
        "cmin": low,
        "cmax": high,
        "colorbar": {"thickness": 14, **bar},
    }


def _toned(scale: Scale, value: float) -> float:
    return log10(max(value, scale.low)) if scale.log else value


def _line(mark: Line, shown: dict[str, Any]) -> Any:
    line = {"color": COLOURS[mark.colour], "dash": DASHES[mark.dash], "width": 2.2 * mark.width}
    mode = "lines+markers" if mark.marked else "lines"
    text = {"hovertext": plain(mark.text), "hoverinfo": "text"} if mark.text else {}
    return go.Scatter(x=list(mark.x), y=numbers(mark.y), mode=mode, line=line, **text, **shown)


def _bundle(mark: Bundle, shown: dict[str, Any]) -> list[Any]:
    """Lines of one colour are one trace, with gaps; what they are is said where each ends."""
    count = len(mark.lines)
    width, strength = (1.6, 0.7) if count <= FEW else (1.0, max(0.15, 0.7 * (FEW / count) ** 0.5))
    tones: dict[str, list[int]] = {}
    for index in range(count):
        tones.setdefault(_tone(mark, index), []).append(index)
    found = []
    for colour, chosen in tones.items():
        x: list[float | None] = []
        y: list[float | None] = []
        for index in chosen:
            x += [*_short(mark.lines[index][0]), None]
            y += [*_short(mark.lines[index][1]), None]
        line = {"color": colour, "dash": DASHES[mark.dash], "width": width}
        found.append(
            go.Scatter(x=x, y=y, mode="lines", line=line, opacity=strength, hoverinfo="skip", **shown)
        )
    if mark.texts:
        found.append(
            go.Scatter(
                x=[line[0][-1] for line in mark.lines],
                y=numbers(line[1][-1] for line in mark.lines),
                mode="markers",
                marker={"size": 9, "opacity": 0},
                hovertext=[plain(text) for text in mark.texts],
                hoverinfo="text",
                showlegend=False,
            )
        )
    return found


def _short(values: Any) -> list[float | None]:
    """Five digits, since thousands of lines, and maps, are megabytes of text."""
    return [float(f"{value:.5g}") if isfinite(value) else None for value in values]


def _tone(mark: Bundle, index: int) -> str:
    if mark.scale is None:
        return COLOURS[mark.colour]
    from plotly.colors import sample_colorscale

    share = round(mark.scale.share(mark.values[index]) * TONES) / TONES
    return str(sample_colorscale(list(mark.scale.colours), [share])[0])


def _dots(mark: Dots, shown: dict[str, Any]) -> Any:
    count, colour = len(mark.x), COLOURS[mark.colour]
    size = (8 if count <= 4 * FEW else 5) * mark.size
    symbol = SYMBOLS[mark.symbol] + ("-open" if mark.hollow and mark.symbol != "cross" else "")
    look: dict[str, Any] = {"size": size, "symbol": symbol, "color": colour}
    if mark.scale is not None:
        look |= {"color": [_toned(mark.scale, v) for v in mark.values], "coloraxis": "coloraxis"}
        look["line"] = {"width": 0.7 if count <= 4 * FEW else 0, "color": "rgba(90,95,105,0.7)"}
    elif mark.hollow or mark.symbol == "cross":
        look["line"] = {"width": 2, "color": colour}
    if count > 4 * FEW:
        look["opacity"] = max(0.3, (4 * FEW / count) ** 0.5)
    edge = {"cliponaxis": False} if mark.symbol in ("up", "down") else {}
    texts = {"hovertext": [plain(text) for text in mark.texts], "hoverinfo": "text"} if mark.texts else {}
    return go.Scatter(
        x=list(mark.x), y=numbers(mark.y), mode="markers", marker=look, **edge, **texts, **shown
    )


def _labels(mark: Labels, panel: Panel, pixels: tuple[float, float]) -> list[Any]:
    chosen = placed(panel, mark, (pixels[0] / 12, pixels[1] / 12))
    there = [i for i, place in enumerate(chosen) if place is not None]
    if not there:
        return []
    return [
        go.Scatter(
            x=[mark.x[i] for i in there],
            y=[mark.y[i] for i in there],
            mode="markers+text",
            marker={"size": 13, "opacity": 0},  # plotly keeps a text off the mark of its own trace only
            text=[plain(mark.texts[i]) for i in there],
            textposition=[chosen[i] for i in there],
            textfont={"size": 12, "shadow": HALO},
            hoverinfo="skip",
            cliponaxis=False,
            showlegend=False,
        )
    ]


def _bars(mark: Bars, shown: dict[str, Any]) -> Any:
    ends, at = numbers(mark.height), list(mark.x)
    given: dict[str, Any] = {"x": ends, "y": at, "orientation": "h"} if mark.level else {"x": at, "y": ends}
    if mark.low:
        over = [high - h for h, high in zip(mark.height, mark.high, strict=True)]
        under = [h - low for h, low in zip(mark.height, mark.low, strict=True)]
        error = {"type": "data", "array": over, "arrayminus": under, "symmetric": False, "thickness": 1.2}
        given["error_x" if mark.level else "error_y"] = error
    if mark.texts:
        given |= {"text": [plain(text) for text in mark.texts], "cliponaxis": False}
        given |= {"textposition": "inside" if mark.low else "outside", "insidetextanchor": "start"}
        given["hoverinfo"] = "skip"
    return go.Bar(**given, width=mark.width, marker_color=COLOURS[mark.colour], **shown)


def _map(mark: Map, bar: dict[str, Any]) -> Any:
    grid = {"x": list(mark.x), "y": list(mark.y)}
    if mark.scale is not None:
        scale = mark.scale
        tones = [[v if v is None else _toned(scale, v) for v in _short(row)] for row in mark.values]
        look: dict[str, Any] = {"coloraxis": "coloraxis", "opacity": GROUND, "hoverinfo": "skip"}
        return go.Heatmap(**grid, z=tones, **look)
    colorbar = {"title": {"text": plain(mark.name), "side": "right"}, **bar}
    ends = {"zmin": mark.low, "zmax": mark.high}
    values = [numbers(row) for row in mark.values]
    return go.Heatmap(**grid, z=values, **ends, colorscale="Cividis", colorbar=colorbar)


def _pale(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.22)"


def rule_text(mark: Rule, panel: Panel) -> dict[str, Any]:
    """Where the text of an upright rule stands, which plotly takes by the logarithm on such an axis."""
    return {
        "x": log10(mark.at) if panel.log_x else mark.at,
        "y": 1,
        "yref": "y domain",
        "text": plain(mark.text),
        "textangle": -90,
        "xanchor": "left",
        "yanchor": "top",
        "showarrow": False,
        "font": {"size": 11},
    }


def ticks(given: Sequence[tuple[float, str]]) -> dict[str, Any]:
    """Places and what is written there."""
    if not given:
        return {}
    return {"tickvals": [at for at, _ in given], "ticktext": [plain(text) for _, text in given]}
