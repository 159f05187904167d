"""Steps that warm the carry: run, not scored, and no gradient through them, by every strategy."""

from __future__ import annotations

import copy
import itertools
import logging
from functools import partial

import oracle
import pytest
import torch
from oracle import pair_gradients
from strategy_toys import Fading, LastSteps, RandomReach
from task_toys import FEATURES, ROWS, VALUES, Seen, cut, fit, make_task, many_to_one, stream, taken, weights

from elman.batch import SequenceBatch, whole
from elman.bptt import Adaptive, Checkpointed, Full, Jittered, Randomised, Split, Truncated, after_burn_in
from elman.cores import GRU, LSTM, Bidirectional, Elman
from elman.errors import BadInput
from elman.inputs import Dense
from elman.tasks import SequenceTask
from elman.tasks.saved_state import restored_state, saved_state

T = 11
LENGTHS = torch.tensor([11, 8, 5])
CUTTING = [
    Truncated(k1=4, k2=4),
    Truncated(k1=2, k2=5),
    Truncated(k1=3, k2=11),
    Truncated(k1=2, k2=9, scored="window"),
]
STRATEGIES = [
    Full(),
    Checkpointed(),
    Checkpointed(window=4),
    Truncated(k1=1, k2=1),
    Truncated(k1=4, k2=4),
    Truncated(k1=2, k2=5),
    Truncated(k1=3, k2=8),
    Jittered(k=4, least=2, spread=1.0),
    Randomised(k=2, length=5, alpha=3.0, longest=8),
    Adaptive(k=3, most=5, stretch=5),
    Checkpointed(schedule="revolve", window=2, slots=2),
    Truncated(k1=1, k2=20),
    Truncated(k1=20, k2=30),
    LastSteps(k=9),
    Fading(keep=0.8),
    RandomReach(k1=2, longest=6),
]
CORES = {
    "LSTM": partial(LSTM, hidden_size=4),
    "scan": partial(GRU, hidden_size=4, layers=2, kernel="scan"),
    "loop": partial(Elman, hidden_size=4, kernel="loop"),
}


def name(bptt: object) -> str:
    return type(bptt).__name__ + "-".join(str(v) for k, v in vars(bptt).items() if k[0] != "_")


@pytest.fixture(scope="module")
def known() -> dict:
    return {}


def batch_of(*, ragged: bool) -> SequenceBatch:
    torch.manual_seed(2)
    batch = whole(*(torch.randn(ROWS, T, n, dtype=torch.float64) for n in (FEATURES, VALUES)))
    if not ragged:
        return batch
    exist = torch.arange(T) < LENGTHS[:, None]
    return batch._replace(lengths=LENGTHS, scored=exist & (torch.rand(ROWS, T) < 0.7))


def pairs(task: SequenceTask, batch: SequenceBatch) -> torch.Tensor:
    """g[t, s] of the task's own core and readout, with its loss, which is a mean over values."""
    net = oracle.SquaredError(task.network.core, VALUES)
    net.readout.load_state_dict(task.network.readout.state_dict())
    return pair_gradients(net, batch) / VALUES


def begun(task: SequenceTask, batch: SequenceBatch) -> list:
    """The updates that training makes of a batch, gradients taken, weights frozen."""
    state, found = task.train_state, []
    batch = state.begin(batch)
    after = state.value
    for update in task.bptt.losses(task.objective, batch, state.value):
        after = update.state
        found.append((update.scored, oracle.flat_gradient(update.loss, task.network)))
    state.end(None if batch.is_last else after, broken=None)
    return found


