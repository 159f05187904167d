"""Sums over scored steps, and the figures made of them."""

from __future__ import annotations

from math import log

import pytest
import torch
from task_toys import Seen, fit, make_task, stream, truncated

from elman.batch import whole
from elman.tasks import BinaryCrossEntropy, CrossEntropy, SequenceLoss, SquaredError
from elman.tasks.loss import SequenceLoss as Base

LOSSES = [CrossEntropy(), BinaryCrossEntropy(), SquaredError()]


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
    with torch.no_grad():
        loss, squares = SquaredError().sums(out[None], y[None])
    assert (float(loss), squares.tolist()) == (7.0, [1.0, 13.0])  # (1 + 0, 9 + 4)


def test_root_in_units_of_the_data() -> None:
    figures = SquaredError().metrics(0.25, torch.tensor([0.25]), torch.tensor([40.0]))
    assert figures == {"mse": 0.25, "rmse": 20.0}
    assert SquaredError().metrics(1.0, torch.tensor([4.0, 9.0]))["rmse_1"] == 3.0


def test_classes_weigh_alike() -> None:
    """Targets 0, 0, 0, 1 said to be even: each class is half of the loss."""
    loss = CrossEntropy(balance=True)
    loss.weigh(torch.tensor([3, 1]))
    assert loss.weights is not None
    out = torch.zeros(4, 2, dtype=torch.float64, requires_grad=True)
    total, _ = loss.sums(out, torch.tensor([0, 0, 0, 1]))
    assert float(total) == pytest.approx(4 * log(2), rel=1e-12)
    (gradient,) = torch.autograd.grad(total, out)
    assert gradient.sum(0).tolist() == pytest.approx([0.0, 0.0], abs=1e-12)  # both pull alike
    unknown = CrossEntropy(balance=True)
    unknown.weigh(None)  # enough to predict with
    with pytest.raises(ValueError, match="does not count"):
        unknown.sums(out, torch.tensor([0, 0, 0, 1]))


def test_smoothed_labels_in_training_alone() -> None:
    out, y = torch.tensor([[2.0, 0.0]], dtype=torch.float64), torch.tensor([0])
    smooth, plain = CrossEntropy(label_smoothing=0.2), CrossEntropy()
    likely, unlikely = float(plain.sums(out, y)[0]), float(plain.sums(out, 1 - y)[0])
    assert float(smooth.sums(out, y)[0]) == pytest.approx(0.9 * likely + 0.1 * unlikely, rel=1e-12)
    with torch.no_grad():
        assert float(smooth.sums(out, y)[0]) == pytest.approx(likely, rel=1e-12)


def test_answers_of_yes_or_no() -> None:
    """Two keys at even odds cost 2 ln 2 a step."""
    loss, _ = BinaryCrossEntropy().sums(torch.zeros(3, 2), torch.ones(3, 2))
    assert float(loss) == pytest.approx(6 * log(2))
    with pytest.raises(ValueError, match="use CrossEntropy"):
        BinaryCrossEntropy().sums(torch.zeros(3, 2), torch.zeros(3, dtype=torch.int64))


def test_figures() -> None:
    assert CrossEntropy().metrics(log(2), None) == {"nats_per_step": log(2), "bits_per_step": 1.0}
    assert CrossEntropy().metrics(3 * log(2), torch.tensor(0.25))["accuracy"] == 0.25
    assert CrossEntropy().metrics(3 * log(2), torch.tensor(0.25))["bits_per_step"] == pytest.approx(3)
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
        out = task.network.predict(batch.x, task.network.core.initial_carry(len(batch.x)))[0]
    fit(task, [batch], logger=seen)
    ((_, figures),) = seen.points
    assert figures["train/mse"] == pytest.approx(float((out - batch.y).square().mean()), rel=1e-12)
    assert figures["train/updates"] == 2


def targets(loss: SequenceLoss, out: torch.Tensor) -> torch.Tensor:
    if isinstance(loss, CrossEntropy):
        return torch.randint(0, out.shape[-1], out.shape[:-1])
    return torch.rand_like(out)


def other_classes() -> list[SequenceLoss]:
    """Classes that are weighed, smoothed, and both."""
    losses = [CrossEntropy(balance=b, label_smoothing=s) for b, s in ((True, 0.0), (False, 0.2), (True, 0.3))]
    for loss in losses:
        loss.weigh(torch.tensor([1, 2, 0, 4, 9]))
    return losses


@pytest.mark.parametrize("loss", [*LOSSES, *other_classes()], ids=lambda loss: type(loss).__name__)
def test_slopes_are_autograd_s(loss: SequenceLoss) -> None:
    out = torch.randn(4, 3, 5, dtype=torch.float64, requires_grad=True)
    y = targets(loss, out.detach())
    total, _ = loss.sums(out, y)
    (wanted,) = torch.autograd.grad(total, out)
    with torch.no_grad():
        slopes = loss.slopes(out, y)
    assert loss.knows_slopes
    assert slopes is not None
    torch.testing.assert_close(slopes[0], total.detach(), rtol=1e-13, atol=0)
    torch.testing.assert_close(slopes[1], wanted, rtol=1e-12, atol=1e-14)


class Twofold(SquaredError):  # noqa: N818  (a loss)
    def sums(self, out: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        loss, tally = super().sums(out, y)
        return 2 * loss, tally


def doubled_by_a_hook(module: torch.nn.Module, given: tuple, out: torch.Tensor) -> torch.Tensor:
    return 2 * out


@pytest.mark.parametrize("what", ["plain", "some scored", "other sums", "hook", "dropout", "frozen bias"])
def test_gradient_of_the_readout(what: str) -> None:
    """By hand or by autograd, whatever stands between the core's outputs and the loss."""
    task = make_task(loss=Twofold() if what == "other sums" else SquaredError(), output_size=2).double()
    readout, objective = task.network.readout, task.objective
    if what == "hook":
        readout.register_forward_hook(doubled_by_a_hook)
    if what == "dropout":
        readout.dropout = 0.5
    if what == "frozen bias":
        readout.bias.requires_grad_(False)
        objective.after_core = [readout.weight]
    scored = torch.rand(3, 4) < (0.5 if what == "some scored" else 1.0)
    batch = whole(torch.zeros(3, 4, 1), torch.randn(3, 4, 2, dtype=torch.float64), scored=scored)
    out = torch.randn(3, 4, readout.in_features, dtype=torch.float64, requires_grad=True)
    torch.manual_seed(3)
    loss = objective.readout_loss(out, batch)
    wanted = torch.autograd.grad(loss, [out, *objective.after_core])
    torch.manual_seed(3)
    found, by_out, learned, errors = objective.readout_gradient(out.detach(), batch)
    torch.testing.assert_close(found, loss.detach(), rtol=1e-13, atol=0)
    assert [weight for weight, _ in learned] == objective.after_core
    for value, want in zip([by_out, *(value for _, value in learned)], wanted, strict=True):
        torch.testing.assert_close(value, want, rtol=1e-12, atol=1e-14)
    assert bool(by_out[~scored].eq(0).all())
    if errors is not None:
        torch.testing.assert_close(errors @ readout.weight, by_out, rtol=1e-12, atol=1e-14)
    assert (errors is None) == (what in ("hook", "dropout", "other sums"))
