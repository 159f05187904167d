"""Windows without autograd make the updates of windows with it, whatever core, loss, strategy and data."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from pairwise import pairs
from strategy_rows import name
from task_toys import FEATURES, ROWS, VALUES, Seen, cut, fit, make_task, stream, weights
from torch import Tensor

from elman.batch import SequenceBatch, whole
from elman.bptt import Adaptive, Checkpointed, Full, Jittered, Randomised, Split, Truncated, Update
from elman.bptt.strategy import Carried
from elman.cores import GRU, LSTM, SRU, Centred, Elman
from elman.errors import BadInput
from elman.tasks import BinaryCrossEntropy, CrossEntropy, SequenceTask, SquaredError
from elman.tasks.by_hand import obstacle
from elman.tree import rows

STEPS = 60
MEASURED = ("train/mse", "train/nats_per_step", "train/gradient_norm", "train/clipped_share")
CORES = {
    "elman": partial(Elman, hidden_size=4),
    "relu, scan": partial(Elman, hidden_size=3, nonlinearity="relu", layers=2, kernel="scan"),
    "gru": partial(GRU, hidden_size=3, layers=2, residual=True, dropout=0.3, kernel="native"),
    "gru, scan": partial(GRU, hidden_size=4, kernel="scan"),
    "lstm": partial(LSTM, hidden_size=3, layers=2, dropout=0.2, kernel="native"),
    "lstm, scan": partial(LSTM, hidden_size=4, kernel="scan"),
}
STRATEGIES = [
    Full(),
    Split(k=7),
    Truncated(k1=4, k2=4),
    Truncated(k1=3, k2=19),
    Truncated(k1=5, k2=12),
    Truncated(k1=2, k2=5, scored="window"),
    Jittered(k=6, least=2, most=9),
    Randomised(k=2, length=5),
    Adaptive(k=3, most=5, stretch=5),
]
OPTIONS: list[dict[str, Any]] = [
    {"optimizer": partial(torch.optim.SGD, lr=0.3)},
    {"optimizer": partial(torch.optim.Adam, lr=0.03, weight_decay=0.1), "clip": 0.05},
    {"optimizer": partial(torch.optim.SGD, lr=0.1, momentum=0.9, nesterov=True), "accumulate": 3},
    {"optimizer": partial(torch.optim.AdamW, lr=0.03), "state_clip": 0.01, "credit_decay": 0.8},
    {"optimizer": partial(torch.optim.RMSprop, lr=0.01), "readout_dropout": 0.3},
]
DATA = ["whole", "ragged", "ids", "one target"]
LOSSES = ["squared", "classes", "answers"]


def batches(data: str, loss: str) -> list[SequenceBatch]:
    """Two streams, the first over three batches, whose last ends in a step of its own."""
    torch.manual_seed(3)
    found = []
    for lengths in ((17, 2, 41), (STEPS,)):
        x: Tensor = torch.randn(ROWS, STEPS, FEATURES, dtype=torch.float64)
        if data == "ids":
            x = torch.randint(FEATURES, (ROWS, STEPS))
        y = torch.randn(ROWS, STEPS, VALUES, dtype=torch.float64)
        if loss != "squared":
            y = y.argmax(-1) if loss == "classes" else y.sigmoid()
        batch = whole(x, y)
        if data == "ragged":
            ends, at = torch.tensor([STEPS, 31, 17]), torch.arange(STEPS)
            begins = batch.begins.clone()
            begins[0, [7, 18, 40]] = True
            begins[1, 19] = True
            exist = at < ends[:, None]
            x = x.masked_fill(~exist[..., None], torch.nan)  # what does not exist is not read
            scored = exist & ((at < 20) | (at > 26))
            batch = batch._replace(x=x, scored=scored, lengths=ends, begins=begins)
        if data == "one target":
            scored = torch.zeros(ROWS, STEPS, dtype=torch.bool)
            scored[:, -1] = True
            batch = batch._replace(scored=scored)
        found += cut(batch, *lengths)
    return found


def trained(
    core: str, bptt: Any, data: str, loss: str, **options: Any
) -> tuple[SequenceTask, list[tuple[int, dict[str, float]]]]:
    classes = partial(CrossEntropy, balance=data == "ids", label_smoothing=0.2 * (data == "ragged"))
    losses = {"squared": SquaredError, "classes": classes, "answers": BinaryCrossEntropy}
    embedded = {"embedding": 3, "embedding_dropout": 0.2} if data == "ids" and core != "elman" else {}
    task = make_task(
        core=CORES[core],
        bptt=bptt,
        loss=losses[loss](),
        class_counts=torch.arange(1, VALUES + 1),
        token_ids=data == "ids",
        log_every=4,
        **embedded,
        **options,
    )
    torch.manual_seed(5)
    fit(task, batches(data, loss), logger=(seen := Seen()))
    return task, seen.points


CASES = pairs(CORES, STRATEGIES, DATA, LOSSES, OPTIONS)


@pytest.mark.parametrize(("core", "bptt", "data", "loss", "options"), CASES, ids=name)
def test_by_hand_is_by_autograd(core, bptt, data, loss, options) -> None:
    """The same weights and the same training losses; nothing is drawn in another order."""
    hand, seen = trained(core, bptt, data, loss, **options)
    auto, expected = trained(core, bptt, data, loss, gradient="autograd", **options)
    assert hand.objective.by_hand is not None
    assert auto.objective.by_hand is None
    assert hand.updates.made == auto.updates.made > 0
    torch.testing.assert_close(weights(hand), weights(auto), rtol=0, atol=1e-10)
    for (_, found), (_, wanted) in zip(seen, expected, strict=True):
        names = [name for name in wanted if name in MEASURED]
        assert len(names) >= 2
        assert [found[n] for n in names] == pytest.approx([wanted[n] for n in names], rel=1e-10)


@pytest.mark.parametrize("optimizer", [partial(torch.optim.SGD, lr=0.1), partial(torch.optim.Adam, lr=1e-2)])
@pytest.mark.parametrize("core", ["gru, scan", "lstm, scan", "elman"])
def test_two_hundred_updates_later_the_weights_are_the_same(core: str, optimizer: Any) -> None:
    """In windows of one step that look back three, over streams that go on; to 1e-10."""
    found = []
    for gradient in ("auto", "autograd"):
        options = {"gradient": gradient, "optimizer": optimizer, "clip": 0.5}
        task = make_task(core=CORES[core], bptt=Truncated(k1=1, k2=3), **options)
        fit(task, stream(70, 50, 80))
        assert task.updates.made == 200
        found.append(weights(task))
    torch.testing.assert_close(*found, rtol=0, atol=1e-10)


class Unlike(Truncated):
    """A user's: it does with losses what it likes."""

    def losses(self, *given: Any) -> Any:
        for update in super().losses(*given):
            yield update._replace(loss=2 * update.loss)


