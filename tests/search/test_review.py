"""What a study has found, as plain values: the best trial, the front, and there and back as JSON."""

import json
import random
import re
from dataclasses import replace

import pytest
from study_toys import COST, LOSS, realistic, review, row

from elman.search.results.front import front
from elman.search.results.review import Review, TrialRow
from elman.search.space.space import Choices, Dimension

ACCURACY = "val/accuracy"


def numbers(trials):
    return [trial.number for trial in trials]


def points(*pairs, objectives=None, **more):
    """A study of trials with two objectives."""
    trials = [row(n, objectives=dict(zip((LOSS, COST), pair, strict=True))) for n, pair in enumerate(pairs)]
    return review(*trials, objectives=objectives or {LOSS: "minimize", COST: "minimize"}, **more)


def test_the_best_is_the_smallest_of_those_that_ended():
    study = review(
        row(0, 2.0),
        row(1, 1.5),
        row(2, 1.0, "pruned"),
        row(3, 0.5, "failed"),
        row(4, 0.1, "running"),
        row(5, 1.7),
    )
    assert study.best().number == 1
    assert numbers(study.ranked()) == [1, 5, 0]


def test_the_best_is_the_largest_when_maximised():
    study = review(row(0, 0.7), row(1, 0.9), row(2, 0.8), objectives={LOSS: "maximize"})
    assert study.best().number == 1
    assert numbers(study.ranked()) == [1, 2, 0]


def test_of_equal_ones_the_first_is_best():
    assert review(row(3, 1.0), row(1, 1.0), row(2, 1.0)).best().number == 1


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_never_best(direction, value):
    objectives = {LOSS: direction}
    assert review(row(0, value), objectives=objectives).best() is None
    assert review(row(0, value), row(1, 5.0), objectives=objectives).best().number == 1
    assert numbers(review(row(0, value), row(1, 5.0), objectives=objectives).pareto()) == [1]


def test_a_trial_above_a_limit_is_not_best():
    limits = {"cost/peak_memory_mib": 100.0}
    study = review(
        row(0, 1.0, constrained={"cost/peak_memory_mib": 100.5}),
        row(1, 2.0, constrained={"cost/peak_memory_mib": 100.0}),
        row(2, 3.0),
        constraints=limits,
    )
    assert study.best().number == 1
    assert numbers(study.feasible) == [1, 2]
    assert numbers(study.complete) == [0, 1, 2]


def test_a_limit_below_zero_is_no_limit_for_what_was_not_measured():
    assert numbers(review(row(0, 1.0), constraints={"val/loss": -1.0}).feasible) == [0]


@pytest.mark.parametrize("costs", [1, 2, 3])
def test_a_front_is_what_no_other_point_beats(costs):
    """Each point against each other one, of few values, so that many are equal."""
    draw = random.Random(costs)
    for count in (0, 1, 2, 40, 40, 40):
        points = [[draw.randint(0, 4) for _ in range(costs)] for _ in range(count)]

        def beats(a, b, points=points):
            no_worse = all(x <= y for x, y in zip(points[a], points[b], strict=True))
            return no_worse and (points[a] != points[b] or a < b)

        kept = [i for i in range(count) if not any(beats(j, i) for j in range(count) if j != i)]
        assert front(points) == sorted(kept, key=lambda i: points[i])


def test_the_front_is_found_once_and_kept_from_callers(monkeypatch):
    study = points((4, 1), (2, 4), (1, 5))
    study.pareto().clear()
    monkeypatch.setattr("elman.search.results.review.front", None)
    assert numbers(study.pareto()) == [2, 1, 0]
    study.ranked().clear()
    assert study.best().number == 2


def test_the_front():
    """By hand: (1, 5), (2, 3) and (4, 1) beat all others; (2, 4) is beaten by (2, 3), (5, 1) by (4, 1)."""
    study = points((4, 1), (2, 4), (1, 5), (5, 1), (2, 3), (6, 6))
    assert numbers(study.pareto()) == [2, 4, 0]


def test_the_front_of_a_figure_that_is_maximised():
    """Loss down, accuracy up: (1, 0.5) and (2, 0.9) stay; (3, 0.9) and (2, 0.6) do not."""
    study = points((3, 0.9), (2, 0.9), (2, 0.6), (1, 0.5), objectives={LOSS: "minimize", COST: "maximize"})
    assert numbers(study.pareto()) == [3, 1]
    assert numbers(points((1, 1), (2, 2), objectives={LOSS: "maximize", COST: "maximize"}).pareto()) == [1]


