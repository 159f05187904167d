"""Half a run, a file, and the other half are bitwise the run that never stopped."""

from __future__ import annotations

import random
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from strategy_rows import EVERY
from strategy_toys import RandomReach
from task_toys import ROWS, Seen, fit, make_task, many_to_one, stream, weights

from elman.bptt import (
    KFRTRL,
    RTRL,
    UORO,
    Adaptive,
    BackpropThroughTime,
    Checkpointed,
    DiagonalRTRL,
    EProp,
    Full,
    Jittered,
    Randomised,
    SnAp1,
    Split,
    Truncated,
)
from elman.cores import GRU, LSTM, IndRNN
from elman.cores.kernels import Choice, kernels_of
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


def resumable(bptt: BackpropThroughTime, core=None, **options) -> SequenceTask:
    dropout = 0.0 if bptt.traces else 0.2
    task = make_task(
        bptt=bptt,
        core=core or partial(LSTM, hidden_size=4, layers=2, dropout=dropout),
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


HALVED = {
    "truncated": lambda: resumable(Truncated(k1=2, k2=5)),
    "joined": lambda: resumable(Truncated(k1=4, k2=4), accumulate=2),
    "batch": lambda: resumable(Truncated(k1=4, k2=9), accumulate="batch", normaliser="scored"),
    "split": lambda: resumable(Split(k=4)),
    "full": lambda: resumable(Full(), accumulate=3),
    "checkpointed": lambda: resumable(Checkpointed(window=2)),
    "revolve": lambda: resumable(Checkpointed(schedule="revolve", window=1, slots=2)),
    "memory": lambda: resumable(Checkpointed(memory=3)),
    "adaptive": lambda: resumable(Adaptive(k=2, least=1, most=4, stretch=4, delta=0.6, every=3)),
    "rtrl": lambda: resumable(RTRL(k1=3), credit_decay=0.9),
    "snap1": lambda: resumable(SnAp1(k1=4), accumulate=2),
    "eprop": lambda: resumable(EProp()),
    "diagonal": lambda: resumable(DiagonalRTRL(k1=2), core=partial(IndRNN, hidden_size=4)),
    "uoro": lambda: resumable(UORO(k1=2)),
    "kf_rtrl": lambda: resumable(KFRTRL(), core=partial(GRU, hidden_size=4)),
    "drawing": lambda: resumable(Drawing()),
    "random": lambda: resumable(RandomReach(k1=2, longest=6)),
    "window": lambda: resumable(Truncated(k1=2, k2=5, scored="window")),
    "jittered": lambda: resumable(Jittered(k=4, spread=2, least=1)),
    "randomised": lambda: resumable(Randomised(k=2, length=6, longest=12), accumulate=2),
    "weight dropout": lambda: resumable(
        Truncated(k1=4, k2=9), partial(LSTM, hidden_size=4, layers=2, weight_dropout=0.3), accumulate=2
    ),
    "zoneout": lambda: resumable(
        Truncated(k1=4, k2=9),
        partial(LSTM, hidden_size=4, zoneout=0.3, zoneout_c=0.2, recurrent_dropout=0.3),
    ),
    "way back": lambda: resumable(Truncated(k1=2, k2=5), state_clip=0.01, credit_decay=0.9),
}


def test_no_strategy_is_left_out() -> None:
    halved = {type(make().bptt) for make in HALVED.values()}
    assert halved >= {type(bptt) for bptt in EVERY if type(bptt).__module__.startswith("elman.")}


@pytest.mark.parametrize("make", HALVED.values(), ids=HALVED)
def test_a_run_in_two_halves(make, tmp_path: Path) -> None:
    uncut, resumed, seen, seen_apart = halves(make, tmp_path, stream(*CUTS))
    assert torch.equal(weights(resumed), weights(uncut))
    assert (resumed.time_steps, resumed.updates.made) == (uncut.time_steps, uncut.updates.made)
    assert without_clock(seen_apart) == without_clock(seen)


def test_windows_that_wait_go_on_with_their_weights(tmp_path: Path) -> None:
    """Of 9 windows before the file, one waits for others."""
    uncut, resumed, seen, seen_apart = halves(
        lambda: resumable(Truncated(k1=3, k2=5), replication=0.3, accumulate=4),
        tmp_path,
        [many_to_one(7) for _ in range(6)],
    )
    assert torch.equal(weights(resumed), weights(uncut))
    assert without_clock(seen_apart) == without_clock(seen)
    assert seen.points


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
    assert [list(piece[0].shape) for piece in past] == [[ROWS, 6, 2]]  # from step 12 - 7 on
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


def test_random_generators_come_back() -> None:
    saved = saved_random()
    drawn = [(torch.rand(2).tolist(), np.random.rand(2).tolist(), random.random()) for _ in range(2)]
    restore_random(saved)
    assert (torch.rand(2).tolist(), np.random.rand(2).tolist(), random.random()) == drawn[0]


def of_before(saved):
    """As files of before have it, of a run on a CPU."""
    if isinstance(saved, torch.Tensor):
        return {"value": saved, "on_device": False}
    return tuple(map(of_before, saved)) if isinstance(saved, tuple) else saved


@pytest.mark.parametrize("change", [lambda saved: saved, of_before], ids=["now", "before"])
def test_a_state_of_a_cpu_goes_on_on_any_device(change) -> None:
    """By the role of each tensor: what decides what runs stays on the host, all else goes to the device."""
    batch = stream(5)[0]._replace(context=(torch.ones(ROWS, 3), torch.ones(ROWS)))
    bptt = Truncated(k1=2, k2=4)
    task = make_task(bptt=bptt)
    *_, update = bptt.losses(
        task.objective, batch._replace(is_last=False), bptt.first_state(task.network.core.initial_carry(ROWS))
    )
    carry, past, waiting = restored_state(change(saved_state(update.state)), torch.device("meta"))
    assert {leaf.device.type for leaf in carry} == {"meta"}
    assert waiting == 1
    (piece,) = past
    there = {
        name: part.device.type for name, part in piece._asdict().items() if isinstance(part, torch.Tensor)
    }
    assert there == {"x": "meta", "y": "meta", "scored": "cpu", "lengths": "cpu", "begins": "cpu"}
    assert {part.device.type for part in piece.context} == {"meta"}
    again = saved_state(restored_state(saved_state(update.state), torch.device("cpu")))
    assert str(again) == str(saved_state(update.state))  # saved once more before the next batch


def test_generators_of_gpus_that_are_gone(monkeypatch) -> None:
    """Saved with three GPUs, gone on with on one: that one's state comes back."""
    states = [torch.tensor([number], dtype=torch.uint8) for number in range(3)]
    found = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_rng_state_all", lambda: states[:1])
    monkeypatch.setattr(
        torch.cuda, "set_rng_state", lambda state, device: found.append((device, state.tolist()))
    )
    monkeypatch.setattr(
        torch.cuda,
        "set_rng_state_all",
        lambda given: [torch.cuda.set_rng_state(state, number) for number, state in enumerate(given)],
    )
    restore_random({**saved_random(), "cuda": states})
    assert found == [(0, [0])]


def test_double_precision_goes_on_to_the_last_digit(tmp_path: Path) -> None:
    """A task is made in single precision; Lightning widens it once it has loaded the file."""
    uncut, resumed, seen, seen_apart = halves(
        lambda: resumable(Truncated(k1=2, k2=5), accumulate=2).float(),
        tmp_path,
        stream(*CUTS),
        precision="64-true",
    )
    assert weights(uncut).dtype == torch.float64
    assert torch.equal(weights(resumed), weights(uncut))
    assert without_clock(seen_apart) == without_clock(seen)


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


@pytest.mark.parametrize("kernel", ["fused", "native", "scan", "loop"])
def test_the_other_half_runs_by_the_same_kernel(kernel: str, tmp_path: Path) -> None:
    """Whatever the recipe or a later table of the fastest says; another one would round otherwise."""
    made = iter([kernel, kernel, "auto"])

    def make() -> SequenceTask:
        return make_task(bptt=Full(), core=partial(GRU, hidden_size=4, kernel=next(made)))

    uncut, resumed, _, _ = halves(make, tmp_path, stream(*CUTS))
    assert kernels_of(resumed.network) == {"core.stack": Choice(kernel, most_cuts=1.0)}
    assert torch.equal(weights(resumed), weights(uncut))
