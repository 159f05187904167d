"""Pictures: what they show, checked against points written by hand, and when there is nothing to show."""

import io
import json

import pytest
from study_toys import BPTT, CORE, COST, K1, LAYERS, LOSS, LR, RATIO, realistic, review, row

from elman.pictures.on_paper import on_paper
from elman.pictures.on_screen import on_screen
from elman.pictures.plot import Bars, Bundle, Dots, Labels, Line, Rule
from elman.search.pictures import pictures, save_pictures
from elman.search.pictures.axis import ABSENT, choice_axis, is_log, number_axis
from elman.search.pictures.curves import curves
from elman.search.pictures.history import best_so_far
from elman.search.pictures.look import Reach, reach, stairs
from elman.search.pictures.plane import plane_of, split
from elman.search.space.space import Choices, Dimension

ONE = ["k1_k2", "cost", "importance", "slices", "history", "parallel", "curves"]
SEVERAL = ["k1_k2", "pareto", "importance", "slices", "history", "parallel", "curves"]


pytestmark = pytest.mark.usefixtures("strict")


def drawn(study):
    """Names of the pictures, after each has been drawn in both forms."""
    found = pictures(study)
    for plot in found.drawn.values():
        on_paper(plot).savefig(io.BytesIO(), dpi=20)
        json.loads(on_screen(plot).to_json())
    return list(found.drawn)


def marks(study, picture, kind, panel=0):
    """The marks of a kind in a panel of a picture."""
    found = pictures(study).drawn[picture].panels[panel].marks
    return [mark for mark in found if isinstance(mark, kind)]


def named(study, picture, name, panel=0):
    return next(m for m in marks(study, picture, Line | Dots | Bundle, panel) if m.name == name)


def points(mark):
    return list(zip(mark.x, mark.y, strict=True))


@pytest.mark.parametrize(("several", "names"), [(False, ONE), (True, SEVERAL)])
def test_a_realistic_study_has_all_pictures(several, names):
    assert drawn(realistic(60, several=several)) == names


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_both_directions_and_two_trials_are_enough(direction):
    values = [{"k1": 5, "k2/k1": 2, "k2": 10, "lr": 0.001}, {"k1": 10, "k2/k1": 2, "k2": 20, "lr": 0.01}]
    trials = [
        row(n, float(n), values=v, curve={10: 2.0, 20: float(n)}, seconds=1.0 + n)
        for n, v in enumerate(values)
    ]
    names = drawn(review(*trials, objectives={LOSS: direction}))
    assert names == ["k1_k2", "cost", "slices", "history", "parallel", "curves"]


@pytest.mark.parametrize(
    "trials",
    [
        [],
        [row(0, 1.0)],
        [row(0, None, "failed"), row(1, None, "running"), row(2, None, "waiting")],
        [row(0, 1.0, values={"k1": 5, "k2": 10}, curve={5: 1.0})],
        [row(0, float("nan"), curve={5: float("nan")}), row(1, float("inf"), curve={5: float("inf")})],
        [row(0, 2.0, "pruned"), row(1, 1.0, "pruned")],
    ],
)
def test_too_little_is_left_out_with_a_reason(trials):
    found = pictures(review(*trials))
    assert not found.drawn
    assert set(found.left_out) == {*ONE, *SEVERAL}
    assert all(found.left_out.values())
    assert drawn(review(*trials)) == []


def test_equal_values_everywhere():
    same = {"k1": 5, "k2/k1": 2, "k2": 10, "layers": 1, "lr": 0.001}
    trials = [row(n, 1.0, values=same, curve={5: 1.0, 10: 1.0}, seconds=1.0) for n in range(6)]
    assert drawn(review(*trials)) == ["history", "curves"]


def test_the_best_so_far_goes_down_or_up():
    """Pruned, failed and infeasible trials do not count, however good."""
    limits = {"cost/seconds": 5.0}
    trials = [
        row(0, 5.0),
        row(1, 6.0),
        row(2, 1.0, "pruned"),
        row(3, 4.0),
        row(4, 0.5, constrained={"cost/seconds": 6.0}),
        row(5, 4.0),
        row(6, 7.0),
        row(7, 3.0),
    ]
    assert best_so_far(review(*trials, constraints=limits)) == [(0, 5.0), (3, 4.0), (7, 3.0)]
    up = review(*trials, constraints=limits, objectives={LOSS: "maximize"})
    assert best_so_far(up) == [(0, 5.0), (1, 6.0), (6, 7.0)]
    line = points(named(up, "history", "best so far"))
    assert line == [(0, 5), (1, 5), (1, 6), (6, 6), (6, 7), (7, 7), (7, 7)]  # a stair


