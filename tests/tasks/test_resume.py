"""Half a run, a file, and the other half are bitwise the run that never stopped."""

from __future__ import annotations

import random
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from strategy_toys import RandomReach
from task_toys import ROWS, Seen, fit, make_task, stream, weights

from elman.bptt import BackpropThroughTime, Checkpointed, Full, Split, Truncated
from elman.cores import LSTM
from elman.errors import BadInput
from elman.tasks import Cosine, SequenceTask
from elman.tasks.random_state import restore_random, saved_random
from elman.tasks.saved_state import restored_state, saved_state

CUTS = (5, 4, 7, 3, 6, 4, 5, 8)


class Drawing(Truncated):
    """From outside: a window length drawn anew in every batch, by a generator of its own."""

    def __init__(self) -> None:
        super().__init__(k1=2, k2=3)
        self.generator = torch.Generator().manual_seed(0)

    def losses(self, objective, batch, state):
        self.k1 = int(torch.randint(1, 4, (1,), generator=self.generator))
        return super().losses(objective, batch, state)

    def state_dict(self):
        return {"generator": self.generator.get_state(), "k1": self.k1}

    def load_state_dict(self, saved):
        self.generator.set_state(saved["generator"])
        self.k1 = saved["k1"]


def resumable(bptt: BackpropThroughTime, **options) -> SequenceTask:
    task = make_task(
        bptt=bptt,
        core=partial(LSTM, hidden_size=4, layers=2, dropout=0.2),
        readout_dropout=0.2,
        optimizer=partial(torch.optim.Adam, lr=0.01),
        schedule=Cosine(warmup=2),
        clip=0.5,
        log_every=4,
        **options,
    )
    task.max_time_steps = 50 * ROWS
    return task


def halves(make, folder: Path, batches, **options) -> tuple[SequenceTask, SequenceTask, Seen, Seen]:
    """The task of a whole run, that of two halves, and what each told the logger."""
    whole_run, first, second, seen, seen_apart = make(), make(), make(), Seen(), Seen()
    middle = len(batches) // 2
    torch.manual_seed(3)
    fit(whole_run, batches, logger=seen, **options)
    torch.manual_seed(3)
    # The report at the end of training is for a run that ends; a run that is killed writes none.
    first.on_train_end = lambda: None
    trainer = fit(first, batches[:middle], logger=seen_apart, **options)
    path = folder / "half.ckpt"
    trainer.save_checkpoint(path)
    torch.manual_seed(99)
    fit(second, batches[middle:], checkpoint=path, max_epochs=2, logger=seen_apart, **options)
    return whole_run, second, seen, seen_apart


def without_clock(seen: Seen) -> list[tuple[int, dict[str, float]]]:
    clock = {"train/steps_per_second", "train/update_ms", "train/waiting_share"}
    return [(step, {k: v for k, v in point.items() if k not in clock}) for step, point in seen.points]


@pytest.mark.parametrize(
    "make",
    [
        lambda: resumable(Truncated(k1=2, k2=5)),
        lambda: resumable(Truncated(k1=4, k2=4), accumulate=2),
        lambda: resumable(Truncated(k1=4, k2=9), accumulate="batch", normaliser="scored"),
        lambda: resumable(Split(k=4)),
        lambda: resumable(Full(), accumulate=3),
        lambda: resumable(Checkpointed(window=2)),
        lambda: resumable(Drawing()),
        lambda: resumable(RandomReach(k1=2, longest=6)),
    ],
    ids=["truncated", "joined", "batch", "split", "full", "checkpointed", "drawing", "random"],
)
def test_a_run_in_two_halves(make, tmp_path: Path) -> None:
    uncut, resumed, seen, seen_apart = halves(make, tmp_path, stream(*CUTS))
    assert torch.equal(weights(resumed), weights(uncut))
    assert (resumed.time_steps, resumed.updates.made) == (uncut.time_steps, uncut.updates.made)
    assert without_clock(seen_apart) == without_clock(seen)


