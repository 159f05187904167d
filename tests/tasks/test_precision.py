"""Arithmetic in bfloat16 under autocast, on a CPU."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from pytorch_lightning.plugins import MixedPrecision
from task_toys import Loader, cut, fit, make_task, make_trainer, stream, truncated, weights

from elman.batch import SequenceBatch
from elman.bptt import Full, Truncated
from elman.cores import LSTM
from elman.tasks import CrossEntropy, SquaredError

adam = partial(torch.optim.Adam, lr=0.05)  # moves weights by more than bfloat16 rounds


def single(batch: SequenceBatch) -> SequenceBatch:
    return batch._replace(x=batch.x.float(), y=batch.y.float())


def make_mixed(bptt, **options):
    return make_task(bptt=bptt, optimizer=adam, hidden=16, **options).float()


class Caching(MixedPrecision):
    """Autocast as torch does it unless told otherwise: a weight is cast once in the life of the context."""

    def __init__(self) -> None:
        super().__init__("bf16-mixed", "cpu")

    def autocast_context_manager(self) -> torch.autocast:
        return torch.autocast("cpu", dtype=torch.bfloat16)


@pytest.mark.parametrize("caching", [False, True])
def test_every_window_of_a_batch_reads_the_weights_of_its_time(caching: bool) -> None:
    """Four windows in one batch are the same four updates as in four batches."""
    (batch,) = map(single, stream(12))
    runs = []
    for batches in ([batch], cut(batch, 3, 3, 3, 3)):
        task = make_mixed(truncated(3))
        fit(task, batches, **({"plugins": [Caching()]} if caching else {"precision": "bf16-mixed"}))
        assert task.updates.made == 4
        runs.append(weights(task))
    assert torch.equal(*runs)


def test_arithmetic_is_mixed_and_the_carry_is_not() -> None:
    """Products round to bfloat16 (so results differ from single precision), carries stay in float32."""
    (batch,) = map(single, stream(9))
    single_run, mixed = make_mixed(truncated(3)), make_mixed(truncated(3))
    kinds = set()
    mixed.network.core.register_forward_hook(
        lambda core, given, said: kinds.update(leaf.dtype for leaf in said[1])
    )
    fit(single_run, [batch])
    fit(mixed, [batch], precision="bf16-mixed")
    assert kinds == {torch.float32}
    assert weights(mixed).dtype == torch.float32
    assert float((weights(single_run) - weights(mixed)).abs().max()) > 0


def test_it_learns() -> None:
    (batch,) = map(single, stream(8))
    task = make_mixed(Truncated(k1=4, k2=8), core=partial(LSTM, hidden_size=32))

    def loss() -> float:
        with torch.no_grad():
            return float(task.objective(batch, task.network.core.initial_carry(len(batch.x)))[0])

    before = loss()
    fit(task, [batch] * 30, precision="bf16-mixed")
    assert loss() < 0.5 * before


def test_full_is_close_to_single_precision() -> None:
    (batch,) = map(single, stream(9))
    a, b = (make_task(bptt=Full(), hidden=16).float() for _ in range(2))
    fit(a, [batch])
    fit(b, [batch], precision="bf16-mixed")
    start = weights(make_task(bptt=Full(), hidden=16).float())
    moved, expected = weights(b) - start, weights(a) - start
    assert float((moved - expected).norm()) < 0.02 * float(expected.norm())  # bfloat16 holds 8 bits


@pytest.mark.parametrize("kind", ["values", "classes"])
def test_metrics_of_mixed_outputs_are_not_rounded(kind: str) -> None:
    """Outputs are bfloat16, which tells 10.4 from 10.3 at best; their errors are summed in wide numbers."""
    batches = [single(batch) for batch in stream(9, 7)]
    if kind == "classes":
        batches = [b._replace(y=(b.y[..., 0] * 100).long().abs() % 5) for b in batches]
    else:
        batches = [b._replace(y=b.y * 3 + 1) for b in batches]
    task = make_mixed(Full(), window=4, loss=SquaredError() if kind == "values" else CrossEntropy())
    said = []
    task.network.readout.register_forward_hook(lambda module, given, out: said.append(out))
    trainer = make_trainer(precision="bf16-mixed")
    trainer.validate(task, Loader(batches), verbose=False)
    assert {out.dtype for out in said} == {torch.bfloat16}
    out = torch.cat(said, 1).double().flatten(0, 1)
    y = torch.cat([b.y for b in batches], 1).flatten(0, 1)
    if kind == "values":
        expected, name = (out - y.double()).square().mean(), "val/mse"
    else:
        expected, name = -out.log_softmax(-1)[range(len(y)), y].mean(), "val/nats_per_step"
    assert float(trainer.callback_metrics[name]) == pytest.approx(float(expected), rel=1e-6)  # float32 inputs
