"""The answer in plain words, held to sentences written by hand."""

import random
from dataclasses import replace

import pytest
from study_toys import COST, K1, LAYERS, LOSS, LR, RATIO, realistic, review, row

from elman.search.results.answer import answer, lead
from elman.search.results.importance import importance
from elman.search.space.space import Choices, Dimension, Range

WINNER = {"k1": 20, "k2/k1": 3, "k2": 60, "layers": 2, "lr": 0.0031}


def test_which_windows_and_depth_and_what_they_cost():
    study = review(
        row(3, 1.9239, values={**WINNER, "k1": 10, "k2": 30}),
        row(17, 1.9119, values=WINNER, costs={COST: 3.0}, seconds=41.3),
        row(18, 2.5, "pruned", values=WINNER),
        row(19, None, "failed"),
    )
    first, second = answer(study).split("\n\n")
    assert first == (
        "Best of 4 trials: val/bits_per_step 1.912 with k1=20, k2=60, layers=2, lr=0.0031 (trial 17), "
        "at 3.0 core steps a time step and 41 s."
    )
    assert second == "The runner-up, trial 3, is 0.012 behind, with k1=10, k2=30, layers=2, lr=0.0031."


def test_when_maximised_the_largest_is_best():
    study = review(row(0, 0.6), row(1, 0.9), row(2, 0.8), objectives={LOSS: "maximize"})
    assert answer(study).startswith("Best of 3 trials: val/bits_per_step 0.9 (trial 1).")
    assert "The runner-up, trial 2, is 0.1 behind." in answer(study)


def test_equal_ones_are_called_so():
    assert "The runner-up, trial 1, is as good." in answer(review(row(0, 1.0), row(1, 1.0)))
    assert "No other trial came to its end" in answer(review(row(0, 1.0), row(1, 1.0, "pruned")))


def test_while_trials_run():
    study = review(row(0, 1.0), row(1, 1.1, "running"), row(2, None, "waiting"))
    first, second, *_ = answer(study).split("\n\n")
    assert first == "So far, the budget being 24 trials: 1 complete, 1 running, 1 waiting."
    assert second.startswith("Best of 1 trial: ")
    assert lead([first, second]) == 1


def test_before_any_trial_has_ended():
    running = row(4, 2.5, "running", values=WINNER, time_steps=200_000)
    study = review(row(3, 2.75, "pruned", time_steps=100), running)
    assert answer(study).split("\n\n")[-1] == (
        "No trial has come to its end yet. Best seen: val/bits_per_step 2.5 in trial 4 (running) after "
        "200,000 time steps, with k1=20, k2=60, layers=2, lr=0.0031."
    )
    assert "0.7 in trial 1" in answer(
        review(row(0, 0.5, "running"), row(1, 0.7, "running"), objectives={LOSS: "maximize"})
    )
    assert answer(review()) == "No trial has begun yet."
    assert answer(review(row(0, None, "running"))).endswith("No trial has been validated yet.")


def test_when_all_failed():
    study = review(row(0, None, "failed", why="lr must be\npositive"), row(1, None, "failed"))
    assert (
        answer(study) == "No trial has come to its end, 2 trials failed. The first one: lr must be positive"
    )


def test_when_none_keeps_the_limits():
    study = review(
        row(0, 1.0, constrained={"cost/peak_memory_mib": 900.0}),
        row(1, 1.5, constrained={"cost/peak_memory_mib": 700.0}, values=WINNER),
        constraints={"cost/peak_memory_mib": 500.0},
    )
    assert answer(study) == (
        "No complete trial keeps the limits (cost/peak_memory_mib <= 500). Nearest is trial 1 with "
        "cost/peak_memory_mib 700 at k1=20, k2=60, layers=2, lr=0.0031."
    )


def test_a_limit_is_counted():
    study = review(
        row(0, 1.0, constrained={"cost/seconds": 9.0}),
        row(1, 1.5, constrained={"cost/seconds": 1.0}),
        constraints={"cost/seconds": 5.0},
    )
    assert answer(study).startswith("Best of 2 trials (1 above a limit): val/bits_per_step 1.5 ")


TENS = Dimension(target="a", label="k1", values=Choices(values={1: 1, 10: 10, 40: 40}))


