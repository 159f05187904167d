"""Bucketed, refilled, packed and padded batches against one sequence at a time, for every core."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from functools import partial

import numpy as np
import pytest
import torch
from core_rows import ONE_OF_EACH
from pairwise import pairs
from torch import Tensor

from datamodules.collecting.batching import Planned
from datamodules.collecting.examples import Example, collate
from datamodules.collecting.packed import Packed
from datamodules.collecting.plans import Bucketed, Plan, Refilled, longest
from elman.batch import SequenceBatch, at_first_step
from elman.bptt import BackpropThroughTime, Checkpointed, Full, Split, Truncated, Update
from elman.cores import GRU, LSTM, Cell, Elman
from elman.errors import BadInput
from elman.tasks import SequenceTask, SquaredError
from elman.tasks.predictions import Predictions
from elman.tasks.scores import Scores

F, H, OUT = 3, 4, 2
LENGTHS = np.array([7, 1, 10, 3, 5, 2, 6, 4])
ROWS = 3  # 8 examples: rows are refilled, and not at once
CLOSE = {"rtol": 1e-11, "atol": 1e-12}

CORES = {str(row): partial(row.make, hidden_size=H, layers=2, **(row.trained or {})) for row in ONE_OF_EACH}
STREAMING = [name for name in CORES if CORES[name](F).streams]


class InMemory:
    """Random sequences: some scored at every step, some here and there, some at the last step alone."""

    def __init__(self, lengths: np.ndarray) -> None:
        torch.manual_seed(3)
        self.lengths, self.sequences = lengths, []
        for number, steps in enumerate(lengths.tolist()):
            x, y = (torch.randn(steps, width, dtype=torch.float64) for width in (F, OUT))
            scored = (torch.rand(steps) < 0.6) | (torch.arange(steps) == steps - 1)
            everywhere, last = torch.ones(steps, dtype=torch.bool), torch.arange(steps) == steps - 1
            self.sequences.append(Example(x, y, (everywhere, scored, last)[number % 3]))

    def window(self, number: int, start: int, stop: int) -> Example:
        return self.sequences[number].window(start, stop)


EXAMPLES = InMemory(LENGTHS)
PLANS = {
    "bucketed": Bucketed(LENGTHS, rows=ROWS, max_steps=None, seed=1),
    "in_order": Bucketed(LENGTHS, rows=ROWS, max_steps=14, seed=None),
    "refilled": Refilled(LENGTHS, rows=ROWS, steps=4, seed=1),
    "refilled_by_one": Refilled(LENGTHS, rows=ROWS, steps=1, seed=2),
    "refilled_short": Refilled(LENGTHS, rows=ROWS, steps=8, seed=None),  # batches in which all rows end
    "packed": Packed(LENGTHS, rows=2, steps=10, seed=1),  # two batches
    "packed_long": Packed(LENGTHS, rows=ROWS, steps=15, seed=2),  # one, in which rows hold up to three
    "packed_row": Packed(LENGTHS, rows=1, steps=38, seed=None),  # everything in one row
}
PACKED = [name for name in PLANS if "packed" in name]
REFILLED = [name for name in PLANS if "refilled" in name]


def make_task(core: str | partial, **options) -> SequenceTask:
    torch.manual_seed(1)
    given = {"core": CORES.get(core, core), "bptt": Full(), "loss": SquaredError(), **options}
    return SequenceTask(input_size=F, output_size=OUT, token_ids=False, **given).double()


def a_pass(plan: Plan, process: tuple[int, int] = (0, 1)) -> list[SequenceBatch]:
    """The batches of pass 0, with NaN for x and y wherever no step exists: whoever reads padding is found."""
    planned = Planned(EXAMPLES, plan, process=process)
    return [poisoned(planned(index)) for index in range(plan.batches)]


def poisoned(batch: SequenceBatch) -> SequenceBatch:
    beyond = (torch.arange(batch.steps) >= batch.lengths[:, None])[:, :, None]
    return batch._replace(x=batch.x.masked_fill(beyond, math.nan), y=batch.y.masked_fill(beyond, math.nan))


def alone(number: int, *, cut: int | None = None, clock: int = 0) -> list[SequenceBatch]:
    """One sequence as batches of `cut` steps (None: as one), after `clock` steps of an empty row."""
    batch = collate([EXAMPLES.sequences[number]])
    borders = [*range(0, batch.steps, cut or batch.steps), batch.steps]
    pieces = [batch.window(a, b) for a, b in itertools.pairwise(borders)]
    if not clock:
        return pieces
    empty = SequenceBatch(
        x=torch.zeros(1, clock, F, dtype=torch.float64),
        y=torch.zeros(1, clock, OUT, dtype=torch.float64),
        scored=torch.zeros(1, clock, dtype=torch.bool),
        lengths=torch.zeros(1, dtype=torch.int64),
        begins=at_first_step(torch.ones(1, dtype=torch.bool), clock),
        is_last=False,
    )
    return [empty, *pieces]


def summed(
    task: SequenceTask, bptt: BackpropThroughTime, batches: list[SequenceBatch]
) -> tuple[Tensor, Tensor, int]:
    """Loss, gradient (flat) and scored steps over batches that follow on, with frozen weights."""
    total, scored = torch.zeros((), dtype=torch.float64), 0
    gradient = torch.zeros(sum(p.numel() for p in task.parameters()), dtype=torch.float64)
    for update in updates(task, bptt, batches):
        scored += update.scored
        if update.loss is not None:
            total += update.loss.detach()
            gradient += flat_gradient(task, update.loss)
    return total, gradient, scored


def updates(task: SequenceTask, bptt: BackpropThroughTime, batches: list[SequenceBatch]) -> Iterator[Update]:
    """Every update over batches that follow on, the state begun anew where nothing goes on."""
    state = None
    for batch in batches:
        state = state or bptt.first_state(task.network.core.initial_carry(len(batch.x)))
        for update in bptt.losses(task.objective, batch, state):
            state = update.state
            yield update
        state = None if batch.is_last else state


def flat_gradient(task: SequenceTask, loss: Tensor) -> Tensor:
    found = torch.autograd.grad(loss, list(task.parameters()), allow_unused=True, materialize_grads=True)
    return torch.cat([leaf.flatten() for leaf in found])


def each_update(task: SequenceTask, bptt: BackpropThroughTime, batches: list[SequenceBatch]) -> list[Tensor]:
    """The gradient of every window, one after another."""
    nothing = torch.zeros(sum(p.numel() for p in task.parameters()), dtype=torch.float64)
    return [
        nothing if update.loss is None else flat_gradient(task, update.loss)
        for update in updates(task, bptt, batches)
    ]


KNOWN: dict[tuple, tuple] = {}


def one_at_a_time(core: str, bptt: BackpropThroughTime, *, cut: int | None = None, clocks=None):
    """`summed` over every sequence alone, once for all tests."""
    key = (core, name_of(bptt), cut, tuple(sorted((clocks or {}).items())))
    if key not in KNOWN:
        task = make_task(core)
        parts = [
            summed(task, bptt, alone(number, cut=cut, clock=(clocks or {}).get(number, 0)))
            for number in range(len(LENGTHS))
        ]
        KNOWN[key] = tuple(sum(leaves) for leaves in zip(*parts, strict=True))
    return KNOWN[key]


def clocks(plan: Plan, every: int) -> dict[int, int]:
    """How many steps of a window of `every` had gone by when each example began, by its number.

    A strategy's clock counts the steps of batches that follow on, and begins at 0 where nothing goes on.
    """
    found, clock = {}, 0
    for index in range(plan.batches):
        rows, first, _ = plan.at(index)
        clock = 0 if first else clock
        for row in rows:
            begins = clock
            for slot in row:
                if slot.start == 0:
                    found[slot.number] = begins % every
                begins += slot.stop - slot.start
        clock += longest(rows)
    return found


def check(got, expected, *, once: bool = True) -> None:
    loss, gradient, scored = got
    assert scored == expected[2]
    assert (scored == sum(int(e.scored.sum()) for e in EXAMPLES.sequences)) == once
    torch.testing.assert_close((loss, gradient), expected[:2], **CLOSE)
    assert gradient.abs().max() > 0.1


WHOLE = [
    *(Full(), Split(k=3), Truncated(k1=3, k2=5), Checkpointed(window=3)),
    Checkpointed(schedule="revolve", window=2, slots=2),
    Truncated(k1=2, k2=5, scored="window"),
]


def name_of(value) -> str | None:
    return (
        type(value).__name__ + "-".join(map(str, vars(value).values())) if hasattr(value, "exact") else None
    )


def each(cores, plans, strategies):
    """Each core with each plan, with each strategy, and each strategy with each plan."""
    return pytest.mark.parametrize(("core", "plan", "bptt"), pairs(cores, plans, strategies), ids=name_of)


@each(CORES, ["bucketed", "in_order"], WHOLE)
def test_whole_sequences(core: str, plan: str, bptt: BackpropThroughTime) -> None:
    """Every strategy does to a row of a bucketed batch what it does to its sequence alone."""
    task = make_task(core)
    if bptt.continues and not task.network.core.streams:
        return
    once = getattr(bptt, "scored", "fresh") == "fresh"
    check(summed(task, bptt, a_pass(PLANS[plan])), one_at_a_time(core, bptt), once=once)


@each(STREAMING, REFILLED, [Full(), Checkpointed(window=2)])
def test_refilled_rows_are_cut_at_batch_borders(core: str, plan: str, bptt: BackpropThroughTime) -> None:
    """Exact strategies are exact within a batch: the sequence alone, in batches of as many steps."""
    task = make_task(core)
    got = summed(task, bptt, a_pass(PLANS[plan]))
    check(got, one_at_a_time(core, bptt, cut=PLANS[plan].steps))
    torch.testing.assert_close(
        got[0], one_at_a_time(core, Full())[0], **CLOSE
    )  # the loss is that of the whole


@pytest.mark.parametrize(("core", "plan", "look_back"), pairs(STREAMING, REFILLED, [0, 3]))
def test_refilled_rows_where_updates_divide_a_batch(core: str, plan: str, look_back: int) -> None:
    """With k1 a divisor of the batch's steps, a row's clock begins at 0: nothing tells it from one alone."""
    task, steps = make_task(core), PLANS[plan].steps
    k1 = max(1, steps // 2)
    bptt = Truncated(k1=k1, k2=k1 + look_back)
    assert set(clocks(PLANS[plan], k1).values()) == {0}
    check(summed(task, bptt, a_pass(PLANS[plan])), one_at_a_time(core, bptt))


@each(
    STREAMING,
    REFILLED,
    [
        *(Truncated(k1=3, k2=3), Truncated(k1=2, k2=5), Truncated(k1=7, k2=9), Split(k=3)),
        Truncated(k1=2, k2=5, scored="window"),
    ],
)
def test_refilled_rows_join_the_clock_of_their_batch(core: str, plan: str, bptt: BackpropThroughTime) -> None:
    """Updates are made for all rows at once, so a row that begins in the middle of a window of k1 steps is
    first cut where that window ends: as a sequence alone would be, had its row been empty until then."""
    task = make_task(core)
    begun = clocks(PLANS[plan], bptt.stride(1))
    check(
        summed(task, bptt, a_pass(PLANS[plan])),
        one_at_a_time(core, bptt, clocks=begun),
        once=getattr(bptt, "scored", "fresh") == "fresh",
    )


@pytest.mark.parametrize("plan", ["refilled", "packed", "packed_long", "packed_row"])
def test_some_rows_do_begin_within_a_window(plan: str) -> None:
    assert len(set(clocks(PLANS[plan], 3).values())) == 3


def test_rows_hold_several_sequences() -> None:
    held = {name: [len(row) for i in range(p.batches) for row in p.at(i)[0]] for name, p in PLANS.items()}
    assert max(held["packed"]) == max(held["packed_long"]) == 3
    assert held["packed_row"] == [8]
    assert all(max(held[name]) == 1 for name in PLANS if "packed" not in name)


@each(STREAMING, PACKED, [Full(), Checkpointed(window=2), Checkpointed(window=7)])
def test_packed_sequences(core: str, plan: str, bptt: BackpropThroughTime) -> None:
    """Strategies whose gradients no window cuts: those of every sequence alone."""
    check(summed(make_task(core), bptt, a_pass(PLANS[plan])), one_at_a_time(core, bptt))


@each(STREAMING, PACKED, [Truncated(k1=3, k2=3), Truncated(k1=2, k2=5), Truncated(k1=7, k2=9), Split(k=3)])
def test_packed_sequences_join_the_clock_of_their_batch(
    core: str, plan: str, bptt: BackpropThroughTime
) -> None:
    """Windows lie as the batch has them: as a sequence alone would be cut, after so many empty steps."""
    begun = clocks(PLANS[plan], bptt.update_steps(1))
    got = summed(make_task(core), bptt, a_pass(PLANS[plan]))
    check(got, one_at_a_time(core, bptt, clocks=begun))


@pytest.mark.parametrize(
    ("cell", "kernel", "plan"),
    pairs([GRU, LSTM, Elman], ["fused", "scan", "loop"], PACKED),
    ids=lambda given: getattr(given, "__name__", given),
)
def test_packed_sequences_on_every_kernel(cell: type[Cell], kernel: str, plan: str) -> None:
    def task(kernel: str) -> SequenceTask:
        return make_task(partial(cell, hidden_size=H, layers=2, kernel=kernel))

    for bptt in (Full(), Truncated(k1=2, k2=5)):
        begun = clocks(PLANS[plan], bptt.update_steps(1))
        pieces = [alone(number, clock=begun[number]) for number in begun]
        parts = [summed(task("loop"), bptt, piece) for piece in pieces]
        check(summed(task(kernel), bptt, a_pass(PLANS[plan])), tuple(map(sum, zip(*parts, strict=True))))


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("bptt", [*WHOLE[:3], WHOLE[-1]], ids=name_of)
def test_two_processes_make_the_updates_of_one(plan: str, bptt: BackpropThroughTime) -> None:
    """Window by window: a process whose own rows are short keeps in step with the others."""
    task = make_task("LSTM")
    expected, *shares = (each_update(task, bptt, a_pass(PLANS[plan], p)) for p in [(0, 1), (0, 2), (1, 2)])
    torch.testing.assert_close([a + b for a, b in zip(*shares, strict=True)], expected, **CLOSE)


@pytest.mark.parametrize(("core", "plan", "window"), pairs(CORES, PLANS, [None, 4]))
def test_predictions_and_scores(core: str, plan: str, window: int | None) -> None:
    """What is said of every step, and the mean over all scored ones, are those of each sequence alone."""
    task = make_task(core).eval()
    if not task.network.core.streams and (window or plan not in ("bucketed", "in_order")):
        return
    said = [torch.full((int(n), OUT), math.nan, dtype=torch.float64) for n in LENGTHS]
    predictions, scores = Predictions(window), Scores(window)
    with torch.no_grad():
        for index, batch in enumerate(a_pass(PLANS[plan])):
            out = predictions.of(task.objective, batch)
            scores.add(task.objective, batch)
            for row, slots in enumerate(PLANS[plan].at(index)[0]):
                of_each = out[row, : batch.lengths[row]].split([slot.stop - slot.start for slot in slots])
                for slot, got in zip(slots, of_each, strict=True):
                    said[slot.number][slot.start : slot.stop] = got
        single = Scores(None)
        for number, got in enumerate(said):
            (batch,) = alone(number)
            torch.testing.assert_close(got, Predictions(None).of(task.objective, batch)[0], **CLOSE)
            single.add(task.objective, batch)
    assert scores.scored == single.scored
    torch.testing.assert_close(torch.tensor(scores.loss), torch.tensor(single.loss), **CLOSE)


@pytest.mark.parametrize("plan", ["refilled", "packed"])
def test_a_core_that_reads_later_steps_is_refused_where_rows_go_on_or_begin_anew(plan: str) -> None:
    with pytest.raises(BadInput, match="Bidirectional reads later steps: it cannot go on"):
        summed(make_task("Bidirectional-LSTM"), Full(), a_pass(PLANS[plan]))
