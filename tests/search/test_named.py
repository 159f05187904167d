"""Which trial is named: planted studies whose truth is known, and cases written by hand."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from study_toys import COST, LOSS, review, row

from elman.search.results.answer import answer, headline
from elman.search.results.belief import belief, points_of
from elman.search.results.confirming import next_confirmations
from elman.search.results.named import named
from elman.search.results.noise_model import posterior
from elman.search.results.review import Review

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
from conclusions import Planted, named_ones

pytestmark = pytest.mark.usefixtures("strict")
BOTH = {LOSS: "minimize", COST: "minimize"}


def test_planted_truths():
    """The same 32 studies each time; `benchmarks/conclusions.py` has the figures of hundreds."""
    found, inside = named_ones(32, trials=40, runs=25)
    best, guess, measured = (judged.mean(0) for judged in found.values())
    assert guess[0] >= best[0] - 0.05
    assert guess[1] > best[1] + 0.1
    assert measured[0] >= 0.93
    assert measured[2] >= max(0.8, best[2] + 0.15)
    assert inside >= 0.85


def test_a_gaussian_process_against_the_closed_form():
    """Two points that lie together are one, measured twice: the noise of their mean is 1 / sqrt(2)."""
    x = np.array([[0.0], [1.0], [1.0001]])
    found = posterior(x, np.array([1.0, 0.0, 0.2]), noise=0.1)
    assert found.mean[1] == pytest.approx(found.mean[2], abs=1e-2)  # one point, twice
    assert 0.0 < found.mean[1] < 0.2
    assert found.covariance[1, 1] == pytest.approx(0.1**2 / 2, rel=0.1)
    assert found.noise == 0.1
    assert found.within(0.1)[1:] == pytest.approx([1, 1], abs=1e-3)
    assert found.within(0.1)[0] < 1e-3


def study(*, trials=16, confirmations=(), **more):
    """Values of cost 1 to 4; all of cost 2 and more are equal but for a little."""
    rows = []
    for n in range(trials):
        cost = 1.0 + n % 4
        value = (0.5 if cost == 1 else 0.1) + 0.001 * (n * 7 % 5)
        values = {"k1": 10 + n, "k2/k1": int(cost), "k2": (10 + n) * int(cost), "layers": 1 + n % 2}
        rows.append(row(n, objectives={LOSS: value, COST: cost}, values=values))
    return review(*rows, objectives=BOTH, confirmations=tuple(confirmations), **more)


def again(number, confirms, value, state="complete"):
    return row(number, objectives={LOSS: value, COST: 1.0}, confirms=confirms, seed=number, state=state)


def test_the_cheapest_of_equals_is_guessed_and_the_best_stands_beside_it():
    found = named(study())
    assert (found.how, found.trial.objectives[COST]) == ("guessed", 2.0)
    text = answer(study())
    assert f"(trial {found.trial.number}), at 2.0 core steps a time step: of 16 trials" in text
    assert "the cheapest that is likely as good as the best, guessed from the trials, not measured." in text
    assert headline(study())[0] in text


def test_too_few_trials_are_only_observed():
    found = named(study(trials=8))
    assert (found.how, found.trial) == ("observed", study(trials=8).best())


def test_at_chance_level_the_best_is_observed_and_said_to_be_at_chance():
    found = study(chance={LOSS: 0.1})
    assert named(found).how == "observed"
    assert "That is at chance level: what has learned nothing reaches 0.1." in answer(found)
    assert "chance" not in answer(study(chance={LOSS: 1.0}))


def test_those_that_did_not_learn_are_no_noise():
    assert {point.trial.objectives[COST] for point in points_of(study(chance={LOSS: 0.55}))} == {
        2.0,
        3.0,
        4.0,
    }
    assert len(points_of(study())) == 16


def test_the_same_run_once_more_is_no_repeat():
    """Same values and seed are the same bits; another seed is a run more of the point."""
    once = study()
    more = [replace(once.trials[1], number=20), replace(once.trials[2], number=21, seed=7)]
    points = {p.trial.number: p.runs for p in points_of(replace(once, trials=(*once.trials, *more)))}
    assert (points[1], points[2], 20 in points, 21 in points) == (1, 2, False, False)


def test_repeats_measure_and_their_interval_is_of_fresh_runs_alone():
    first = named(study()).trial.number
    runs = [again(20 + i, first, v) for i, v in enumerate((0.2, 0.21, 0.19))]
    found = named(study(confirmations=runs, confirm_runs=3))
    assert (found.how, found.trial.number, found.learned, found.runs) == ("measured", first, 3, 3)
    assert found.value == pytest.approx(0.2)
    assert found.noise == pytest.approx(0.01)
    half = 4.302653 * 0.01 / 3**0.5  # t of 2 degrees of freedom
    assert found.interval == pytest.approx((0.2 - half, 0.2 + half), rel=1e-4)
    text = answer(study(confirmations=runs, confirm_runs=3))
    assert "val/bits_per_step 0.2 over 3 new seeds (95 % interval 0.1752 to 0.2248)" in text
    assert "Best observed" not in text


def test_until_all_have_ended_it_is_a_guess():
    runs = [again(20 + i, 1, v) for i, v in enumerate((0.1, 0.11))]
    found = study(confirmations=[*runs, again(22, 1, 0.1, "running")], confirm_runs=3)
    assert named(found).how == "guessed"
    assert "2 of 3 confirming runs have ended." in answer(found)


def test_a_seed_that_does_not_learn_counts_first():
    """Trial 1 is the cheapest of equals, but two of its three seeds stay at chance."""
    bad = [again(20, 1, 0.1), again(21, 1, 0.55), again(22, 1, 0.54)]
    good = [again(23 + i, n, 0.1 + 0.001 * i) for i, n in enumerate((2, 2, 2, 3, 3, 3))]
    found = named(study(confirmations=[*bad, *good], confirm_runs=9, chance={LOSS: 0.55}))
    assert found.trial.number != 1
    assert (found.learned, found.runs) == (3, 3)
    text = answer(study(confirmations=bad, confirm_runs=3, chance={LOSS: 0.55}))
    assert "over 3 new seeds, of which 1 learned" in text


def test_longer_confirmations_are_compared_among_themselves():
    """Four times the budget halves the values; what was not repeated is moved by as much."""
    runs = [again(20 + i, n, 0.05 + 0.001 * (i % 3)) for i, n in enumerate((1, 1, 1, 2, 2, 2, 3, 3, 3))]
    found = belief(study(confirmations=runs, confirm_runs=9, confirm_budget=4.0))
    values = {point.trial.number: point.value for point in found.points}
    assert max(values[n] for n in (1, 2, 3, 5, 6, 7)) < 0.06


def test_runs_are_asked_for_in_rounds_and_a_stopped_round_is_completed():
    planted = Planted("step", 0.03, trials=40, seed=3)
    asked = next_confirmations(planted.review, runs=25)
    top = [point.trial.number for point in points_of(planted.review)[:3]]
    assert asked == [n for n in top for _ in range(3)]
    done = planted.confirmed(25)
    assert len(done.confirmations) == 25
    assert len({run.seed for run in done.confirmations}) == 25
    assert next_confirmations(done, runs=25) is None
    for kept in (4, 9, 11, 14, 23):
        part = replace(done, confirmations=done.confirmations[:kept])
        expected = [run.confirms for run in done.confirmations[kept:]]
        wanted = next_confirmations(part, runs=25)
        assert wanted == expected[: len(wanted)]
        assert wanted
    running = replace(done.confirmations[8], state="running")
    waiting = replace(done, confirmations=(*done.confirmations[:8], running))
    assert next_confirmations(waiting, runs=25) == []
    assert next_confirmations(replace(done, confirmations=done.confirmations[:9]), runs=10) != []
    assert len(next_confirmations(replace(done, confirmations=done.confirmations[:9]), runs=10)) == 1


def test_a_last_value_that_is_much_worse_is_marked():
    once = study(trials=4)
    once.trials[3].curve.update({100: 0.1, 200: 0.4})
    assert "Its last validation was much worse: 0.4." in answer(once)
    once.trials[3].curve[200] = 0.104
    assert "much worse" not in answer(once)


def test_confirmations_survive_being_written():
    once = study(confirmations=[again(20, 1, 0.1)], confirm_runs=1, confirm_budget=4.0, chance={LOSS: 1.0})
    assert Review.from_json(once.to_json()) == once
