"""The target of a row's last step given to all of its steps, in training alone."""

from __future__ import annotations

from functools import partial

import oracle
import pytest
import torch
from oracle import pair_gradients
from strategy_rows import STRATEGIES, name
from task_toys import FEATURES, ROWS, VALUES, Seen, fit, make_task, stream, taken

from elman.batch import SequenceBatch, whole
from elman.bptt import Full, Split, Truncated
from elman.cores import GRU
from elman.errors import BadInput
from elman.tasks import BinaryCrossEntropy, CrossEntropy, SequenceLoss, SquaredError
from elman.tree import rows

T, A = 11, 0.3
LENGTHS = torch.tensor([11, 7, 2])
BEGINS = {0: [0], 1: [0, 4], 2: [0]}  # of the packed batch
CORE = partial(GRU, hidden_size=4, kernel="scan")


def many_to_one(*, packed: bool = False) -> SequenceBatch:
    """Ragged rows with a target at the last step of each sequence, and nonsense elsewhere."""
    torch.manual_seed(2)
    batch = whole(*(torch.randn(ROWS, T, n, dtype=torch.float64) for n in (FEATURES, VALUES)))
    scored, begins = torch.zeros(ROWS, T, dtype=torch.bool), torch.zeros(ROWS, T, dtype=torch.bool)
    for row, start, stop in sequences(packed=packed):
        begins[row, start] = scored[row, stop - 1] = True
    return batch._replace(lengths=LENGTHS, scored=scored, begins=begins)


def sequences(*, packed: bool) -> list[tuple[int, int, int]]:
    """Row, first step and step after the last of each."""
    found = []
    for row, steps in enumerate(LENGTHS.tolist()):
        starts = BEGINS[row] if packed else [0]
        found += [(row, *ends) for ends in zip(starts, [*starts[1:], steps], strict=True)]
    return found


def begun(task, batch: SequenceBatch) -> list:
    """(scored, weight, gradient) of the updates that training makes of a batch, weights frozen."""
    task.train_state.bptt.begin(0)
    batch, found = task.train_state.begin(batch), []
    for update in task.bptt.losses(task.objective, batch, task.train_state.value):
        gradient = oracle.flat_gradient(update.loss, task.network)
        found.append((update.scored, update.weight, gradient))
    task.train_state.end(None, broken=None)
    return found


KNOWN: dict = {}


def expected_of(bptt, task, *, packed: bool) -> torch.Tensor:
    """Sum over sequences of w_t C[t, s] g[t, s], w as in the formula, g with the last target at each step."""
    net, batch, total = oracle.SquaredError(task.network.core, VALUES), many_to_one(packed=packed), 0.0
    net.readout.load_state_dict(task.network.readout.state_dict())
    restart = bptt.k if isinstance(bptt, Split) else None
    for row, start, stop in sequences(packed=packed):
        if (key := (row, start, stop, packed, restart)) not in KNOWN:
            alone = rows(batch, torch.tensor([row])).window(0, int(LENGTHS[row]))
            y = alone.y.clone()
            y[:, start:stop] = alone.y[:, stop - 1 : stop]
            scored = torch.zeros_like(alone.scored)
            scored[:, start:stop] = True
            KNOWN[key] = pair_gradients(net, alone._replace(y=y, scored=scored), restart) / VALUES
        w = torch.zeros(int(LENGTHS[row]), dtype=torch.float64)
        w[start:stop] = A / (stop - start)
        w[stop - 1] += 1 - A
        credit = bptt.drawn_credit(T)[: len(w), : len(w)]
        if getattr(bptt, "scored", "fresh") == "window":
            credit = bptt.row_credit(batch.begins[row, : len(w)])
        total = total + torch.einsum("t,ts,tsp->p", w, credit.double(), KNOWN[key])
    return total


@pytest.mark.parametrize("packed", [False, True], ids=["ragged", "packed"])
@pytest.mark.parametrize("bptt", [b for b in STRATEGIES if type(b).__module__ != "strategy_toys"], ids=name)
def test_each_step_has_its_share_of_the_loss(bptt, packed: bool) -> None:
    task = make_task(bptt=bptt, core=CORE, replication=A)
    found = begun(task, many_to_one(packed=packed))
    expected = expected_of(bptt, task, packed=packed)
    torch.testing.assert_close(sum(grad for *_, grad in found), expected, rtol=1e-10, atol=1e-11)
    assert all(grad.any() for *_, grad in found)  # no window is without a loss
    if getattr(bptt, "scored", "fresh") == "fresh":
        weight = sum(weight for _, weight, _ in found)
        assert weight == pytest.approx(len(sequences(packed=packed)), rel=1e-12)


def test_an_update_counts_the_sequences_in_its_window() -> None:
    """Not its steps; a sequence that lies in two pieces of a window counts once."""
    counts = [3, 2, 2, 1]  # steps 0-2, 3-5, 6-8, 9-10 of rows of 11, 7 and 2 steps
    for k2 in (3, 5):
        task = make_task(bptt=Truncated(k1=3, k2=k2), core=CORE, replication=A)
        assert [scored for scored, *_ in begun(task, many_to_one())] == counts
        task = make_task(bptt=Truncated(k1=3, k2=k2), core=CORE, replication=A)
        assert [scored for scored, *_ in begun(task, many_to_one(packed=True))] == [3, 3, 2, 1]
    task = make_task(bptt=Truncated(k1=3, k2=9, scored="window"), core=CORE, replication=A)
    assert [scored for scored, *_ in begun(task, many_to_one(packed=True))] == [3, 3, 2, 1]
    task = make_task(bptt=Full(), core=CORE, replication=A)
    assert [scored for scored, *_ in begun(task, many_to_one(packed=True))] == [4]


