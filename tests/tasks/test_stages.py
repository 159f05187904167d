"""Validation, test and prediction in windows have the results of one step after the other."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from task_toys import (
    FEATURES,
    ROWS,
    Hand,
    Loader,
    Seen,
    cut,
    fit,
    make_task,
    make_trainer,
    stream,
    truncated,
    weights,
)
from torch import Tensor

from elman.batch import SequenceBatch, at_first_step, whole
from elman.bptt import Full, Split, Truncated
from elman.cores import LSTM, Core
from elman.errors import BadInput
from elman.tasks import CrossEntropy

CLASSES = 5


def classes(batches: list[SequenceBatch], seed: int = 4) -> list[SequenceBatch]:
    """The same batches with a class to tell at every step, and two thirds of them scored."""
    torch.manual_seed(seed)
    found = []
    for batch in batches:
        exists = torch.arange(batch.steps) < batch.lengths[:, None]
        y = torch.randint(CLASSES, (len(batch.x), batch.steps))
        found.append(batch._replace(y=y, scored=exists & (torch.rand(y.shape) < 0.7)))
    return found


def awkward() -> list[SequenceBatch]:
    """Rows that end early, go on after padding or begin in the middle; padding that must not matter."""
    first, second, third = stream(7, 5, 6)
    first = first._replace(lengths=torch.tensor([5, 4, 7]))
    second = second._replace(
        begins=at_first_step(torch.tensor([False, True, False]), second.steps),
        lengths=torch.tensor([5, 5, 1]),
    )
    third = third._replace(
        begins=at_first_step(torch.tensor([False, False, True]), third.steps), lengths=torch.tensor([6, 3, 2])
    )
    batches = classes([first, second, third])
    for batch in batches:
        batch.x[torch.arange(batch.steps) >= batch.lengths[:, None]] = 100.0
    return batches


def step_by_step(net: Hand, batches: list[SequenceBatch], reset_every: int | None = None) -> list[Tensor]:
    """What the network says, (B, T, O) for each batch, every row and step run alone; NaN in padding."""
    said = [torch.full((*b.x.shape[:2], net.readout.out_features), torch.nan).double() for b in batches]
    for row in range(len(batches[0].x)):
        carry, clock = None, 0
        for batch, out in zip(batches, said, strict=True):
            if batch.is_first[row]:
                carry, clock = None, 0
            for t in range(batch.steps):
                if reset_every and clock % reset_every == 0:
                    carry = None
                clock += 1
                if t < batch.lengths[row]:
                    with torch.no_grad():
                        step, carry = net(batch.x[row : row + 1, t : t + 1], carry)
                    out[row, t] = step[0, 0]
    return said


def figures(said: list[Tensor], batches: list[SequenceBatch]) -> tuple[float, float]:
    """Nats per scored step and share predicted right."""
    out = torch.cat([s[b.scored] for s, b in zip(said, batches, strict=True)])
    y = torch.cat([b.y[b.scored] for b in batches])
    return float(-out.log_softmax(-1)[range(len(y)), y].mean()), float((out.argmax(-1) == y).double().mean())


def make_classifier(**options):
    return make_task(**{"bptt": truncated(4), "loss": CrossEntropy(), **options})


def validated(task, batches: list[SequenceBatch], stage: str = "val") -> dict[str, float]:
    trainer = make_trainer()
    run = trainer.validate if stage == "val" else trainer.test
    run(task, Loader(batches), verbose=False)
    return {name: float(value) for name, value in trainer.callback_metrics.items()}


@pytest.mark.parametrize("stage", ["val", "test"])
@pytest.mark.parametrize("window", [1, 4, 5, 6, 100])
def test_windows_of_validation_do_not_show(window: int, stage: str) -> None:
    batches = awkward()
    task = make_classifier(window=window)
    nats, right = figures(step_by_step(Hand(task), batches), batches)
    found = validated(task, batches, stage)
    assert found[f"{stage}/nats_per_step"] == pytest.approx(nats, rel=1e-12)
    assert found[f"{stage}/accuracy"] == pytest.approx(right, rel=1e-12)


@pytest.mark.parametrize("reset_every", [1, 4, 5, 6, 30])
def test_a_carry_that_forgets(reset_every: int) -> None:
    """As if each row were cut into sequences of that length from its own first step on."""
    batches = awkward()
    task = make_classifier(reset_every=reset_every)
    nats, right = figures(step_by_step(Hand(task), batches, reset_every), batches)
    found = validated(task, batches)
    assert found[f"val_reset_{reset_every}/nats_per_step"] == pytest.approx(nats, rel=1e-12)
    assert found[f"val_reset_{reset_every}/accuracy"] == pytest.approx(right, rel=1e-12)
    carried, _ = figures(step_by_step(Hand(task), batches), batches)
    assert found["val/nats_per_step"] == pytest.approx(carried, rel=1e-12)


def test_a_stream_that_is_left_in_the_middle_is_scored_to_its_last_step() -> None:
    """No batch is the last one, and none fills a window."""
    batches = [b._replace(is_last=False) for b in awkward()]
    task = make_classifier(window=100)
    nats, _ = figures(step_by_step(Hand(task), batches), batches)
    assert validated(task, batches)["val/nats_per_step"] == pytest.approx(nats, rel=1e-12)


def test_whole_sequences_in_batches_of_other_sizes() -> None:
    """After `is_last` nothing is carried, whatever `is_first` says."""
    batches = classes([*stream(7), *stream(4, rows=2, seed=8)])
    task = make_classifier(window=3)
    said = [s for b in batches for s in step_by_step(Hand(task), [b])]
    nats, _ = figures(said, batches)
    sloppy = [b._replace(begins=torch.zeros(len(b.x), b.steps, dtype=torch.bool)) for b in batches]
    assert validated(task, sloppy)["val/nats_per_step"] == pytest.approx(nats, rel=1e-12)
    for (_, predicted), out in zip(make_trainer().predict(task, Loader(sloppy)), said, strict=True):
        assert torch.equal(predicted, out.argmax(-1))


def test_every_stage_begins_with_a_carry_of_its_own() -> None:
    """Nothing of a stream that did not end is left when the next stage begins."""
    batches = [
        b._replace(is_last=False, begins=torch.zeros(ROWS, b.steps, dtype=torch.bool)) for b in awkward()
    ]
    task = make_classifier()
    assert validated(task, batches) == validated(task, batches)


@pytest.mark.parametrize("window", [1, 4, 6, 100])
def test_predictions(window: int) -> None:
    batches = awkward()
    task = make_classifier(window=window)
    expected = step_by_step(Hand(task), batches)
    found = make_trainer().predict(task, Loader(batches))
    for (batch, said), out in zip(found, expected, strict=True):
        exists = torch.arange(batch.steps) < batch.lengths[:, None]
        assert torch.equal(said[exists], out.argmax(-1)[exists])


def test_predicted_values_and_the_piecewise_network() -> None:
    """Regression gives the values; `predict` piece by piece gives the same."""
    batches = stream(7, 4)
    task = make_task(window=3)
    (_, first), (_, second) = make_trainer().predict(task, Loader(batches))
    expected = torch.cat(step_by_step(Hand(task), batches), 1)
    torch.testing.assert_close(torch.cat([first, second], 1), expected, rtol=0, atol=1e-12)
    task.eval()
    x, carry, said = torch.cat([b.x for b in batches], 1), task.network.core.initial_carry(ROWS), []
    for a, b in ((0, 2), (2, 7), (7, 11)):
        out, carry = task.network.predict(x[:, a:b], carry)
        said.append(out)
    torch.testing.assert_close(torch.cat(said, 1), expected, rtol=0, atol=1e-12)


def test_sequences_do_not_see_each_other() -> None:
    """After training on a stream: permuted rows give permuted predictions."""
    torch.manual_seed(6)
    batch = whole(torch.randn(6, 9, FEATURES).double(), torch.randn(6, 9, CLASSES).double())
    order = torch.tensor([4, 0, 5, 2, 1, 3])
    task = make_task(bptt=Truncated(k1=2, k2=4), window=4)
    fit(task, [b._replace(is_last=False) for b in stream(7, 4)])
    first, second = stream(5)[0], batch._replace(x=batch.x[order])
    ((_, plain), (_, _)) = make_trainer().predict(task, Loader([batch, first]))
    ((_, _), (_, permuted)) = make_trainer().predict(task, Loader([first, second]))
    torch.testing.assert_close(permuted, plain[order], rtol=0, atol=1e-14)


@pytest.mark.parametrize("bptt", [Truncated(k1=3, k2=5), Split(k=4)], ids=lambda s: type(s).__name__)
def test_a_validation_in_the_middle_leaves_training_alone(bptt) -> None:
    """Same weights, dropout on, with a validation after every batch and with none."""
    runs = []
    for val, options in (((), {}), (stream(5, 3, seed=9), {"val_check_interval": 1})):
        task = make_task(
            bptt=bptt,
            core=partial(LSTM, hidden_size=4, layers=2, dropout=0.2),
            readout_dropout=0.3,
            optimizer=partial(torch.optim.Adam, lr=0.01),
            reset_every=2,
            window=2,
        )
        torch.manual_seed(7)
        trainer = fit(task, stream(7, 4, 6), val=val, **options)
        assert ("val/mse" in trainer.callback_metrics) == bool(val)
        runs.append(weights(task))
    assert torch.equal(*runs)


def test_figures_are_logged_at_the_time_step() -> None:
    """Integers, and nothing from the trial run that Lightning makes before training."""
    task, seen = make_task(bptt=Full(), log_every=1), Seen()
    fit(task, stream(7, 4), val=stream(3, seed=9), logger=seen, val_check_interval=1, num_sanity_val_steps=2)
    assert [(step, "val/mse" in point) for step, point in seen.points] == [
        (7 * ROWS, False),
        (7 * ROWS, True),
        (11 * ROWS, False),
        (11 * ROWS, True),
    ]
    assert all(type(step) is int for step, _ in seen.points)


def test_throughput_is_that_of_training(monkeypatch) -> None:
    """A clock that jumps by 100 s whenever a validation looks at it, and by 1 s otherwise."""
    task, seen, clock = make_task(bptt=Full(), log_every=2), Seen(), [0.0]
    monkeypatch.setattr("elman.tasks.training_metrics.time.perf_counter", lambda: clock[0])
    score, step = task.validation_step, task.training_step

    def slow_validation(batch, batch_idx):
        clock[0] += 100
        return score(batch, batch_idx)

    def slow_training(batch, batch_idx):
        clock[0] += 1
        return step(batch, batch_idx)

    task.validation_step, task.training_step = slow_validation, slow_training
    fit(task, stream(4, 4), val=stream(3, seed=9), logger=seen, val_check_interval=1)
    (figures,) = [p for _, p in seen.points if "train/steps_per_second" in p]
    assert figures["train/steps_per_second"] == 8 * ROWS / 2
    assert figures["train/update_ms"] == 1000


def test_nothing_scored_is_no_figure() -> None:
    (batch,) = stream(4)
    assert validated(make_task(), [batch._replace(scored=torch.zeros_like(batch.scored))]) == {}


class Both(Core):
    """Reads in both directions."""

    streams = False

    def __init__(self, input_size: int) -> None:
        super().__init__()
        self.net = torch.nn.LSTM(input_size, 2, batch_first=True, bidirectional=True)
        self.output_size = 4

    def forward(self, x, carry, lengths=None):
        return self.net(x)[0], carry

    def initial_carry(self, row_count: int):
        return (torch.zeros(row_count, 1, dtype=torch.float64),)


def test_a_core_that_reads_later_steps_sees_whole_batches() -> None:
    """However short the window of validation: the forward pass over each batch."""
    batches = [*stream(7), *stream(5, seed=3)]
    task = make_task(core=Both, bptt=Full(), window=2)
    fit(task, batches)
    task.eval()
    with torch.no_grad():
        outs = [task.network.readout(task.network.core.net(b.x)[0]) for b in batches]
    errors = [(out - b.y).square().mean(-1).flatten() for out, b in zip(outs, batches, strict=True)]
    assert validated(task, batches)["val/mse"] == pytest.approx(float(torch.cat(errors).mean()), rel=1e-12)
    for (_, said), out in zip(make_trainer().predict(task, Loader(batches)), outs, strict=True):
        torch.testing.assert_close(said, out, rtol=0, atol=1e-12)


@pytest.mark.parametrize("stage", ["fit", "validate", "predict"])
def test_a_core_that_reads_later_steps_refuses_batches_that_go_on(stage: str) -> None:
    task, batches = make_task(core=Both, bptt=Full()), Loader(cut(stream(9)[0], 5, 4))
    with pytest.raises(BadInput, match="Both reads later steps: it cannot go on from an earlier batch"):
        getattr(make_trainer(), stage)(task, batches)


def test_a_core_that_reads_later_steps_takes_windows_that_forget() -> None:
    task = make_task(core=Both, bptt=Split(k=3), reset_every=2)
    fit(task, stream(8))
    assert task.updates.made == 3
    assert "val_reset_2/mse" in validated(task, stream(5))
