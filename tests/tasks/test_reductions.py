"""What processes that train together send each other: one sum an update, and a few numbers a batch."""

from __future__ import annotations

import pytest
import pytorch_lightning as pl
from task_toys import fit, make_task, stream

from elman.bptt import Full, Truncated
from elman.tasks.gradient import Flags

STEPS = 12


class AsOneOfTwo(pl.Callback):
    """The task takes itself for one of two processes; what it would send is counted."""

    def on_fit_start(self, trainer: pl.Trainer, task: pl.LightningModule) -> None:
        task._ranks = 2


@pytest.mark.parametrize(
    ("bptt", "updates"),
    [(Truncated(k1=3, k2=6), STEPS // 3), (Full(), 1)],
    ids=["truncated", "full"],
)
def test_one_sum_an_update(bptt, updates: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """And one that says that nobody works any more; of few numbers, two a batch for its sizes and one a
    report for what each process gets through."""
    sent: list[int] = []
    count = lambda tensor, *_: sent.append(tensor.numel() * tensor.element_size())  # noqa: E731
    monkeypatch.setattr("torch.distributed.all_reduce", count)
    monkeypatch.setattr("torch.distributed.get_rank", lambda: 0)
    monkeypatch.setattr("torch.distributed.get_world_size", lambda: 2)
    task = make_task(bptt=bptt)
    fit(task, stream(STEPS, STEPS), callbacks=[AsOneOfTwo()])
    gradient = 8 * (len(Flags._fields) + sum(p.numel() for p in task.parameters()))
    few = [size for size in sent if size < gradient]
    assert sent.count(gradient) == 2 * (updates + 1)
    assert len(few) == 2 * 2 + 1
    assert max(few) <= 8 * 8
    assert task.updates.made == 2 * updates
