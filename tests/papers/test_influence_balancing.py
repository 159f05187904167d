"""One parameter whose influence changes its sign with the length of the look-back: exact, by strategy."""

from __future__ import annotations

from fractions import Fraction
from functools import partial

import pytest
import torch
from task_toys import fit

from elman.batch import SequenceBatch
from elman.bptt import RTRL, Adaptive, BackpropThroughTime, Full, Randomised, Truncated
from elman.tasks import SequenceTask, SquaredError
from elman.tasks.network import Network
from experiments.papers.influence_balancing.balancing import OPTIMUM, Chain, Ones, batch, slopes

UNITS = 23


def step(s: list, theta) -> list:
    """One step of the system, as the paper writes it."""
    pairs = zip(s, [*s[1:], 0], strict=True)
    return [(a + b) / 2 + (theta if unit < 10 else -theta) for unit, (a, b) in enumerate(pairs)]


def influences(longest: int) -> list[Fraction]:
    """ds_1/dtheta through 1, 2, ... steps: the system is linear, so it is s_1 from 0 by theta = 1."""
    s, found = [Fraction(0)] * UNITS, []
    for _ in range(longest):
        s = step(s, Fraction(1))
        found.append(s[0])
    return found


INFLUENCE = influences(120)


def ones(steps: int, *, every: int) -> SequenceBatch:
    found = batch(steps, every=every, is_first=True, is_last=True)
    return found._replace(x=found.x.double(), y=found.y.double())


def task(bptt: BackpropThroughTime, *, start: float = 0.5, lr: float = 1.0) -> SequenceTask:
    return SequenceTask(
        input_size=1,
        output_size=1,
        token_ids=False,
        core=partial(Chain, start=start),
        bptt=bptt,
        loss=SquaredError(),
        optimizer=partial(torch.optim.SGD, lr=lr),
        clip=None,
    ).double()


def trained(learner: SequenceTask, steps: int, *, every: int = 1) -> float:
    fit(learner, [ones(steps, every=every)])
    return float(learner.network.core.theta)


def test_influence_by_length():
    exact = INFLUENCE
    assert slopes(120).tolist() == pytest.approx([float(value) for value in exact], rel=1e-12)
    assert exact[0] == 1
    assert exact[9] == 10
    assert float(max(exact)) == pytest.approx(16.476, abs=5e-4)
    assert exact.index(max(exact)) + 1 == 19
    assert float(exact[39]) == pytest.approx(0.57, abs=5e-3)
    assert [value > 0 for value in exact] == [True] * 40 + [False] * 80
    assert float(exact[45]) < -3 < float(exact[44])  # half of the limit
    assert float(exact[119]) == pytest.approx(-6, abs=1e-5)


def test_forward_is_the_system():
    learner, s = task(Full(), start=0.25).network, [1.0] * UNITS
    carry, outs = learner.core.initial_carry(1), []
    for length in (3, 1, 7):
        out, carry = learner.predict(torch.zeros(1, length, 1, dtype=torch.float64), carry)
        outs += out.flatten().tolist()
    for number in range(11):
        s = step(s, 0.25)
        assert outs[number] == pytest.approx(s[0], rel=1e-12)
    assert carry[0].flatten().tolist() == pytest.approx(s, rel=1e-12)


@pytest.mark.parametrize("window", [1, 10, 19, 40, 41, 46, 100])
def test_the_sign_of_a_truncated_gradient(window):
    """The update after two windows: its gradient is 2 (s_1 - 1) ds_1/dtheta through the second one alone."""
    gradient = 0.5 - trained(task(Truncated(k1=window, k2=window)), 2 * window, every=2 * window)
    s = [1.0] * UNITS
    for _ in range(2 * window):
        s = step(s, 0.5)
    assert gradient == pytest.approx(2 * (s[0] - 1) * float(INFLUENCE[window - 1]), rel=1e-9)
    whole = 2 * (s[0] - 1) * -6
    assert (gradient * whole > 0) == (window >= 41)


@pytest.mark.parametrize(
    ("bptt", "right"),
    [
        (Truncated(k1=40, k2=40), False),
        (Truncated(k1=41, k2=41), True),
        (Randomised(k=1, length=16, longest=1000), True),
        (RTRL(), True),
    ],
    ids=["40", "41", "randomised", "rtrl"],
)
def test_credit_says_so(bptt, right):
    """The pairs of a last loss, weighed by the matrix: segments of 16 steps on average see all."""
    window = getattr(bptt, "k2", None)
    steps = 5 * (window or 40)
    credit = bptt.credit_matrix(steps)[-1].double()
    pairs = slopes(steps).diff(prepend=torch.zeros(1, dtype=torch.float64))  # by lag, from 0 on
    slope = float((credit.flip(0) * pairs).sum())
    assert slope == pytest.approx(float(INFLUENCE[window - 1]) if window else -6, rel=1e-9)
    assert (slope < 0) is right


def test_rtrl_is_exact():
    full, forward = (trained(task(bptt), 60) for bptt in (Full(), RTRL(k1=60)))
    assert forward == pytest.approx(full, rel=1e-12)
    assert full != 0.5


@pytest.mark.parametrize(("window", "moves"), [(10, 1), (40, 1), (41, -1), (46, -1), (100, -1)])
def test_which_way_training_goes(window, moves):
    """40 updates at the rate of the recipe, against the same by hand."""
    lr, theta, s = 5e-5, 0.5, [1.0] * UNITS
    for _ in range(40):
        for _ in range(window):
            s = step(s, theta)
        theta -= lr * 2 * (s[0] - 1) * float(INFLUENCE[window - 1])
    found = trained(task(Truncated(k1=window, k2=window), lr=lr), 40 * window, every=window)
    assert found == pytest.approx(theta, rel=1e-12)
    assert (found - 0.5) * moves > 0


def test_the_estimate_of_the_bias_reaches_beyond_40():
    learner = task(Adaptive(lr_power=0))
    trained(learner, 200)
    assert learner.bptt.metrics()["k1"] == 47


def test_theta_alone_is_learned():
    learner = task(Full())
    assert learner.objective.parameters == [learner.network.core.theta]
    out = torch.randn(3, 1, dtype=torch.float64)
    assert torch.equal(learner.network.readout(out), out)
    with pytest.raises(
        ValueError, match="outputs are the predictions, 1 a step, but this data has 2 classes"
    ):
        Network(input_size=1, output_size=2, token_ids=False, core=Chain)


def test_the_optimum():
    """Long after the start, s_1 is -6 theta: what validation scores is 6 times the distance."""
    for theta in (OPTIMUM, 0.25):
        learner = task(Full(), start=theta)
        (val,) = list(Ones().val_dataloader())
        out, _ = learner.network.predict(val.x.double(), learner.network.core.initial_carry(1))
        assert out[0, -1].item() - 1 == pytest.approx(-6 * (theta - OPTIMUM), abs=1e-6)


def test_a_stream_in_batches():
    loader = Ones(every=3, losses=4, batches=2).train_dataloader()
    first, second, again = (loader.batch(index) for index in range(3))
    assert first.scored.tolist() == [[False, False, True] * 2]
    assert [(bool(b.begins[0, 0]), b.is_last) for b in (first, second, again)] == [
        (True, False),
        (False, True),
        (True, False),
    ]
    with pytest.raises(ValueError, match="losses must be a multiple of batches=30, got losses=40"):
        Ones(losses=40)
