"""Context encoders: what they compute, and that the first window's gradient reaches all of them."""

from __future__ import annotations

import pytest
import torch

import elman.inputs
from elman.batch import SequenceBatch, at_first_step
from elman.bptt import Checkpointed, Full, Truncated
from elman.cores import GRU, LSTM, FeedForward
from elman.inputs import ContextEncoder, Dense, FirstCarry, Recurrent
from elman.tasks import SequenceTask

B, T, F, S = 3, 7, 4, 5
ENCODERS = {
    Dense: lambda n: Dense(n, hidden_size=6, layers=2),
    Recurrent: lambda n: Recurrent(n, core=small_gru),
}


def small_gru(inputs):
    return GRU(inputs, hidden_size=6)


def context_of(kind):
    torch.manual_seed(3)
    if kind is Dense:
        return torch.randn(B, F, dtype=torch.float64)
    return torch.randn(B, S, F, dtype=torch.float64), torch.tensor([5, 2, 4])


def batch_of(context):
    torch.manual_seed(4)
    ids = torch.randint(0, 9, (B, T + 1))
    lengths = torch.tensor([7, 3, 6])
    return SequenceBatch(
        x=ids[:, :-1],
        y=ids[:, 1:],
        scored=torch.arange(T) < lengths[:, None],
        lengths=lengths,
        begins=at_first_step(torch.ones(B, dtype=torch.bool), T),
        context=context,
    )


def task_of(kind, core=LSTM):
    torch.manual_seed(5)
    return SequenceTask(
        input_size=9,
        output_size=9,
        token_ids=True,
        context_size=F,
        core=lambda n: core(n, hidden_size=8, layers=2),
        context_encoder=ENCODERS[kind],
    ).double()


def gradients(task, bptt, batch):
    task.zero_grad()
    state = bptt.first_state(task.network.core.initial_carry(B))
    for update in bptt.losses(task.objective, batch, state):
        if update.loss is not None:
            update.loss.backward()
    return {name: p.grad.clone() for name, p in task.named_parameters() if p.grad is not None}


def test_no_encoder_is_left_out():
    public = {getattr(elman.inputs, name) for name in elman.inputs.__all__}
    kinds = {c for c in public if isinstance(c, type) and issubclass(c, ContextEncoder)}
    assert kinds - {ContextEncoder} == set(ENCODERS)


@pytest.mark.parametrize("kind", ENCODERS)
@pytest.mark.parametrize("core", [LSTM, GRU])
def test_gradient_of_the_encoder_is_that_of_finite_differences(kind, core):
    task, batch = task_of(kind, core), batch_of(context_of(kind))
    found = gradients(task, Full(), batch)
    for name, parameter in task.network.begins.named_parameters(prefix="network.begins"):
        flat, index = parameter.data.view(-1), 1 % parameter.numel()
        losses = []
        for change in (1e-6, -2e-6):
            flat[index] += change
            losses.append(float(task.objective(batch, task.network.core.initial_carry(B))[0]))
        flat[index] += 1e-6
        difference = (losses[0] - losses[1]) / 2e-6
        assert float(found[name].view(-1)[index]) == pytest.approx(difference, rel=1e-4, abs=1e-7)
        # central differences of a sum of 16 losses near 2 leave 1e-8 or so of rounding


@pytest.mark.parametrize("kind", ENCODERS)
def test_no_strategy_cuts_the_encoder(kind):
    """Exact strategies give Full's gradient; a truncated one that of the losses in its first window."""
    task, batch = task_of(kind), batch_of(context_of(kind))
    full = gradients(task, Full(), batch)
    for bptt in (Checkpointed(window=3), Truncated(k1=T, k2=T)):
        for name, gradient in gradients(task, bptt, batch).items():
            torch.testing.assert_close(gradient, full[name], rtol=1e-10, atol=1e-12)
    k = 2
    early = batch._replace(scored=batch.scored & (torch.arange(T) < k))
    expected, cut = gradients(task, Full(), early), gradients(task, Truncated(k1=k, k2=k), batch)
    for name in (n for n in full if n.startswith("begins")):
        assert expected[name].abs().max() > 0
        torch.testing.assert_close(cut[name], expected[name], rtol=1e-10, atol=1e-12)


def test_recurrent_stops_at_each_rows_count():
    """Row 1 has 2 of 5 source steps: the other three may hold anything."""
    encoder = Recurrent(F, core=small_gru).double()
    source, counts = context_of(Recurrent)
    alone = encoder((source[1:2, :2], counts[1:2]))
    noisy = source.clone()
    noisy[1, 2:] = 1e6
    torch.testing.assert_close(encoder((noisy, counts))[1:2], alone, rtol=1e-12, atol=1e-12)


def test_what_cannot_work_is_refused():
    with pytest.raises(ValueError, match="FeedForward carries nothing"):
        FirstCarry(Dense(F), FeedForward(3))
    with pytest.raises(ValueError, match="set context_encoder"):
        SequenceTask(input_size=9, output_size=9, token_ids=True, context_size=F)
    with pytest.raises(ValueError, match="leave context_encoder out"):
        SequenceTask(input_size=9, output_size=9, token_ids=True, context_encoder=Dense)
    with pytest.raises(ValueError, match="dropout"):
        Dense(F, dropout=1.0)
    with pytest.raises(ValueError, match="pair"):
        Recurrent(F)(torch.zeros(1, F))