@pytest.mark.parametrize("ragged", [False, True], ids=["even", "ragged"])
@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("bptt", STRATEGIES, ids=name)
def test_pairs_with_a_warm_step_have_no_credit(bptt, core: str, ragged: bool, known: dict) -> None:
    """Row 2 of the ragged ones is warm to its end, and past it."""
    for burn_in in (1, 4, 6):
        task, batch = make_task(bptt=bptt, core=CORES[core], burn_in=burn_in), batch_of(ragged=ragged)
        if (core, ragged) not in known:
            known[core, ragged] = pairs(task, batch)
        found = begun(task, batch)
        credit = after_burn_in(bptt.drawn_credit(T).double(), burn_in)
        expected = torch.einsum("ts,tsp->p", credit, known[core, ragged])
        torch.testing.assert_close(sum(grad for _, grad in found), expected, rtol=1e-10, atol=1e-11)
        assert credit.any()
        assert all(count == 0 or grad.any() for count, grad in found)


@pytest.mark.parametrize("cuts", [(4, 3, 4), (3, 8), (6, 1, 4)], ids=str)
@pytest.mark.parametrize("bptt", CUTTING, ids=name)
def test_a_stream_is_warmed_once(bptt, cuts: tuple) -> None:
    """Later batches go on: only the first one's rows are warmed, also where a look-back reaches into them."""
    burn_in = 3
    task, uncut = make_task(bptt=bptt, burn_in=burn_in), batch_of(ragged=False)
    found = [update for batch in cut(uncut, *cuts) for update in begun(task, batch)]
    credit = after_burn_in(bptt.credit_matrix(T).double(), burn_in)
    expected = torch.einsum("ts,tsp->p", credit, pairs(task, uncut))
    torch.testing.assert_close(sum(grad for _, grad in found), expected, rtol=1e-10, atol=1e-11)
    assert sum(count for count, _ in found) == ROWS * credit.trace()


@pytest.mark.parametrize("bptt", CUTTING, ids=name)
def test_a_row_that_begins_beside_rows_that_go_on(bptt) -> None:
    """Row 1 begins anew with the second batch: its steps alone are warm there, and no pair crosses."""
    burn_in, uncut = 3, batch_of(ragged=False)
    uncut.begins[1, 4] = True
    task = make_task(bptt=bptt, burn_in=burn_in)
    found = [update for batch in cut(uncut, 4, 7) for update in begun(task, batch)]
    expected, counted, kept = 0.0, 0, torch.arange(T).expand(ROWS, T) >= burn_in
    kept = kept & ~(
        (torch.arange(ROWS) == 1)[:, None] & (torch.arange(T) >= 4) & (torch.arange(T) < 4 + burn_in)
    )
    for row in range(ROWS):
        alone = SequenceBatch(
            *(leaf[row : row + 1] for leaf in (uncut.x, uncut.y, uncut.scored, uncut.lengths, uncut.begins))
        )
        credit = bptt.row_credit(uncut.begins[row]).double() * kept[row][:, None] * kept[row]
        expected = expected + torch.einsum("ts,tsp->p", credit, pairs(task, alone))
        counted += credit.trace()
    torch.testing.assert_close(sum(grad for _, grad in found), expected, rtol=1e-10, atol=1e-11)
    assert sum(count for count, _ in found) == counted


def test_warm_steps_run_without_autograd_where_all_rows_are_warm(monkeypatch) -> None:
    task = make_task(bptt=Full(), burn_in=6)
    calls, core = [], task.network.core
    ran = core.forward

    def forward(x, carry, lengths=None):
        calls.append((x.shape[1], torch.is_grad_enabled(), any(leaf.requires_grad for leaf in carry)))
        return ran(x, carry, lengths)

    monkeypatch.setattr(core, "forward", forward)
    begun(task, batch_of(ragged=False))
    assert calls == [(6, False, False), (T - 6, True, False)]


