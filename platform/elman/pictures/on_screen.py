"""Plots by plotly, for a page in a browser."""

from __future__ import annotations

from html import escape
from math import isfinite, log10
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from elman.pictures.plot import COLOURS, DASHES, GREY, Band, Bars, Dots, Line, Map, Mark, Panel, Plot, Rule

AXIS = {
    "gridcolor": "rgba(128,132,140,0.22)",
    "linecolor": "rgba(128,132,140,0.6)",
    "zeroline": False,
    "automargin": True,
    "ticks": "outside",
    "tickcolor": "rgba(128,132,140,0.6)",
    "exponentformat": "power",
}


def on_screen(plot: Plot) -> go.Figure:
    """A plot to point at in a browser, on a transparent ground, without title and caption."""
    count = len(plot.panels)
    titles = [escape(panel.title, quote=False) for panel in plot.panels]
    figure = make_subplots(rows=1, cols=count, subplot_titles=titles, horizontal_spacing=0.12)
    named: set[str] = set()
    for number, panel in enumerate(plot.panels, start=1):
        for mark in panel.marks:
            for trace in _traces(mark, number, count):
                name = trace.name
                if name:  # panels share one legend
                    trace.update(legendgroup=name, showlegend=name not in named)
                    named.add(name)
                figure.add_trace(trace, row=1, col=number)
            if isinstance(mark, Rule):
                _rule(figure, mark, panel, number)
        _axes(figure, panel, number)
    figure.update_layout(
        template="none",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "system-ui, sans-serif", "size": 13, "color": "#4A4F57"},
        margin={"l": 64, "r": 24, "t": 64, "b": 56},
        legend={"orientation": "h", "x": 0, "y": 1.12, "yanchor": "bottom"},
        hoverlabel={"align": "left"},
        hovermode="closest",
    )
    return figure


def _axes(figure: go.Figure, panel: Panel, number: int) -> None:
    for update, text, log in (
        (figure.update_xaxes, panel.x, panel.log_x),
        (figure.update_yaxes, panel.y, panel.log_y),
    ):
        title = {"text": escape(text, quote=False), "font": {"size": 12}}
        update(**AXIS, title=title, type="log" if log else "linear", row=1, col=number)
    if panel.square:
        figure.update_yaxes(scaleanchor=f"x{number if number > 1 else ''}", row=1, col=number)
    ends = [panel.y_from, panel.y_to]
    if ends != [None, None]:
        logs = [None if end is None else log10(end) if panel.log_y else end for end in ends]
        figure.update_yaxes(range=logs, autorangeoptions=None, row=1, col=number)


def _traces(mark: Mark, number: int, count: int) -> list[Any]:
    if isinstance(mark, Rule):
        return []
    if isinstance(mark, Map):
        place = {"x": number / count - 0.02 * (number < count), "len": 0.9, "thickness": 14}
        bar = {"title": {"text": escape(mark.name, quote=False), "side": "right"}, **place}
        ends = {"zmin": mark.low, "zmax": mark.high}
        grid = {"x": list(mark.x), "y": list(mark.y), "z": [_numbers(row) for row in mark.values]}
        return [go.Heatmap(**grid, **ends, colorscale="Cividis", colorbar=bar)]
    colour = COLOURS[mark.colour]
    shown = {"name": escape(mark.name, quote=False), "showlegend": bool(mark.name)}
    if isinstance(mark, Bars):
        return [
            go.Bar(x=list(mark.x), y=_numbers(mark.height), width=mark.width, marker_color=colour, **shown)
        ]
    if isinstance(mark, Band):
        edge = {"x": list(mark.x), "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
        low = go.Scatter(**edge, y=_numbers(mark.low), showlegend=False)
        fill = {"fill": "tonexty", "fillcolor": _pale(colour)}
        return [low, go.Scatter(**edge, y=_numbers(mark.high), **fill, **shown)]
    if isinstance(mark, Dots):
        symbol = {"color": colour, "size": 7, "symbol": "circle-open" if mark.hollow else "circle"}
        texts = {"text": [escape(text, quote=False) for text in mark.texts]} if mark.texts else {}
        return [
            go.Scatter(x=list(mark.x), y=_numbers(mark.y), mode="markers", marker=symbol, **texts, **shown)
        ]
    assert isinstance(mark, Line), "the last kind of mark"
    line = {"color": colour, "dash": DASHES[mark.dash], "width": 2.2}
    mode = "lines+markers" if mark.marked else "lines"
    return [go.Scatter(x=list(mark.x), y=_numbers(mark.y), mode=mode, line=line, **shown)]


def _rule(figure: go.Figure, mark: Rule, panel: Panel, number: int) -> None:
    line = {"line_dash": "dash", "line_color": GREY, "line_width": 1.2, "row": 1, "col": number}
    text = {"annotation_text": escape(mark.text, quote=False), "annotation_font_size": 11}
    if mark.level:
        figure.add_hline(y=mark.at, annotation_position="top right", **text, **line)
    else:  # plotly takes the place of a text on a logarithmic axis by its logarithm
        figure.add_vline(x=mark.at, **line)
        at = log10(mark.at) if panel.log_x else mark.at
        figure.add_annotation(
            x=at,
            y=1,
            yref="y domain",
            text=text["annotation_text"],
            textangle=-90,
            xanchor="left",
            yanchor="top",
            showarrow=False,
            font={"size": 11},
            row=1,
            col=number,
        )


def _numbers(values: Any) -> list[float | None]:
    """Plotly leaves None out; NaN is no JSON."""
    return [float(value) if isfinite(value) else None for value in values]


def _pale(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.22)"
