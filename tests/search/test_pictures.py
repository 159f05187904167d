"""Pictures: what they show, checked against points written by hand, and when there is nothing to show."""

import io
import json

import pytest
from study_toys import BPTT, COST, K1, LAYERS, LOSS, LR, RATIO, realistic, review, row

from elman.search.pictures import pictures, save_pictures
from elman.search.pictures.axis import ABSENT, choice_axis, is_log, log_ticks, number_axis, ticks
from elman.search.pictures.history import best_so_far
from elman.search.pictures.places import places
from elman.search.pictures.plane import plane_of
from elman.search.pictures.theme import axis_limits
from elman.search.space.space import Choices, Dimension

ONE = ["k1_k2", "cost", "importance", "history", "parallel", "curves"]
SEVERAL = ["k1_k2", "pareto", "importance", "history", "parallel", "curves"]


pytestmark = pytest.mark.usefixtures("strict")


def drawn(study):
    """Names of the pictures, after each has been drawn in both forms."""
    found = pictures(study)
    for picture in found.drawn.values():
        picture.matplotlib.savefig(io.BytesIO(), dpi=20)
        json.loads(picture.plotly.to_json())
    return list(found.drawn)


def trace(figure, name):
    return next(each for each in figure.data if each.name == name)


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
    assert names == ["k1_k2", "cost", "history", "parallel", "curves"]


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
    line = trace(pictures(up).drawn["history"].plotly, "best so far")
    assert (list(line.x), list(line.y)) == ([0, 1, 6, 7], [5.0, 6.0, 7.0, 7.0])


def test_history_marks_states():
    trials = [
        row(0, 1.0),
        row(1, 2.0, "pruned"),
        row(2, 3.0, constrained={"cost/seconds": 9.0}),
        row(3, 1.5),
        row(4, 2.2, "running"),
    ]
    figure = pictures(review(*trials, constraints={"cost/seconds": 5.0})).drawn["history"].plotly
    assert {each.name: list(each.x) for each in figure.data if each.name != "best so far"} == {
        "complete": [0, 3],
        "above a limit": [2],
        "pruned": [1],
        "running": [4],
    }
    assert trace(figure, "above a limit").marker.symbol == "circle-open"
    assert figure.layout.xaxis.title.text == "trial"
    assert figure.layout.yaxis.title.text == "val/bits_per_step (lower is better)"


def test_the_front_the_knee_and_their_numbers():
    pairs = [(0, 10), (1, 0), (0.2, 3), (0.6, 2), (0.9, 9)]
    trials = [row(n, objectives={LOSS: a, COST: b}) for n, (a, b) in enumerate(pairs)]
    figure = pictures(review(*trials, objectives={LOSS: "minimize", COST: "minimize"})).drawn["pareto"].plotly
    front = trace(figure, "front")
    assert (list(front.x), list(front.y)) == ([0, 2, 3, 10], [1, 0.6, 0.2, 0])
    bend = trace(figure, "knee: trial 2")
    assert (list(bend.x), list(bend.y)) == ([3], [0.2])
    texts = {each.text[0]: (each.x[0], each.y[0]) for each in figure.data if each.mode == "markers+text"}
    assert texts == {"0": (10, 0), "1": (0, 1), "knee: 2": (3, 0.2), "3": (2, 0.6), "4": (9, 0.9)}


def test_more_than_two_objectives_show_two():
    names = (LOSS, COST, "cost/seconds")
    trials = [row(n, objectives=dict(zip(names, (n, 5 - n, n % 3), strict=True))) for n in range(5)]
    study = review(*trials, objectives=dict.fromkeys(names, "minimize"))
    assert "pareto" in drawn(study)
    assert "of 3 objectives two" in pictures(study).drawn["pareto"].caption


def test_cost_is_core_steps_else_seconds():
    timed = [row(n, 1.0 + n, seconds=9.0 - n) for n in range(3)]
    figure = pictures(review(*timed)).drawn["cost"].plotly
    assert figure.layout.xaxis.title.text == "seconds (lower is better)"
    assert list(trace(figure, "complete").x) == [9.0, 8.0, 7.0]
    counted = [row(n, 1.0 + n, seconds=9.0 - n, costs={COST: 6.0 - n}) for n in range(3)]
    figure = pictures(review(*counted)).drawn["cost"].plotly
    assert figure.layout.xaxis.title.text == "cost/core_steps_per_step (lower is better)"
    assert list(trace(figure, "complete").x) == [6.0, 5.0, 4.0]


def test_windows_are_drawn_in_time_steps_with_the_range_s_logarithm():
    study = realistic()
    figure = pictures(study).drawn["k1_k2"].plotly
    assert (figure.layout.xaxis.title.text, figure.layout.yaxis.title.text) == (
        "k1 (time steps)",
        "k2 (time steps)",
    )
    assert (figure.layout.xaxis.type, figure.layout.yaxis.type) == ("log", "log")
    both = {(t.values["k1"], t.values["k2"]) for t in study.complete if "k1" in t.values}
    dots = trace(figure, "complete")
    assert set(zip(dots.x, dots.y, strict=True)) == both
    # The best lies on top, and so comes last.
    assert (dots.x[-1], dots.y[-1]) == (study.best().values["k1"], study.best().values["k2"])


def test_the_best_colour_is_the_same_when_maximised():
    trials = [row(n, float(n), values={"k1": 5 + n, "k2": 10 + n}) for n in range(3)]
    wide = [K1, Dimension(target="model.bptt.k2", label="k2", values=RATIO.values)]
    for direction, end in (("minimize", 0), ("maximize", -1)):
        study = review(*trials, objectives={LOSS: direction}, dimensions=wide)
        scale = trace(pictures(study).drawn["k1_k2"].plotly, "complete").marker.colorscale
        assert scale[end][1] == "#D55E00"
        assert plane_of(study).complete[-1] is study.best()


