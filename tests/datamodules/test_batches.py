"""The loader under Lightning: what a checkpoint remembers of it."""

import psutil
import pytest
import pytorch_lightning as pl
import torch
from forked import in_a_child

from datamodules.batches import Batches
from datamodules.synthetic import Echo
from elman.batch import whole
from elman.errors import BadInput


class Recorder(pl.LightningModule):
    """Trains nothing and notes what it is given."""

    def __init__(self):
        super().__init__()
        self.automatic_optimization = False
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.seen = []

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)

    def training_step(self, batch, batch_idx):
        self.seen.append(batch.x.clone())


class SaveAfterFour(pl.Callback):
    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx):
        if batch_idx == 3:
            trainer.save_checkpoint(f"{trainer.default_root_dir}/four.ckpt")


def fit(folder, ckpt_path=None):
    """The x of the batches that a training of seven batches sees."""
    model = Recorder()
    trainer = pl.Trainer(
        default_root_dir=folder,
        accelerator="cpu",
        max_epochs=1,
        limit_train_batches=7,
        limit_val_batches=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[SaveAfterFour()],
    )
    data = Echo(lag=2, steps=4, batch_size=3, batches_per_sequence=3, val_batches=3)
    trainer.fit(model, datamodule=data, ckpt_path=ckpt_path)
    return torch.stack(model.seen)


@pytest.mark.filterwarnings("ignore:.*val_dataloader:", "ignore:.*LeafSpec:")
def test_resume_hands_out_the_next_batch(tmp_path):
    whole = fit(tmp_path)
    rest = fit(tmp_path, ckpt_path=tmp_path / "four.ckpt")
    assert len(whole) == 7
    assert torch.equal(rest, whole[4:])


def test_iterated_anew_an_endless_loader_goes_on_and_a_finite_one_starts_over():
    endless, finite = Batches(lambda index: index), Batches(lambda index: index, length=3)
    assert [next(iter(endless)) for _ in range(3)] == [0, 1, 2]
    assert [next(iter(finite)) for _ in range(3)] == [0, 0, 0]
    assert list(finite) == [0, 1, 2]


@pytest.mark.parametrize("state", [{}, {"index": -1}, {"index": "3"}])
def test_a_position_of_something_else(state):
    with pytest.raises(BadInput, match="count of batches"):
        Batches(lambda index: index).load_state_dict(state)


def test_a_bad_batch_is_told_in_its_turn():
    """Batches are made several in a row; those before the bad one are handed out first."""

    def batch(index):
        if index == 3:
            raise BadInput("three")
        return index

    loader = Batches(batch)
    upcoming = iter(loader)
    assert [next(upcoming) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(BadInput, match="three"):
        next(upcoming)
    assert loader.index == 3


@pytest.mark.parametrize("rows", [2, 5000])
def test_a_worker_hands_over_every_bit(rows):
    """Small tensors come through a pipe, large ones through shared memory."""
    x = torch.linspace(-1, 1, 6 * rows).reshape(rows, 3, 2)
    context = (x.flatten(1).double(), torch.arange(rows))
    expected = whole(x, torch.arange(3 * rows).reshape(rows, 3))._replace(context=context, is_last=False)
    (found,) = Batches(lambda index: expected, length=1, workers=1)
    assert type(found) is type(expected)
    for one, other in zip((*found[:5], *found.context), (*expected[:5], *context), strict=True):
        assert one.dtype == other.dtype
        assert torch.equal(one, other)
    assert found.is_last is False


@pytest.mark.parametrize("fault", [BadInput("batch 3 is bad"), ZeroDivisionError("batch 3 is bad")])
def test_what_is_made_ahead_fails_in_its_turn(fault):
    asked, good = [], whole(torch.zeros(1, 2, 1), None)

    def batch(index):
        asked.append(index)
        if index == 3:
            raise fault
        return good

    loader = Batches(batch)
    batches = iter(loader)
    assert [next(batches) for _ in range(3)] == [good] * 3
    with pytest.raises(type(fault), match="batch 3 is bad"):
        next(batches)
    assert loader.index == 3
    assert asked == [0, 1, 2, 3]  # a fault that comes once is not asked for again


def test_workers_end_with_the_process_that_they_read_for():
    """With the pipe to it full, in which torch's own check waits for ever."""
    batch = whole(torch.zeros(1, 15_000, 1), torch.zeros(1, 15_000, 1))
    reading = []

    def read():
        reading.append(iter(Batches(lambda index: batch, workers=2)))
        next(reading[0])

    with in_a_child(read) as child:
        workers = psutil.Process(child).children()
        assert len(workers) == 2
    _, left = psutil.wait_procs(workers, timeout=20)
    for worker in left:
        worker.kill()
    assert left == []