class Uncut(Full):
    """Says that it only adds, and goes on from a window that has gone backward."""

    only_adds = True

    def losses(self, objective: Any, batch: SequenceBatch, state: Any) -> Any:
        carry = state.carry
        for start in (0, 5):
            loss, carry = objective(batch.window(start, start + 5), carry)
            yield Update(loss, 5 * ROWS, Carried(tuple(leaf.detach() for leaf in carry)))


class Scaled(GRU):
    """A user's: what comes out is not what the cell makes."""

    def forward(self, *given: Any) -> Any:
        out, carry = super().forward(*given)
        return 2 * out, carry


NEED_AUTOGRAD = {
    "Scaled has a forward of its own": {"core": partial(Scaled, hidden_size=4)},
    "as model.gradient says": {"gradient": "autograd"},
    "Unlike does more with losses than add them up": {"bptt": Unlike(k1=5, k2=5)},
    "Checkpointed does more with losses": {"bptt": Checkpointed()},
    "kernel loop": {"core": partial(GRU, hidden_size=4, kernel="loop")},
    "kernel scan is the cell's own": {"core": partial(SRU, hidden_size=4)},
    "kernel fused": {"core": partial(LSTM, hidden_size=4, kernel="fused")},
    "Centred has no backward pass by hand": {"core": partial(Centred, core=GRU)},
    "what sequences begin with is learned": {"first_carry": "learned"},
    "burn_in=3": {"burn_in": 3},
    "replication=0.5": {"replication": 0.5},
}


