"""A picture is described once, and drawn for paper and for a browser."""

from __future__ import annotations

import io
import json
import math

import pytest

from elman.pictures.on_paper import on_paper
from elman.pictures.on_screen import on_screen
from elman.pictures.overlay import overlaid
from elman.pictures.page import card, page
from elman.pictures.plot import Band, Bars, Dots, Line, Map, Panel, Plot, Rule

MARKS = (
    Band(x=[1, 2], low=[0.1, 0.2], high=[1, 2], name="band"),
    Line(x=[1, 2, 3], y=[1, math.nan, 3], name="<b>line</b>", dash=1),
    Dots(x=[1, 2], y=[2, 1], name="dots", colour=1, texts=["a", "b < c"]),
    Bars(x=[1, 2], height=[1, 2], width=0.8, name="bars", colour=2),
    Rule(at=2, text="k2 = 2"),
    Rule(at=1.5, text="floor", level=True),
)
GRID = Panel(
    x="s (steps)", y="t (steps)", marks=(Map(values=[[1, math.nan]], x=[0, 1], y=[0], name="share"),)
)


def a_plot(scale: float = 1.0) -> Plot:
    marks = (*MARKS[:1], Line(x=[1, 2, 3], y=[scale, math.nan, 3], name="<b>line</b>"), *MARKS[2:])
    panel = Panel(x="lag (steps)", y="loss (nats)", title="h", marks=marks, log_y=True, y_from=0.1)
    return Plot(title="A title", caption="How to read it.", panels=(panel, GRID))


@pytest.mark.parametrize(
    ("size", "dark", "suffix"),
    [("slide", False, "png"), ("slide", True, "svg"), ("column", True, "png"), ("column", False, "pdf")],
)
def test_on_paper(size, dark: bool, suffix: str) -> None:
    figure = on_paper(a_plot(), size, dark=dark)
    file = io.BytesIO()
    figure.savefig(file, format=suffix)
    assert len(file.getvalue()) > 5_000
    axes = figure.axes[0]
    assert axes.get_xlabel() == "lag (steps)"
    assert axes.get_yscale() == "log"
    assert [text.get_text() for text in axes.texts] == ["k2 = 2", "floor"]
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["band", "<b>line</b>", "dots", "bars"]


def test_on_screen() -> None:
    figure = on_screen(a_plot())
    traces = json.loads(figure.to_json())["data"]  # NaN is no JSON
    line = next(trace for trace in traces if "line" in trace.get("name", ""))
    assert line["y"] == [1.0, None, 3.0]
    assert line["name"] == "&lt;b&gt;line&lt;/b&gt;"  # which plotly would take for HTML
    assert [trace["type"] for trace in traces] == [
        "scatter",
        "scatter",
        "scatter",
        "scatter",
        "bar",
        "heatmap",
    ]


def test_one_over_the_other() -> None:
    both = overlaid({"a": a_plot(1.0), "b": a_plot(2.0)})
    names = [mark.name for mark in both.panels[0].marks]
    assert names == [f"{run}, {what}" for run in "ab" for what in ("<b>line</b>", "dots", "bars")]
    assert {mark.colour for mark in both.panels[0].marks} == {0, 1}
    assert len(both.panels) == 1, "two maps cannot lie over one another"


def test_no_text_ends_the_page_s_script() -> None:
    plot = Plot(title="</script><b>", caption="<i>", panels=a_plot().panels)
    found = card("n", plot.title, plot.caption, on_screen(plot))
    assert found.count("</script>") == 1
    assert "<i>" not in page("<title>", [found])