def test_the_carry_after_warm_steps_is_that_of_the_whole_forward_pass() -> None:
    """Losses are those of validation, less the warm steps."""
    task, batch = make_task(bptt=Full(), burn_in=5), batch_of(ragged=True)
    marked = task.train_state.begin(batch)
    carry = task.network.core.initial_carry(ROWS)
    loss, end = task.objective(marked, carry)
    kept = batch.scored & (torch.arange(T) >= 5)
    whole_loss, whole_end = task.objective(batch._replace(scored=kept), carry)
    torch.testing.assert_close((loss, end), (whole_loss, whole_end), rtol=1e-12, atol=1e-12)
    assert not batch.scored[:, :5].equal(marked.scored[:, :5])
    assert batch.warm is None


@pytest.mark.parametrize(("normaliser", "divisor"), [("scored", 3 * 6), ("auto", 3 * 6), ("steps", 3 * 9)])
def test_the_divisor_counts_scored_steps(normaliser: str, divisor: int) -> None:
    """`auto` takes them too, as the first batch does not score every step; `steps` counts what a row has."""
    (batch,) = stream(9)
    task = make_task(bptt=Full(), burn_in=3, normaliser=normaliser)
    credit = after_burn_in(Full().credit_matrix(9).double(), 3)
    expected = torch.einsum("ts,tsp->p", credit, pairs(task, batch)) / divisor
    torch.testing.assert_close(taken(task, [batch]), expected, rtol=1e-9, atol=1e-12)
    assert task.updates.normaliser == {"auto": "scored"}.get(normaliser, normaliser)
    assert task.time_steps == 3 * 9  # warm steps are seen


def test_many_to_one() -> None:
    batch = many_to_one(9)
    task = make_task(bptt=Full(), burn_in=4)
    credit = after_burn_in(Full().credit_matrix(9).double(), 4)
    expected = torch.einsum("ts,tsp->p", credit, pairs(task, batch)) / ROWS
    torch.testing.assert_close(taken(task, [batch]), expected, rtol=1e-9, atol=1e-12)


def test_validation_scores_all_steps() -> None:
    batches = stream(9)
    losses = []
    for burn_in in (0, 4):
        seen, still = Seen(), partial(torch.optim.SGD, lr=0.0)
        task = make_task(bptt=Full(), burn_in=burn_in, optimizer=still)
        fit(task, batches, val=batches, logger=seen)
        losses.append({k: v for _, point in seen.points for k, v in point.items() if k.startswith("val/")})
    assert losses[0] == losses[1] != {}


def test_none_is_as_before() -> None:
    """To the last bit, and with nothing marked."""
    tasks = [make_task(bptt=Truncated(k1=3, k2=5), **options) for options in ({}, {"burn_in": 0})]
    for task in tasks:
        fit(task, stream(5, 6))
    assert torch.equal(weights(tasks[0]), weights(tasks[1]))
    assert tasks[1].train_state.begin(batch_of(ragged=True)).warm is None


@pytest.mark.parametrize("bptt", [Truncated(k1=2, k2=7), Truncated(k1=4, k2=4)], ids=name)
def test_half_a_run_and_the_other_half(bptt, tmp_path) -> None:
    """Saved where steps wait that are warm, and where rows go on."""
    batches = [*stream(5, 4, 6), *stream(5, 7, seed=5)]
    batches[2] = batches[2]._replace(is_last=True)

    def make() -> SequenceTask:
        return make_task(bptt=copy.deepcopy(bptt), burn_in=4, optimizer=partial(torch.optim.Adam, lr=0.01))

    uncut = make()
    fit(uncut, batches)
    for place in (1, 2, 4):
        first, second = make(), make()
        fit(first, batches[:place]).save_checkpoint(tmp_path / "half.ckpt")
        fit(second, batches[place:], checkpoint=tmp_path / "half.ckpt", max_epochs=2)
        assert torch.equal(weights(second), weights(uncut))


def test_states_of_before_have_no_warm_steps() -> None:
    batch = batch_of(ragged=True)._replace(warm=torch.tensor([2, 0, 2]))
    saved = saved_state((batch.window(1, 4),))
    (back,) = restored_state(saved, torch.device("cpu"))
    assert back.warm.tolist() == [1, 0, 1]
    (old,) = restored_state((saved[0][: SequenceBatch._fields.index("warm")],), torch.device("cpu"))
    assert old.warm is None