def test_history_marks_states():
    trials = [
        row(0, 1.0),
        row(1, 2.0, "pruned"),
        row(2, 3.0, constrained={"cost/seconds": 9.0}),
        row(3, 1.5),
        row(4, 2.2, "running"),
    ]
    study = review(*trials, constraints={"cost/seconds": 5.0})
    assert {each.name: list(each.x) for each in marks(study, "history", Dots)} == {
        "complete": [0, 3],
        "above a limit": [2],
        "pruned": [1],
        "running": [4],
    }
    assert named(study, "history", "above a limit").hollow
    (panel,) = pictures(study).drawn["history"].panels
    assert (panel.x, panel.y) == ("trial", "val/bits_per_step (lower is better)")


def test_what_lies_beyond_the_edge_is_an_arrow_and_chance_a_rule():
    trials = [row(n, 1.0 + n / 10) for n in range(8)] + [row(8, 50.0)]
    study = review(*trials, chance={LOSS: 1.5})
    (arrow,) = [dots for dots in marks(study, "history", Dots) if dots.symbol == "up"]
    assert points(arrow) == [(8, pictures(study).drawn["history"].panels[0].y_to)]
    assert "1 beyond the edge is an arrow" in pictures(study).drawn["history"].caption
    assert [(rule.at, rule.text) for rule in marks(study, "history", Rule)] == [(1.5, "chance")]


def test_what_spans_decades_is_drawn_in_the_logarithm():
    """Of values from 1e-6 to 1 a linear axis would show those that learned as zero."""
    learned = [10.0**-n for n in range(6, 0, -1)]
    axis = reach([*learned, 0.9, 1.0, 0.0], maximize=False)
    assert (axis.low, axis.high, axis.log) == (pytest.approx(1e-6), pytest.approx(1.0), True)
    assert axis.within(0.0) == axis.low
    assert not reach([1.9, 2.0, 2.9], maximize=False).log
    assert not reach([-0.5, 1.0, 90.0], maximize=False).log
    study = review(*[row(n, v, costs={COST: 10.0**n}) for n, v in enumerate(learned)])
    for name in ("history", "cost"):
        (panel,) = pictures(study).drawn[name].panels
        assert (panel.log_x, panel.log_y) == (name == "cost", True)
        assert {"1e-05", "0.001"} < {text for _, text in panel.y_ticks}


def test_the_front_is_a_staircase_with_texts_on_it_alone():
    """By hand: 0, 2, 3 and 1 beat all others, and 2 is the knee; 4 is beaten by 3."""
    pairs = [(0, 10), (1, 0), (0.2, 3), (0.6, 2), (0.9, 9)]
    trials = [row(n, objectives={LOSS: a, COST: b}) for n, (a, b) in enumerate(pairs)]
    study = review(*trials, objectives={LOSS: "minimize", COST: "minimize"})
    front = named(study, "pareto", "front")
    assert points(front) == [(0, 1), (2, 0.6), (3, 0.2), (10, 0)]
    (line,) = marks(study, "pareto", Line)
    edge = pictures(study).drawn["pareto"].panels[0].x_to
    stair = [(0, 1), (2, 1), (2, 0.6), (3, 0.6), (3, 0.2), (10, 0.2), (10, 0), (edge, 0), (edge, 0)]
    assert points(line) == stair
    assert points(named(study, "pareto", "knee: trial 2")) == [(3, 0.2)]
    (labels,) = marks(study, "pareto", Labels)
    assert labels.texts == ["2", "0", "1", "3"]  # the knee and the best choose first
    assert points(labels)[0] == (3, 0.2)
    assert points(named(study, "pareto", "complete")) == [(9, 0.9)]


def test_a_staircase_of_what_should_be_large_rises_early():
    assert stairs([(1, 5), (2, 3)], early=True) == ([1, 1, 2], [5, 3, 3])
    assert stairs([(1, 5), (2, 3)]) == ([1, 2, 2], [5, 5, 3])


def test_more_than_two_objectives_show_two():
    names = (LOSS, COST, "cost/seconds")
    trials = [row(n, objectives=dict(zip(names, (n, 5 - n, n % 3), strict=True))) for n in range(5)]
    study = review(*trials, objectives=dict.fromkeys(names, "minimize"))
    assert "pareto" in drawn(study)
    assert "of 3 objectives two" in pictures(study).drawn["pareto"].caption


def test_cost_is_core_steps_else_seconds():
    timed = review(*[row(n, 1.0 + n, seconds=9.0 - n) for n in range(3)])
    assert pictures(timed).drawn["cost"].panels[0].x == "seconds (lower is better)"
    assert sorted(x for dots in marks(timed, "cost", Dots) for x in dots.x if dots.size < 2) == [7, 8, 9]
    counted = review(*[row(n, 1.0 + n, seconds=9.0 - n, costs={COST: 6.0 - n}) for n in range(3)])
    assert pictures(counted).drawn["cost"].panels[0].x == "cost/core_steps_per_step (lower is better)"
    assert points(named(counted, "cost", "front")) == [(4, 3), (5, 2), (6, 1)]


