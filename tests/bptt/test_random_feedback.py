"""Errors that travel back to units by fixed random weights, not by those of the readout."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from elman.batch import SequenceBatch, whole
from elman.bptt import EProp
from elman.bptt.eprop import Feedback
from elman.cores import GRU, LSTM, Elman
from elman.errors import BadInput
from elman.tasks import SequenceTask, SquaredError

ROWS, STEPS, FEATURES, HIDDEN, VALUES = 3, 6, 2, 5, 3


def made_task(core: type, *, feedback: Feedback, seed: int = 0, **options: object) -> SequenceTask:
    torch.manual_seed(1)
    return SequenceTask(
        input_size=FEATURES,
        output_size=VALUES,
        token_ids=False,
        core=lambda size: core(size, hidden_size=HIDDEN, **options),
        bptt=EProp(feedback=feedback, seed=seed),
        loss=SquaredError(),
    ).double()


def made_batch() -> SequenceBatch:
    torch.manual_seed(2)
    scored = torch.rand(ROWS, STEPS) < 0.7
    shape = (ROWS, STEPS)
    return whole(torch.randn(*shape, FEATURES).double(), torch.randn(*shape, VALUES).double(), scored=scored)


def gradients(task: SequenceTask, batch: SequenceBatch) -> dict[str, torch.Tensor]:
    task.zero_grad(set_to_none=True)
    for update in task.bptt.losses(
        task.objective, batch, task.bptt.first_state(task.network.core.initial_carry(ROWS))
    ):
        if update.loss is not None:
            update.loss.backward()
    return {name: p.grad for name, p in task.network.named_parameters()}


def reading_by(task: SequenceTask, weight: torch.Tensor, batch: SequenceBatch) -> SequenceBatch:
    """Give a task this readout, and the batch targets with which it has the errors it had before."""
    out, _ = task.network.core(batch.x, task.network.core.initial_carry(ROWS))
    before = task.network.readout(out)
    task.network.readout.weight = nn.Parameter(weight)
    return batch._replace(y=(batch.y + task.network.readout(out) - before).detach())


@pytest.mark.parametrize("core", [Elman, GRU, LSTM])
def test_they_take_the_place_of_the_readouts(core: type) -> None:
    """The core's gradient is that of a network that reads by them and is as wrong."""
    batch, task = made_batch(), made_task(core, feedback="random", seed=3)
    found = gradients(task, batch)
    (random,) = task.bptt.feedback_weights(task.network.readout.weight, [HIDDEN])
    own = gradients(made_task(core, feedback="symmetric"), batch)
    other = made_task(core, feedback="symmetric")
    expected = gradients(other, reading_by(other, random.clone(), batch))
    for name, gradient in found.items():
        wanted = own if name.startswith("readout") else expected
        torch.testing.assert_close(gradient, wanted[name], rtol=1e-10, atol=1e-12)
        if not name.startswith("readout"):
            assert not torch.allclose(gradient, own[name])


def test_every_layer_is_told_by_weights_of_its_own() -> None:
    """The lower layer's gradient does not pass through the upper one."""
    batch, task = made_batch(), made_task(Elman, feedback="random", layers=2)
    found = gradients(task, batch)
    below, above = task.bptt.feedback_weights(task.network.readout.weight, [HIDDEN, HIDDEN])
    assert not torch.equal(below, above)
    core = task.network.core
    single = made_task(Elman, feedback="symmetric")
    for name, weight in single.network.core.named_parameters():
        weight.data = dict(core.named_parameters())[name].data
    out, _ = core(batch.x, core.initial_carry(ROWS))
    said = task.network.readout(out)
    low, _ = single.network.core(batch.x, single.network.core.initial_carry(ROWS))
    single.network.readout.weight = nn.Parameter(below.clone())
    as_wrong = batch._replace(y=(single.network.readout(low) - said + batch.y).detach())
    expected = gradients(single, as_wrong)
    for name in expected:
        if name.startswith("core"):
            torch.testing.assert_close(found[name], expected[name], rtol=1e-10, atol=1e-12)


def test_they_follow_from_the_seed() -> None:
    like = torch.zeros(1, dtype=torch.float64)
    shape = {"outputs": 4}
    one, two = EProp(feedback="random", seed=5), EProp(feedback="random", seed=5)
    torch.rand(3)
    weight = like.new_zeros(shape["outputs"], 8)
    for first, second in zip(*(b.feedback_weights(weight, [8, 3]) for b in (one, two)), strict=True):
        assert torch.equal(first, second)
    (other,) = EProp(feedback="random", seed=6).feedback_weights(weight, [8])
    assert not torch.equal(other, one.feedback_weights(weight, [8])[0])
    assert other.abs().max() <= 8**-0.5
    (single,) = one.feedback_weights(weight.float(), [8])  # of a network whose precision has changed
    assert single.dtype == torch.float32


def test_what_is_no_feedback_is_refused() -> None:
    with pytest.raises(ValueError, match=r"feedback must be 'symmetric' or 'random', got 'randum'"):
        EProp(feedback="randum")


class NoSlopes(SquaredError):  # noqa: N818  (a loss)
    def slopes(self, out: torch.Tensor, y: torch.Tensor) -> None:
        return None


def test_a_loss_without_slopes_is_refused_by_name() -> None:
    task = made_task(Elman, feedback="random")
    task.objective.loss = NoSlopes()
    with pytest.raises(BadInput, match=r"feedback=random .* feedback: symmetric"):
        gradients(task, made_batch())
