"""A picture is described once, and drawn for paper and for a browser."""

from __future__ import annotations

import io
import json
import math

import pytest

from elman.pictures.extent import thinned
from elman.pictures.on_paper import on_paper
from elman.pictures.on_screen import on_screen
from elman.pictures.overlay import overlaid
from elman.pictures.page import card, page
from elman.pictures.places import places
from elman.pictures.plot import Band, Bars, Bundle, Dots, Labels, Line, Map, Panel, Plot, Rule, Scale
from elman.pictures.ticks import log_ticks, ticks, written

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


def many() -> Plot:
    """Every newer mark, in four panels."""
    scale = Scale(name="loss (nats)", low=0.01, high=1.0, log=True)
    marks = (
        Bundle(lines=[([1, 2], [0.1, 1.0]), ([1, 2], [0.2, 0.5])], values=[0.1, 0.5], scale=scale),
        Dots(x=[1, 2], y=[0.1, 1.0], values=[0.01, 1.0], scale=scale, symbol="diamond"),
        Labels(x=[1, 2], y=[0.1, 1.0], texts=["<1>", "two"]),
        Map(x=[1, 2], y=[0.1, 1.0], values=[[0.1, math.nan], [0.5, 1.0]], name="loss", scale=scale),
    )
    panel = Panel(x="k1", y="k2", marks=marks, log_x=True, x_ticks=[(1, "one"), (2, "two")], title="depth")
    bars = Bars(x=[0, -1], height=[0.5, 0.2], low=[0.4, 0.1], high=[0.6, 0.4], width=0.6, level=True)
    level = Panel(x="share", y="", marks=(bars,), y_ticks=[(0, "k2"), (-1, "noise")])
    bare = Panel(x="", y="", marks=(Line(x=[0, 1], y=[0, 1], name="best"),), bare=True, x_ticks=[(0, "k1")])
    return Plot(title="t", caption="c", panels=(panel, level, bare, panel), legend_above=True)


@pytest.mark.parametrize("size", ["slide", "column"])
def test_panels_share_a_row_a_bar_and_a_legend(size) -> None:
    figure = on_paper(many(), size)
    figure.savefig(io.BytesIO(), format="png", dpi=30)
    first, level, bare, last, bar = figure.axes
    assert [text.get_text() for text in first.get_xticklabels()] == ["one", "two"]
    assert [text.get_text() for text in level.get_yticklabels()] == ["k2", "noise"]
    assert bare.xaxis.get_ticks_position() == "top"
    assert bar.get_ylabel() == "loss (nats)"
    assert first.get_position().x0 == pytest.approx(bare.get_position().x0, abs=0.02)  # two in a row
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["best"]
    assert last.get_ylabel() == "k2"


def test_a_scale_has_one_bar_on_screen_too() -> None:
    found = json.loads(on_screen(many()).to_json())
    axis = found["layout"]["coloraxis"]
    assert (axis["cmin"], axis["cmax"]) == (-2.0, 0.0)
    dots = [trace for trace in found["data"] if trace.get("marker", {}).get("coloraxis")]
    assert [trace["marker"]["color"] for trace in dots] == [[-2.0, 0.0]] * 2
    texts = next(trace for trace in found["data"] if trace.get("mode") == "markers+text")
    assert texts["text"] == ["&lt;1&gt;", "two"]
    bundle = next(trace for trace in found["data"] if None in trace.get("x", []))
    assert bundle["x"] == [1.0, 2.0, None]


def test_texts_keep_clear_of_points_and_of_one_another() -> None:
    room = {"size": (60.0, 35.0)}
    assert places([(0.5, 0.5)], ["1"], **room) == ["top center"]
    assert places([(0.5, 0.5), (0.5, 0.53)], ["1", "2"], **room) == ["middle right", "top center"]
    assert places([(0.5, 0.5)], ["1"], liked="bottom left", **room) == ["bottom left"]
    assert places([(0.5, 0.5)], ["1"], clear_of=[(0.5, 0.53)], **room) == ["middle right"]
    assert None in places([(0.5, 0.5)] * 12, ["12"] * 12, **room)


def test_ticks() -> None:
    assert ticks(0, 10) == [0, 2, 4, 6, 8, 10]
    assert log_ticks(5, 80) == [5, 10, 20, 50]
    assert log_ticks(1e-6, 1) == [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1]
    shown = [written(v) for v in (0.003, 20, 1500, 15_000, 2e6, 3e-6)]
    assert shown == ["0.003", "20", "1500", "15k", "2M", "3e-06"]
    crowded = Panel(x="", y="", marks=(), log_x=True, x_from=1, x_to=10, x_ticks=[(1, "1"), (1.1, "1.1")])
    assert thinned(crowded, 20) == [(1, "1")]
    assert thinned(crowded, 500) == [(1, "1"), (1.1, "1.1")]
