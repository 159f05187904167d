"""How far a curriculum is depends on what training has come to, and on nothing else."""

import math

import pytest
import pytorch_lightning as pl
import torch
from task_toys import make_trainer, weights

from datamodules.synthetic import CopyCurriculum
from elman.bptt import Full
from elman.cores import Elman
from elman.tasks import CrossEntropy, SequenceTask


def learner():
    torch.manual_seed(0)
    return SequenceTask(
        input_size=3, output_size=2, token_ids=True, core=Elman, bptt=Full(), log_every=3, window=4
    ).double()


class Losses(pl.Callback):
    """The mean loss of every batch, by the weights that it found; the batches; the length after each."""

    def __init__(self):
        self.found, self.steps, self.lengths = [], [], []

    def on_train_batch_start(self, trainer, task, batch, batch_idx):
        out, _ = task.network.predict(batch.x, task.network.core.initial_carry(len(batch.x)))
        total, _ = CrossEntropy().sums(out[batch.scored].detach(), batch.y[batch.scored])
        self.found.append(float(total) / int(batch.scored.sum()))
        self.steps.append(batch.steps)

    def on_train_batch_end(self, trainer, task, *_):
        self.lengths.append(trainer.datamodule.length)


def trained(task, data, batches, *callbacks, checkpoint=None):
    trainer = make_trainer(
        max_epochs=-1, max_steps=batches, callbacks=list(callbacks), val_check_interval=10**6
    )
    trainer.fit(task, datamodule=data, ckpt_path=checkpoint, weights_only=True)
    return trainer


def test_by_definition():
    data = CopyCurriculum(batch_size=3)
    data.length = 9
    counts = set()
    for index in range(60):
        batch = data.train_dataloader().batch(index)
        count = batch.steps // 2
        counts.add(count)
        assert batch.x[:, count:].tolist() == [[2] * count] * 3
        assert torch.equal(batch.y[:, count:], batch.x[:, :count])
        assert batch.scored.tolist() == [[False] * count + [True] * count] * 3
    assert counts == {4, 5, 6, 7, 8, 9}
    data.length = 3
    assert {data.train_dataloader().batch(i).steps for i in range(60)} == {2, 4, 6}
    data.length = 99
    assert {batch.steps for batch in CopyCurriculum(val_length=2).val_dataloader()} == {2, 4}


def test_it_grows_by_the_loss_of_the_batch():
    """Losses are those of the weights before the update, and decide what the next batch may be."""
    data, losses = CopyCurriculum(mastered=0.97, batch_size=4), Losses()
    trained(learner(), data, 60, losses)
    grown = [1 + sum(nats < 0.97 * math.log(2) for nats in losses.found[: n + 1]) for n in range(60)]
    assert losses.lengths == grown
    assert 5 < grown[-1] < 60
    expected = CopyCurriculum(batch_size=4)
    for index, steps in enumerate(losses.steps):
        expected.length = 1 if index == 0 else grown[index - 1]
        assert expected.train_dataloader().batch(index).steps == steps
    assert data.train_dataloader().metrics() == {"length": grown[-1]}


def test_half_a_run_and_the_other_half_are_the_whole(tmp_path):
    whole, first, second = (CopyCurriculum(mastered=0.97, batch_size=4) for _ in range(3))
    reference, stopped, gone_on = learner(), learner(), learner()
    trained(reference, whole, 40)
    trained(stopped, first, 20).save_checkpoint(tmp_path / "half.ckpt")
    assert first.length > 1
    losses = Losses()
    trained(gone_on, second, 40, losses, checkpoint=tmp_path / "half.ckpt")
    assert len(losses.found) == 20
    assert second.length == whole.length > first.length
    assert torch.equal(weights(gone_on), weights(reference))


def test_bad_arguments():
    with pytest.raises(ValueError, match="mastered counts bits and must be positive, got mastered=0"):
        CopyCurriculum(mastered=0)