def test_what_the_file_holds(tmp_path: Path) -> None:
    """Steps that wait, a gradient that waits, a row that is to begin anew: all there and all plain."""
    batches = stream(5, 6, 4, 5)
    batches[1].x[2, 2] = float("nan")
    uncut, resumed, *_ = halves(lambda: resumable(Truncated(k1=2, k2=7), accumulate=2), tmp_path, batches)
    assert torch.equal(weights(resumed), weights(uncut))
    assert resumed.train_state.restarted_rows == uncut.train_state.restarted_rows == 1
    saved = torch.load(tmp_path / "half.ckpt", weights_only=True)["elman"]
    (_, past, waiting), (restart,) = saved["states"][0], saved["restarts"]
    assert waiting == 1
    assert [list(piece[0]["value"].shape) for piece in past] == [[ROWS, 6, 2]]  # from step 12 - 7 on
    assert restart.tolist() == [False, False, True]
    assert saved["updates"]["accumulator"]["updates"] == 1
    assert saved["updates"]["total"].shape == weights(uncut).shape
    assert saved["time_steps"] == 11 * ROWS


def test_padding_that_is_not_finite_restarts_nobody() -> None:
    """Kept steps may hold targets that were never known; only what is scored has to be finite."""
    batches = stream(6, 6)
    for batch in batches:
        batch.scored[1, 3:] = False
        batch.y[1, 3:] = float("nan")
    task = make_task(bptt=Truncated(k1=2, k2=4))
    fit(task, [batches[0]._replace(is_last=False), batches[1]])
    assert (task.train_state.restarted_rows, task.updates.skipped) == (0, 0)


def test_a_file_holds_only_the_steps_that_are_kept(tmp_path: Path) -> None:
    """Kept steps are views of their batch; the batch does not come along."""
    sizes = []
    for steps in (20, 2_000):
        task = make_task(bptt=Truncated(k1=steps - 2, k2=steps - 2))
        batch = stream(steps)[0]._replace(is_last=False)
        trainer = fit(task, [batch])
        path = tmp_path / f"{steps}.ckpt"
        trainer.save_checkpoint(path)
        sizes.append(path.stat().st_size)
    assert sizes[1] < sizes[0] + 5_000


def test_a_file_of_two_processes_is_refused_by_one(tmp_path: Path) -> None:
    path = tmp_path / "two.ckpt"
    fit(make_task(), stream(3)).save_checkpoint(path)
    checkpoint = torch.load(path, weights_only=True)
    checkpoint["elman"]["states"] *= 2
    torch.save(checkpoint, path)
    with pytest.raises(BadInput, match=r"written by 2 processes .* cannot go on with 1"):
        fit(make_task(), stream(3), checkpoint=path, max_epochs=2)


def test_random_generators_come_back() -> None:
    saved = saved_random()
    drawn = [(torch.rand(2).tolist(), np.random.rand(2).tolist(), random.random()) for _ in range(2)]
    restore_random(saved)
    assert (torch.rand(2).tolist(), np.random.rand(2).tolist(), random.random()) == drawn[0]


def test_a_state_goes_back_to_where_it_lived() -> None:
    """Plain tuples; what lived on a device returns to one, masks and lengths stay on the host."""
    kept = {"value": torch.ones(2), "on_device": True}
    saved = (kept, (saved_state(torch.tensor([True])), 3))
    carry, (mask, count) = restored_state(saved, torch.device("meta"))
    assert (carry.device.type, mask.device.type, mask.tolist(), count) == ("meta", "cpu", [True], 3)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_on_a_gpu_the_state_goes_back_to_it(tmp_path: Path) -> None:
    """Lightning reads files to the host: carries and kept inputs return to the device, masks stay."""
    uncut, resumed, *_ = halves(
        lambda: resumable(Truncated(k1=2, k2=5), accumulate=2),
        tmp_path,
        stream(*CUTS),
        accelerator="gpu",
        devices=1,
    )
    torch.testing.assert_close(weights(resumed), weights(uncut), rtol=0, atol=1e-12)