def test_windows_with_other_labels_and_without():
    labels = [Dimension(target="model.bptt.k1", label="bptt.k1", values=K1.values)]
    labels += [Dimension(target="model.bptt.k2", label="bptt.k2", values=K1.values)]
    trials = [row(n, float(n), values={"bptt.k1": 5 + n, "bptt.k2": 9 + n}) for n in range(3)]
    assert "k1_k2" in drawn(review(*trials, dimensions=labels))
    alone = pictures(review(*[row(n, float(n), values={"k1": n}) for n in range(3)]))
    assert alone.left_out["k1_k2"] == "no trial has both k1 and k2"


def test_importance_bars_are_in_order():
    figure = pictures(realistic(60)).drawn["importance"].plotly
    (bars,) = figure.data
    assert bars.y[0] == "core"
    assert list(bars.x) == sorted(bars.x, reverse=True)
    assert figure.layout.yaxis.autorange == "reversed"


def test_parallel_has_a_place_for_what_does_not_apply():
    trials = [
        row(0, 2.0, values={"bptt": "Full", "layers": 1}),
        row(1, 1.0, values={"bptt": "Truncated", "layers": 3, "k1": 10}),
    ]
    figure = pictures(review(*trials, dimensions=(BPTT, K1, LAYERS))).drawn["parallel"].plotly
    best = trace(figure, "best: trial 1")
    assert list(best.y) == [0.5, 1.0, 1.0, 0.0]  # k1 alone, three layers, Truncated, the smallest loss
    other = next(each for each in figure.data if each is not best and each.mode == "lines+markers")
    assert list(other.y) == [ABSENT, 0.0, 0.0, 1.0]


def test_curves_mark_the_best_and_the_pruned():
    trials = [
        row(0, 1.0, curve={30: 1.0, 10: 3.0, 20: 2.0}),
        row(1, 2.5, "pruned", curve={10: 3.5, 20: 2.5}),
        row(2, 1.5, curve={10: 3.2, 20: 2.2, 30: 1.5}),
    ]
    figure = pictures(review(*trials)).drawn["curves"].plotly
    best = trace(figure, "best: trial 0")
    assert (list(best.x), list(best.y)) == ([10, 20, 30], [3.0, 2.0, 1.0])
    assert best.line.width > trace(figure, "complete").line.width
    assert trace(figure, "pruned").line.dash == "dash"
    assert figure.layout.xaxis.title.text == "time steps seen in training"


def test_one_far_worse_trial_does_not_hide_the_others():
    assert axis_limits([1.0, 1.1, 1.2, 1.3, 1.4, 50.0], maximize=False) == (1.0, 1.4)
    assert axis_limits([0.9, 0.8, 0.85, 0.82, 0.88, 0.01], maximize=True) == (0.8, 0.9)
    # A far better one is what the search is for.
    assert axis_limits([0.1, 1.1, 1.2, 1.3, 1.4], maximize=False) == (0.1, 1.4)


def test_axes():
    assert number_axis("k1", [1, None, 100, 10], log=True).at == pytest.approx([0, ABSENT, 1, 0.5])
    assert number_axis("k1", [1, 3, 2], log=False).at == [0, 1, 0.5]
    assert number_axis("k1", [2, 2], log=True).at == [0.5, 0.5]
    choices = choice_axis("core", ["GRU", None, "LSTM", "new"], ["LSTM", "GRU", "Elman"])
    assert choices.at == [0.5, ABSENT, 0, 1]
    assert choices.ticks == [(ABSENT, "none"), (0, "LSTM"), (0.5, "GRU"), (1, "new")]
    assert ticks(0, 10) == [0, 2, 4, 6, 8, 10]
    assert log_ticks(5, 80) == [5, 10, 20, 50]
    assert [is_log(review(), label) for label in ("k1", "k2", "k2/k1", "layers", "lr")] == [
        True,
        True,
        False,
        False,
        True,
    ]


def test_labels_keep_clear_of_points_and_of_one_another():
    assert places([(0.5, 0.5)], ["1"]) == ["top center"]
    assert places([(0.5, 0.5), (0.5, 0.53)], ["1", "2"]) == ["middle right", "top center"]
    assert places([(0.5, 0.5)], ["1"], liked=["bottom left"]) == ["bottom left"]
    crowd = places([(0.5, 0.5)] * 12, ["12"] * 12)
    assert None in crowd


def test_long_and_odd_names_do_not_reach_the_page():
    odd = Dimension(target="a", label="<b>x", values=Choices(values={"<i>" + "y" * 80: 1, "z": 2}))
    trials = [row(n, float(n), values={"<b>x": ("<i>" + "y" * 80, "z")[n % 2]}) for n in range(6)]
    study = review(*trials, dimensions=(odd, LR))
    assert "parallel" in drawn(study)
    figure = pictures(study).drawn["parallel"].plotly
    written = [each.text for each in figure.layout.annotations] + [each.hovertext for each in figure.data]
    assert any("&lt;i&gt;" in text for text in written)
    assert not any("<i>" in text or "<b>x" in text for text in written)
    assert max(len(each.text) for each in figure.layout.annotations) < 40


def test_saved_as_files(tmp_path):
    folder = tmp_path / "pictures"
    trials = [row(n, 1.0 + n) for n in range(2)]
    save_pictures(review(*trials), folder)
    assert sorted(path.name for path in folder.iterdir()) == ["history.html", "history.png"]
    assert (folder / "history.png").read_bytes().startswith(b"\x89PNG")
    assert "Plotly.newPlot" in (folder / "history.html").read_text()
    save_pictures(review(), folder)
    assert list(folder.iterdir()) == []