@pytest.mark.parametrize("normaliser", ["auto", "scored", "sequence"])
def test_what_is_learned_is_the_mean_over_sequences(normaliser: str) -> None:
    task = make_task(bptt=Full(), core=CORE, replication=A, normaliser=normaliser)
    expected = expected_of(Full(), task, packed=True) / 4
    torch.testing.assert_close(taken(task, [many_to_one(packed=True)]), expected, rtol=1e-9, atol=1e-10)


def test_metrics_of_training_are_of_the_objective_and_of_validation_of_the_last_step() -> None:
    for k in (3, T):
        seen, task = (
            Seen(),
            make_task(
                bptt=Truncated(k1=k, k2=k),
                core=CORE,
                replication=A,
                optimizer=partial(torch.optim.SGD, lr=0.0),
            ),
        )
        batch = many_to_one()
        fit(task, [batch], val=[batch], logger=seen)
        found = {key: value for _, point in seen.points for key, value in point.items()}
        with torch.no_grad():
            out = task.network.readout(task.network.core(batch.x, task.network.core.initial_carry(ROWS))[0])
        train, val = 0.0, 0.0
        for row, steps in enumerate(LENGTHS.tolist()):
            each = (out[row, :steps] - batch.y[row, steps - 1]).square().mean(1)
            train += A * each.mean() + (1 - A) * each[-1]
            val += each[-1]
        assert found["train/mse"] == pytest.approx(float(train) / ROWS, rel=1e-12)
        assert found["val/mse"] == pytest.approx(float(val) / ROWS, rel=1e-12)


def test_without_it_every_bit_is_that_of_the_plain_task() -> None:
    plain, none = (make_task(core=CORE, bptt=Truncated(k1=3, k2=5), **o) for o in ({}, {"replication": 0.0}))
    for (*counts, one), (*others, other) in zip(
        *(begun(t, many_to_one()) for t in (plain, none)), strict=True
    ):
        assert torch.equal(one, other)
        assert counts == others
    tiny = begun(make_task(core=CORE, bptt=Full(), replication=1e-13), many_to_one())
    plain = begun(make_task(core=CORE, bptt=Full()), many_to_one())
    assert tiny[0][0] == plain[0][0] == ROWS
    torch.testing.assert_close(tiny[0][2], plain[0][2], rtol=1e-10, atol=1e-11)


def test_steps_that_burn_in_have_no_share() -> None:
    batch = many_to_one()._replace(lengths=torch.tensor([11, 11, 11]))
    batch = batch._replace(scored=torch.arange(T).expand(ROWS, T) == T - 1)
    task = make_task(bptt=Full(), core=CORE, replication=A, burn_in=3)
    marked = task.train_state.begin(batch)
    share = torch.full((ROWS, T), A / 8, dtype=torch.float64)
    share[:, -1] += 1 - A
    assert torch.equal(marked.scored, (torch.arange(T) >= 3).expand(ROWS, T))
    torch.testing.assert_close(marked.weights[marked.scored], share[marked.scored], rtol=1e-12, atol=0)


class Absolute(SequenceLoss):
    """A loss of a user's own, which knows no weights."""

    monitored = "error"

    def sums(self, out, y):
        return (out - y).abs().sum(), None

    def metrics(self, loss, tally, scale=None):
        return {"error": loss}

    def prediction(self, out):
        return out


@pytest.mark.parametrize(
    "loss",
    [CrossEntropy(), CrossEntropy(label_smoothing=0.1), BinaryCrossEntropy(), SquaredError(), Absolute()],
    ids=lambda loss: type(loss).__name__ + "-smooth" * bool(getattr(loss, "label_smoothing", 0)),
)
def test_every_loss_can_be_weighted(loss: SequenceLoss) -> None:
    torch.manual_seed(3)
    out, weights = torch.randn(6, 4, dtype=torch.float64), torch.rand(6, dtype=torch.float64)
    weights[4] = weights[1]
    y = torch.rand(6, 4, dtype=torch.float64)
    if isinstance(loss, CrossEntropy):
        y = y.argmax(1)
    each = sum(w * loss.sums(out[i : i + 1], y[i : i + 1])[0] for i, w in enumerate(weights))
    torch.testing.assert_close(loss.weighted(out, y, weights), each, rtol=1e-12, atol=0)


def test_what_has_no_last_target_is_refused() -> None:
    for share in (1.0, -0.1, float("nan")):
        with pytest.raises(ValueError, match=rf"replication .* \[0, 1\), got replication={share}"):
            make_task(replication=share)
    task = make_task(replication=A)
    state = task.train_state
    with pytest.raises(BadInput, match=r"replication=0.3 .* step 0 of row 0 of the first .* is scored"):
        state.refuse(stream(T)[0])
    with pytest.raises(BadInput, match=r"go on in the next batch; .* leave it out"):
        state.refuse(stream(T, T)[0])
    good, bad = many_to_one(), many_to_one()
    bad.scored[1, 3] = True
    state.refuse(good)
    state.begin(good)
    state.end(None, broken=None)
    with pytest.raises(BadInput, match="step 3 of row 1 of training batch 1 is scored"):
        state.begin(bad)


def test_a_sequence_without_a_target_has_none_to_repeat() -> None:
    batch = many_to_one()
    batch.scored[1] = False
    marked = make_task(replication=A).train_state.begin(batch)
    assert marked.scored.sum(1).tolist() == [11, 0, 2]


def test_sums_of_before_count_what_they_scored() -> None:
    updates = make_task().updates
    saved = updates.state_dict()
    saved["accumulator"] = {**saved["accumulator"], "scored": 3.0}
    del saved["accumulator"]["weight"]
    updates.load_state_dict(saved)
    assert updates.accumulator.weight == 3.0
