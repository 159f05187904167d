"""Plots by plotly, for a page in a browser."""

from __future__ import annotations

from dataclasses import replace
from math import log10
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from elman.pictures.extent import extent, thinned
from elman.pictures.plot import GREY, Bars, Labels, Panel, Plot, Rule, label_of
from elman.pictures.screen_marks import colour_axis, plain, rule_text, ticks, traces

AXIS = {
    "gridcolor": "rgba(128,132,140,0.22)",
    "linecolor": "rgba(128,132,140,0.6)",
    "zeroline": False,
    "automargin": True,
    "ticks": "outside",
    "tickcolor": "rgba(128,132,140,0.6)",
    "exponentformat": "power",
}
BARE = {"showgrid": False, "showline": False, "ticks": ""}
ONE, OF_MANY = 430, 330  # pixels that a row of panels is high
BETWEEN = 95  # pixels between two rows: the titles of axes, and of panels
ROW = 3  # panels that stand beside one another
HALF, WHOLE = 520, 1100  # pixels of a card's plot


def height(plot: Plot) -> int:
    """Pixels that a plot needs from top to bottom."""
    rows = -(-len(plot.panels) // _across(plot))
    return ONE if rows == 1 else OF_MANY * rows + 60


def on_screen(plot: Plot) -> go.Figure:
    """A plot to point at in a browser, on a transparent ground, without title and caption."""
    count, across = len(plot.panels), _across(plot)
    rows = -(-count // across)
    titles = [plain(panel.title) for panel in plot.panels]
    figure = make_subplots(
        rows=rows,
        cols=across,
        subplot_titles=titles,
        horizontal_spacing=0.12 if across < ROW else 0.09,
        vertical_spacing=BETWEEN / height(plot) if rows > 1 else None,
    )
    width = (WHOLE if plot.wide or count > 1 else HALF) / across
    pixels = (0.8 * width, 0.7 * height(plot) / rows)
    named: set[str] = set()
    for number, panel in enumerate(plot.panels):
        place = {"row": number // across + 1, "col": number % across + 1}
        right = (number + 1) / count
        bar = {"x": right - 0.02 * (right < 1), "len": 0.9, "thickness": 14}
        for mark in panel.marks:
            for trace in traces(mark, panel, pixels=pixels, bar=bar):
                name = trace.name
                if name:  # panels share one legend
                    trace.update(legendgroup=name, showlegend=name not in named)
                    named.add(name)
                figure.add_trace(trace, **place)
            if isinstance(mark, Rule):
                _rule(figure, mark, panel, place)
        shown = replace(panel, x_ticks=thinned(panel, pixels[0] / 12), y=label_of(plot, number, across))
        _axes(figure, shown, number, place)
    if plot.scale is not None:
        figure.update_layout(coloraxis=colour_axis(plot.scale))
    titled = any(titles) or any(panel.bare for panel in plot.panels)
    above = 30 / height(plot)  # of the titles of panels
    figure.update_layout(
        template="none",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "system-ui, sans-serif", "size": 13, "color": "#4A4F57"},
        margin={"l": 64, "r": 24, "t": 64, "b": 56},
        legend={"orientation": "h", "x": 0, "y": 1 + above * titled, "yanchor": "bottom"},
        hoverlabel={"align": "left"},
        hovermode="closest",
    )
    return figure


def _across(plot: Plot) -> int:
    count = len(plot.panels)
    return 2 if count == 4 else min(count, ROW)


def _axes(figure: go.Figure, panel: Panel, number: int, place: dict[str, int]) -> None:
    bare = BARE if panel.bare else {}
    for update, text, log, given in (
        (figure.update_xaxes, panel.x, panel.log_x, panel.x_ticks),
        (figure.update_yaxes, panel.y, panel.log_y, panel.y_ticks),
    ):
        title = {"text": plain(text), "font": {"size": 12}, "standoff": 10}
        update(**{**AXIS, **bare}, **ticks(given), title=title, type="log" if log else "linear", **place)
    if panel.square:
        figure.update_yaxes(scaleanchor=f"x{number + 1 if number else ''}", **place)
    if panel.bare:
        figure.update_xaxes(side="top", **place)
        figure.update_yaxes(showticklabels=False, **place)
    if any(isinstance(mark, Bars) and mark.level for mark in panel.marks):
        figure.update_yaxes(ticks="", ticksuffix=" ", showgrid=False, **place)
    ends = [[panel.x_from, panel.x_to], [panel.y_from, panel.y_to]]
    if any(isinstance(mark, Labels) for mark in panel.marks):  # they were placed in these
        ends = [list(pair) for pair in extent(panel)]
    for pair, log, update in (
        (ends[0], panel.log_x, figure.update_xaxes),
        (ends[1], panel.log_y, figure.update_yaxes),
    ):
        if pair != [None, None]:
            logs = [None if end is None else log10(end) if log else end for end in pair]
            update(range=logs, autorangeoptions=None, **place)


def _rule(figure: go.Figure, mark: Rule, panel: Panel, place: dict[str, Any]) -> None:
    line = {"line_dash": "dash", "line_color": GREY, "line_width": 1.2, **place}
    if mark.level:
        text = {"annotation_text": plain(mark.text), "annotation_font_size": 11}
        figure.add_hline(y=mark.at, annotation_position="top right", **text, **line)
    else:
        figure.add_vline(x=mark.at, **line)
        figure.add_annotation(**rule_text(mark, panel), **place)