def test_of_equal_points_the_front_has_the_first():
    assert numbers(points((1, 1), (1, 1), (1, 1)).pareto()) == [0]


def test_the_front_leaves_out_what_is_above_a_limit_or_lacks_an_objective():
    study = points((1, 1), (2, 2), constraints={"cost/seconds": 10.0})
    first = replace(study.trials[0], constrained={"cost/seconds": 11.0})
    half = row(2, 0.1)
    assert numbers(replace(study, trials=(first, study.trials[1], half)).pareto()) == [1]


def test_the_front_of_one_objective_is_the_best():
    study = review(row(0, 2.0), row(1, 1.0), row(2, 1.0))
    assert study.pareto() == [study.best()]


def test_figures_are_found_wherever_they_are():
    trial = TrialRow(
        number=0,
        state="complete",
        values={},
        objectives={"a": 1.0},
        constrained={"a": 2.0, "b": 3.0},
        costs={"c": 4.0, "d": float("nan")},
    )
    assert [trial.metric(name) for name in "abcde"] == [1.0, 3.0, 4.0, None, None]
    assert trial.measured("b") == 3.0
    with pytest.raises(KeyError, match="trial 0 has no d"):
        trial.measured("d")


def test_counts():
    assert review(row(0, 1.0), row(1, 1.0, "pruned"), row(2, 2.0)).counts() == {
        "complete": 2,
        "pruned": 1,
        "failed": 0,
        "running": 0,
        "waiting": 0,
    }


@pytest.mark.parametrize("several", [False, True])
def test_json_there_and_back(several):
    study = realistic(several=several)
    again = Review.from_json(study.to_json())
    assert again == study
    assert list(again.objectives) == list(study.objectives)  # the first one is the one that counts


def test_choices_keep_their_kind_in_json():
    kinds = Choices(values={1: 1, 2.5: 2.5, "1": "one", False: False})
    study = review(
        row(0, 1.0, values={"x": "1"}), dimensions=[Dimension(target="a.x", label="x", values=kinds)]
    )
    again = Review.from_json(study.to_json())
    assert list(again.dimensions[0].values.values.items()) == [
        (1, 1),
        (2.5, 2.5),
        ("1", "one"),
        (False, False),
    ]
    assert again == study


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"dimensions": [], "trials": [{}]}', "3"])
def test_something_else_is_refused(text):
    with pytest.raises(ValueError, match="this is no review of a study"):
        Review.from_json(text)


def test_a_key_that_is_not_known_is_refused():
    given = json.loads(review().to_json())
    with pytest.raises(ValueError, match="this is no review of a study"):
        Review.from_json(json.dumps({**given, "more": 1}))


@pytest.mark.parametrize("objectives", [{}, {LOSS: "down"}])
def test_objectives_are_checked(objectives):
    with pytest.raises(ValueError, match="objectives"):
        Review(name="", question="", command="", experiment="", dimensions=(), objectives=objectives)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (
            {"state": "done"},
            "trial 0: state must be one of waiting, running, complete, pruned, failed, got 'done'",
        ),
        ({"number": "first"}, "trial 'first': number must be a number, got 'first'"),
        ({"time_steps": "many"}, "trial 0: time_steps must be a number, got 'many'"),
        ({"seconds": "long"}, "trial 0: seconds must be a number, got 'long'"),
        ({"objectives": {LOSS: "low"}}, f"trial 0: objectives.{LOSS} must be a number, got 'low'"),
        ({"costs": {"cost/seconds": None}}, "trial 0: costs.cost/seconds must be a number, got None"),
        ({"curve": {"100": "1.5"}}, "trial 0: curve.100 must be a number, got '1.5'"),
        ({"run_id": 5}, "trial 0: run_id must be a text, got 5"),
    ],
)
def test_a_trial_of_another_kind_is_refused_by_name(change, named):
    given = json.loads(review(row(0, 1.0)).to_json())
    given["trials"][0].update(change)
    with pytest.raises(ValueError, match=re.escape(named)):
        Review.from_json(json.dumps(given))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"hours": "two"}, "the study: hours must be a number, got 'two'"),
        ({"constraints": {"cost/seconds": "few"}}, "constraints.cost/seconds must be a number, got 'few'"),
        ({"name": 3}, "the study: name must be a text, got 3"),
    ],
)
def test_a_study_of_another_kind_is_refused_by_name(change, named):
    given = json.loads(review(row(0, 1.0)).to_json()) | change
    with pytest.raises(ValueError, match=re.escape(named)):
        Review.from_json(json.dumps(given))
