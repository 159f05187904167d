"""Sums over scored steps, and the figures made of them."""

from __future__ import annotations

from math import log

import pytest
import torch
from task_toys import Seen, fit, make_task, stream, truncated

from elman.tasks import CrossEntropy, SequenceLoss, SquaredError
from elman.tasks.loss import SequenceLoss as Base

LOSSES = [CrossEntropy(), SquaredError()]


def test_no_loss_is_left_out() -> None:
    import elman.tasks

    public = {c for c in vars(elman.tasks).values() if isinstance(c, type) and issubclass(c, Base)}
    assert {type(loss) for loss in LOSSES} == public - {SequenceLoss}


def test_cross_entropy_by_hand() -> None:
    """Probabilities 1/4, 3/4 and 1/2, 1/2: -ln(3/4) - ln(1/2), one of two right."""
    out = torch.tensor([[1.0, 3.0], [1.0, 1.0]], dtype=torch.float64).log()
    with torch.no_grad():
        loss, right = CrossEntropy().sums(out, torch.tensor([1, 1]))
    assert float(loss) == pytest.approx(-log(3 / 4) - log(1 / 2), rel=1e-14)
    assert int(right) == 1
    assert CrossEntropy().prediction(out[None]).tolist() == [[1, 0]]


def test_squared_error_by_hand() -> None:
    """(1 + 9)/2 + (0 + 4)/2 = 7."""
    out, y = torch.tensor([[1.0, 5.0], [2.0, 0.0]]), torch.tensor([[0.0, 2.0], [2.0, 2.0]])
    loss, right = SquaredError().sums(out, y)
    assert (float(loss), right) == (7.0, None)
    assert SquaredError().prediction(out) is out


def test_figures() -> None:
    assert CrossEntropy().metrics(log(2), None) == {"nats_per_step": log(2), "bits_per_step": 1.0}
    assert CrossEntropy().metrics(3 * log(2), 0.25)["accuracy"] == 0.25
    assert CrossEntropy().metrics(3 * log(2), 0.25)["bits_per_step"] == pytest.approx(3)
    assert SquaredError().metrics(0.5, None) == {"mse": 0.5}


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__)
def test_what_is_monitored_is_a_figure(loss: SequenceLoss) -> None:
    assert loss.monitored in loss.metrics(1.0, None)


def test_targets_of_the_other_kind_are_refused() -> None:
    with pytest.raises(ValueError, match="use SquaredError"):
        CrossEntropy().sums(torch.zeros(3, 4), torch.zeros(3, 4))
    with pytest.raises(ValueError, match="use CrossEntropy"):
        SquaredError().sums(torch.zeros(3, 1), torch.zeros(3))


def test_training_figures_are_sums_over_counts() -> None:
    """Windows of 7 and 3 steps under weights that stand still: the mean over steps, not of means."""
    (batch,) = stream(10)
    task, seen = make_task(bptt=truncated(7)), Seen()
    task.optimizer_factory = lambda parameters: torch.optim.SGD(parameters, lr=0.0)
    with torch.no_grad():
        out = task.predict(batch.x, task.core.initial_carry(len(batch.x)))[0]
    fit(task, [batch], logger=seen)
    ((_, figures),) = seen.points
    assert figures["train/mse"] == pytest.approx(float((out - batch.y).square().mean()), rel=1e-12)
    assert figures["train/updates"] == 2