@pytest.mark.parametrize(("why", "options"), NEED_AUTOGRAD.items(), ids=list(NEED_AUTOGRAD))
def test_what_needs_autograd_is_named(why: str, options: dict[str, Any]) -> None:
    assert why in obstacle(make_task(**options))


def test_a_hook_is_run_and_the_batches_without_it_are_by_hand() -> None:
    """What anybody puts on a module between two batches acts in the next one."""
    seen: list[str] = []

    class Listening(pl.Callback):
        def on_train_batch_start(self, trainer: Any, task: Any, batch: Any, index: int) -> None:
            if index == 1:
                self.hook = task.network.readout.register_forward_hook(lambda *_: seen.append("called"))

        def on_train_batch_end(self, trainer: Any, task: Any, out: Any, batch: Any, index: int) -> None:
            if index == 1:
                self.hook.remove()

    ran: list[int] = []
    task = make_task(bptt=Truncated(k1=5, k2=5))
    fit(task, stream(5, 10, 5), callbacks=[Listening(), Counting(ran)])
    expected = make_task(bptt=Truncated(k1=5, k2=5), gradient="autograd")
    fit(expected, stream(5, 10, 5))
    assert (len(seen), ran) == (2, [1, 0, 1])
    torch.testing.assert_close(weights(task), weights(expected), rtol=0, atol=1e-12)


class Counting(pl.Callback):
    """Windows by hand of each batch."""

    def __init__(self, ran: list[int]) -> None:
        self.ran = ran

    def on_train_batch_start(self, trainer: Any, task: Any, batch: Any, index: int) -> None:
        core, count = task.network.core.stack, len(self.ran)
        self.ran.append(0)
        by_hand = core.by_hand

        def counted() -> Any:
            layers = by_hand()

            def run(*given: Any) -> Any:
                self.ran[count] += 1
                return layers(*given)

            return run

        core.by_hand = counted

    def on_train_batch_end(self, trainer: Any, task: Any, out: Any, batch: Any, index: int) -> None:
        del task.network.core.stack.by_hand


def test_a_window_goes_backward_once() -> None:
    with pytest.raises(BadInput, match="begin it from detached"):
        fit(make_task(bptt=Uncut()), stream(10))


def test_rows_that_the_carry_does_not_have_are_refused() -> None:
    """As by autograd: a batch of other rows would read another row's memory."""
    first, second = stream(5, 5)
    fewer = rows(second, torch.arange(ROWS - 1))
    for gradient in ("auto", "autograd"):
        with pytest.raises(ValueError, match=f"carry holds {ROWS} rows but x holds {ROWS - 1}"):
            fit(make_task(bptt=Full(), gradient=gradient), [first, fewer])


def test_a_run_of_before_goes_on_by_autograd(tmp_path: Path) -> None:
    """Its checkpoint says nothing of it, and its last digits shall be the same."""
    trainer = fit(make_task(bptt=Truncated(k1=5, k2=5)), stream(5, 5))
    trainer.save_checkpoint(tmp_path / "new.ckpt")
    saved = torch.load(tmp_path / "new.ckpt", weights_only=True)
    assert saved["elman"].pop("by_hand")
    torch.save(saved, tmp_path / "old.ckpt")
    for name_of, by_hand in {"new.ckpt": True, "old.ckpt": False}.items():
        task = make_task(bptt=Truncated(k1=5, k2=5))
        fit(task, stream(5, 5), checkpoint=tmp_path / name_of, max_epochs=2)
        assert (task.objective.by_hand is not None) == by_hand
