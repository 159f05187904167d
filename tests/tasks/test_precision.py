"""Arithmetic in bfloat16 under autocast, on a CPU."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from pytorch_lightning.plugins import MixedPrecision
from task_toys import cut, fit, make_task, stream, truncated, weights

from elman.batch import SequenceBatch
from elman.bptt import Full, Truncated
from elman.cores import LSTM

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