@pytest.mark.parametrize(
    ("dimension", "value", "expected"),
    [
        (K1, 80, "k1=80 is the largest that was tried"),
        (K1, 5, "k1=5 is the smallest that was tried"),
        (K1, 79, None),
        (LAYERS, 4, "layers=4 is the largest that was tried"),
        (LAYERS, 1, None),  # less than one layer there is not
        (RATIO, 6, "k2/k1=6 is the largest that was tried"),
        (RATIO, 1, None),
        (LR, 0.0095, "lr=0.0095 is close to the largest, 0.01"),
        (LR, 0.01, "lr=0.01 is the largest that was tried"),
        (LR, 1.05e-4, "lr=0.000105 is close to the smallest, 0.0001"),
        (LR, 0.005, None),
        (TENS, 40, "k1=40 is the largest"),
        (TENS, 10, None),
        (Dimension(target="a", label="k1", values=Choices(values={10: 10, 40: 40})), 40, None),
        (Dimension(target="a", label="core", values=Choices(values={"a": 1, "b": 2, "c": 3})), "c", None),
        (Dimension(target="a", label="k1", values=Range(low=7, high=7, integer=True)), 7, None),
    ],
)
def test_edges(dimension, value, expected):
    """Trial 0 is far better than twelve away from the edge."""
    middle = {"k1": 10, "layers": 2, "k2/k1": 3, "lr": 0.001, "core": "b"}[dimension.label]
    away = [row(n, 2.0 + n / 1000, values={dimension.label: middle, "other": n}) for n in range(1, 14)]
    study = review(row(0, 1.0, values={dimension.label: value}), *away, dimensions=[dimension])
    assert ("lies at an edge" in answer(study)) is (expected is not None)
    if expected:
        assert expected in answer(study)


def test_an_edge_within_the_noise_says_nothing():
    draw = random.Random(0)
    trials = [row(n, 1.0 + draw.gauss(0, 0.1), values={"k1": 5 + 5 * n}) for n in range(16)]
    assert max(trial.values["k1"] for trial in trials) == 80
    best = min(trials, key=lambda trial: trial.objectives[LOSS])
    best.values["k1"], trials[-1].values["k1"] = 80, best.values["k1"]
    assert "edge" not in answer(review(*trials, dimensions=[K1]))
    assert "edge" not in answer(review(row(0, 1.0, values={"k1": 80}), dimensions=[K1]))  # noise is unknown


def front(*pairs):
    trials = [
        row(n, objectives=dict(zip((LOSS, COST), pair, strict=True)), values={"k1": 10 + n})
        for n, pair in enumerate(pairs)
    ]
    return review(*trials, objectives={LOSS: "minimize", COST: "minimize"})


def test_several_objectives_have_a_front():
    assert answer(front((1, 5), (2, 2), (5, 1), (6, 6))) == (
        "Of 4 trials 3 are beaten by no other in val/bits_per_step and cost/core_steps_per_step:\n"
        "- best val/bits_per_step, trial 0: val/bits_per_step 1, cost/core_steps_per_step 5 with k1=10\n"
        "- the knee, trial 1: val/bits_per_step 2, cost/core_steps_per_step 2 with k1=11\n"
        "- trial 2: val/bits_per_step 5, cost/core_steps_per_step 1 with k1=12"
    )


def test_without_a_front_the_best_of_the_first_objective_is_named():
    study = review(row(0, 1.0), row(1, 2.0), objectives={LOSS: "minimize", COST: "minimize"})
    assert answer(study).startswith("Best of 2 trials: val/bits_per_step 1 (trial 0).")


def test_a_long_front_is_shortened_but_has_its_ends_and_its_knee():
    pairs = [(n, 40 - n) for n in range(41)]
    pairs[3] = (3, 4)
    text = answer(front(*pairs[:4], *[(n, 4 - n / 100) for n in range(4, 41)]))
    lines = [line for line in text.split("\n") if line.startswith("- ")]
    assert "trial 0:" in lines[0]
    assert "the knee, trial 3:" in text
    assert any("trial 40:" in line for line in lines)
    assert lines[-1] == f"- and {41 - (len(lines) - 1)} between them"


def test_the_cheaper_one_is_named():
    """Trial 1 is at the knee of value against core steps, trial 0 is the best."""
    trials = [row(n, v, costs={COST: c}) for n, (v, c) in enumerate([(1.0, 6.0), (1.1, 2.0), (2.0, 1.0)])]
    assert "Cheaper: trial 1 reaches 1.1 at 2.0 core steps a time step; beyond it" in answer(review(*trials))


def test_what_decided_is_named_with_its_doubt():
    study = realistic(80, running=False)
    found = importance(study)
    first = found.shares[0]
    assert f"{first.label} decided most ({first.share:.2f} of the variance, first in " in answer(study)
    assert f"noise and interplay {found.rest:.2f}." in answer(study)
    assert "decided" not in answer(realistic())


def test_a_study_read_again_has_the_same_answer():
    study = realistic(several=True)
    assert answer(type(study).from_json(study.to_json())) == answer(replace(study))