def test_windows_are_drawn_in_time_steps_with_the_range_s_logarithm():
    study = realistic()
    plot = pictures(study).drawn["k1_k2"]
    assert {(panel.x, panel.y) for panel in plot.panels} == {("k1 (time steps)", "k2 (time steps)")}
    assert all(panel.log_x and panel.log_y for panel in plot.panels)


def test_each_depth_has_a_panel_with_its_trials_and_the_same_colours():
    study = realistic(40)
    plot = pictures(study).drawn["k1_k2"]
    assert [panel.title for panel in plot.panels] == [f"layers={n}" for n in (1, 2, 3, 4)]
    assert plot.title == "k1 and k2, for each depth"
    for depth in (1, 2, 3, 4):
        there = {
            (t.values["k1"], t.values["k2"])
            for t in study.complete
            if "k1" in t.values and t.values["layers"] == depth
        }
        dots = [each for each in marks(study, "k1_k2", Dots, depth - 1) if each.scale is not None]
        assert {point for each in dots for point in points(each)} == there
        assert {each.scale for each in dots} == {plot.scale}


def test_without_depth_the_core_splits_the_plane_and_too_many_do_not():
    cores = ("LSTM", "GRU", "Elman")
    trials = [row(n, float(n), values={"k1": 5 + n, "k2": 10 + n, "core": cores[n % 3]}) for n in range(9)]
    study = review(*trials, dimensions=(K1, RATIO, CORE))
    assert [name for name, _ in split(study, plane_of(study))] == ["core=Elman", "core=GRU", "core=LSTM"]
    deep = [row(n, float(n), values={"k1": 5 + n, "k2": 10 + n, "layers": n}) for n in range(9)]
    study = review(*deep)
    assert [name for name, _ in split(study, plane_of(study))] == [""]


def test_the_best_colour_is_the_same_when_maximised():
    trials = [row(n, float(n), values={"k1": 5 + n, "k2": 10 + n}) for n in range(3)]
    wide = [K1, Dimension(target="model.bptt.k2", label="k2", values=RATIO.values)]
    for direction, end in (("minimize", 0), ("maximize", -1)):
        study = review(*trials, objectives={LOSS: direction}, dimensions=wide)
        assert pictures(study).drawn["k1_k2"].scale.colours[end] == "#D55E00"
        assert plane_of(study).complete[-1] is study.best()  # lies on top


def test_windows_with_other_labels_and_without():
    labels = [Dimension(target="model.bptt.k1", label="bptt.k1", values=K1.values)]
    labels += [Dimension(target="model.bptt.k2", label="bptt.k2", values=K1.values)]
    trials = [row(n, float(n), values={"bptt.k1": 5 + n, "bptt.k2": 9 + n}) for n in range(3)]
    assert "k1_k2" in drawn(review(*trials, dimensions=labels))
    alone = pictures(review(*[row(n, float(n), values={"k1": n}) for n in range(3)]))
    assert alone.left_out["k1_k2"] == "no trial has both k1 and k2"


def test_importance_bars_are_in_order_and_noise_is_the_last():
    study = realistic(60)
    bars, noise = marks(study, "importance", Bars)
    assert list(bars.x) == sorted(bars.x, reverse=True)  # from the top down
    (panel,) = pictures(study).drawn["importance"].panels
    names = dict(panel.y_ticks)
    assert (names[0], names[noise.x[0]]) == ("core", "noise and interplay")
    assert sum(bars.height) + noise.height[0] == pytest.approx(1.0)
    ends = zip(bars.low, bars.high, strict=True)
    assert all(0 <= low <= high <= 1 for low, high in ends)


def test_parallel_has_a_place_for_what_does_not_apply_and_an_axis_of_cost():
    trials = [
        row(0, 2.0, values={"bptt": "Full", "layers": 1}, costs={COST: 1.0}),
        row(1, 1.0, values={"bptt": "Truncated", "layers": 3, "k1": 10}, costs={COST: 4.0}),
    ]
    study = review(*trials, dimensions=(BPTT, K1, LAYERS))
    best = named(study, "parallel", "best: trial 1")
    # k1 alone, three layers, Truncated, the dearest, the smallest loss.
    assert list(best.y) == [0.5, 1.0, 1.0, 1.0, 0.0]
    (bundle,) = marks(study, "parallel", Bundle)
    assert [y for _, y in bundle.lines] == [[ABSENT, 0.0, 0.0, 0.0, 1.0], list(best.y)]
    (panel,) = pictures(study).drawn["parallel"].panels
    labels = [text for _, text in panel.x_ticks]
    assert labels == ["k1", "layers", "bptt", "core steps per step", "bits_per_step"]