def test_windows_know_what_is_left_to_warm() -> None:
    batch = batch_of(ragged=False)._replace(warm=torch.tensor([5, 0, 2]))
    left = [batch.window(a, b).warm.tolist() for a, b in itertools.pairwise((0, 3, 4, 9))]
    assert left == [[3, 0, 2], [1, 0, 0], [1, 0, 0]]


def test_a_row_that_broke_is_warmed_where_it_begins_anew() -> None:
    task = make_task(bptt=Full(), burn_in=2)
    batches = stream(5, 6)
    batches[0].x[1, 3] = float("nan")
    begun(task, batches[0])
    assert task.train_state.begin(batches[1]).warm.tolist() == [0, 2, 0]


def test_rows_that_are_too_short_are_counted_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    long, short = batch_of(ragged=False), batch_of(ragged=True)
    task, seen = make_task(bptt=Full(), burn_in=5, log_every=1), Seen()
    with caplog.at_level(logging.WARNING, logger="elman"):
        fit(task, [long, short, short], logger=seen)
    (line,) = [record.getMessage() for record in caplog.records if "burn_in" in record.getMessage()]
    assert line == (
        "model.burn_in=5 leaves nothing to score in row 2 of training batch 1, which has 5 steps; "
        "train/lost_rows counts such rows"
    )
    counted = [point.get("train/lost_rows", 0) for _, point in seen.points if "train/updates" in point]
    assert counted == [0, 1, 2]


def test_rows_that_never_score_are_not_too_short(caplog: pytest.LogCaptureFixture) -> None:
    batch = batch_of(ragged=False)
    batch.scored[0] = False
    task = make_task(bptt=Full(), burn_in=5)
    task.train_state.begin(batch._replace(lengths=torch.tensor([T, T, 0])))
    assert task.train_state.burn_in.lost_rows == 0


def test_the_first_batch_must_have_something_left() -> None:
    batch = batch_of(ragged=True)
    make_task(burn_in=4).train_state.burn_in.refuse(batch_of(ragged=False))
    with pytest.raises(BadInput, match=r"burn_in=5 leaves nothing to score in row 2 .* 5 steps; lower it"):
        make_task(burn_in=5).train_state.burn_in.refuse(batch)
    with pytest.raises(BadInput, match=r"burn_in=11 .* in row 0 of .* has 11 steps"):
        make_task(burn_in=11).train_state.burn_in.refuse(batch_of(ragged=False))
    early = batch_of(ragged=False)
    early.scored[1, 3:] = False  # long enough, but scored too early
    with pytest.raises(BadInput, match="row 1"):
        make_task(burn_in=3).train_state.burn_in.refuse(early)


def test_sequences_inside_rows_are_refused() -> None:
    batch = batch_of(ragged=False)
    batch.begins[1, 8] = True
    state = make_task(burn_in=2).train_state
    for ask in (state.burn_in.refuse, state.begin):
        with pytest.raises(BadInput, match="burn_in=2 warms rows that begin with a batch"):
            ask(batch)
    assert make_task(burn_in=0).train_state.begin(batch).warm is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"burn_in": -1}, "burn_in counts steps and must not be negative, got burn_in=-1"),
        ({"bptt": Split(k=4)}, "burn_in=2 warms a carry, which Split drops at each window's end"),
        (
            {"bptt": Full(), "core": partial(Bidirectional, core=LSTM)},
            "burn_in=2 warms a carry, from which Bidirectional cannot go on",
        ),
        ({"first_carry": "learned"}, "first_carry=learned would learn nothing"),
        ({"context_size": 3, "context_encoder": Dense}, "context_encoder would learn nothing"),
    ],
)
def test_refusals(options: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make_task(**{"burn_in": 2, **options})