def test_slices_have_a_panel_for_each_value():
    study = realistic()
    panels = pictures(study).drawn["slices"].panels
    assert [panel.x for panel in panels] == ["k1", "k2", "layers", "bptt", "core", "lr"]
    assert [panel.log_x for panel in panels] == [True, True, False, False, False, True]
    where = dict(panels[4].x_ticks)
    seen = {(where[x], y) for mark in panels[4].marks for x, y in points(mark)}
    low, high = panels[4].y_from, panels[4].y_to
    values = {(t.values["core"], t.measured(LOSS)) for t in study.complete}
    assert seen == {(core, value) for core, value in values if low <= value <= high}
    assert pictures(study).drawn["slices"].caption.endswith("Not shown: k2/k1.")


def test_curves_mark_the_best_and_the_pruned():
    trials = [
        row(0, 1.0, curve={30: 1.0, 10: 3.0, 20: 2.0}),
        row(1, 2.5, "pruned", curve={10: 3.5, 20: 2.5}),
        row(2, 1.5, curve={10: 3.2, 20: 2.2, 30: 1.5}),
    ]
    study = review(*trials)
    best = named(study, "curves", "best: trial 0")
    assert points(best) == [(10, 3.0), (20, 2.0), (30, 1.0)]
    assert best.width > 1
    assert named(study, "curves", "complete").lines == [([10, 20, 30], [3.2, 2.2, 1.5])]
    assert named(study, "curves", "pruned").dash == 1
    assert pictures(study).drawn["curves"].panels[0].x == "time steps seen in training"


def test_one_far_worse_trial_does_not_hide_the_others():
    assert reach([1.0, 1.1, 1.2, 1.3, 1.4, 50.0], maximize=False) == Reach(low=1.0, high=1.4)
    assert reach([0.9, 0.8, 0.85, 0.82, 0.88, 0.01], maximize=True) == Reach(low=0.8, high=0.9)
    # A far better one is what the search is for.
    assert reach([0.1, 1.1, 1.2, 1.3, 1.4], maximize=False) == Reach(low=0.1, high=1.4)


def test_axes():
    assert number_axis("k1", [1, None, 100, 10], log=True).at == pytest.approx([0, ABSENT, 1, 0.5])
    assert number_axis("k1", [1, 3, 2], log=False).at == [0, 1, 0.5]
    assert number_axis("k1", [2, 2], log=True).at == [0.5, 0.5]
    choices = choice_axis("core", ["GRU", None, "LSTM", "new"], ["LSTM", "GRU", "Elman"])
    assert choices.at == [0.5, ABSENT, 0, 1]
    assert choices.ticks == [(ABSENT, "none"), (0, "LSTM"), (0.5, "GRU"), (1, "new")]
    assert [is_log(review(), label) for label in ("k1", "k2", "k2/k1", "layers", "lr")] == [
        True,
        True,
        False,
        False,
        True,
    ]


def test_long_and_odd_names_do_not_reach_the_page():
    odd = Dimension(target="a", label="<b>x", values=Choices(values={"<i>" + "y" * 80: 1, "z": 2}))
    trials = [row(n, float(n), values={"<b>x": ("<i>" + "y" * 80, "z")[n % 2]}) for n in range(6)]
    study = review(*trials, dimensions=(odd, LR))
    assert "parallel" in drawn(study)
    figure = on_screen(pictures(study).drawn["parallel"])
    text = figure.to_json()
    assert "&lt;i&gt;" in text
    assert not {"<i>", "<b>x", "\\u003ci\\u003e"} & {part for part in ("<i>", "<b>x") if part in text}
    (labels,) = marks(study, "parallel", Labels)
    assert max(map(len, labels.texts)) < 40


def test_saved_as_files(tmp_path):
    folder = tmp_path / "pictures"
    trials = [row(n, 1.0 + n) for n in range(2)]
    save_pictures(review(*trials), folder, forms=("png", "svg", "pdf", "html"), size="column")
    assert sorted(p.name for p in folder.iterdir()) == [f"history.{s}" for s in ("html", "pdf", "png", "svg")]
    assert (folder / "history.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / "history.pdf").read_bytes().startswith(b"%PDF")
    page = (folder / "history.html").read_text()
    assert "Plotly.newPlot" in page
    assert "Every trial, and the best so far" in page
    save_pictures(review(), folder, forms=("png", "html"))
    assert sorted(p.name for p in folder.iterdir()) == ["history.pdf", "history.svg"]


def test_thousands_of_curves_are_one_image_in_a_vector_file():
    """As lines, 400 curves of 20 points are megabytes of SVG."""
    file = io.BytesIO()
    on_paper(curves(realistic(400, running=False)), "column").savefig(file, format="svg")
    assert len(file.getvalue()) < 400_000
    assert file.getvalue().count(b"<image") >= 1
