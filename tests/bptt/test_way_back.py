"""The gradient of the state on its way back: decay of credit, by every strategy, and its clipping."""

from __future__ import annotations

from functools import partial

import oracle
import pytest
import torch
from oracle import flat_gradient, pair_gradients
from strategy_rows import STRATEGIES, UNCREDITED, name
from task_toys import FEATURES, ROWS, VALUES, make_task

from elman.batch import SequenceBatch, whole
from elman.bptt import KFRTRL, UORO, BackpropThroughTime, Full, Split, Truncated, decayed
from elman.cores import GRU, LSTM, Bidirectional, Core, Elman, FeedForward, IndRNN, Pooled
from elman.tree import rows

T, H, G = 11, 4, 0.8
LENGTHS = torch.tensor([11, 7, 3])
BEGINS = torch.zeros(ROWS, T, dtype=torch.bool)
BEGINS[:, 0] = BEGINS[0, 4] = BEGINS[1, 6] = True
CORES = {
    "GRU": partial(GRU, hidden_size=H, layers=2, residual=True, kernel="scan"),
    "LSTM": partial(LSTM, hidden_size=H, layers=2, kernel="native"),
    "Pooled": partial(Pooled, core=partial(Elman, hidden_size=H), how="mean"),
}


def packed() -> SequenceBatch:
    torch.manual_seed(2)
    exists = torch.arange(T) < LENGTHS[:, None]
    batch = whole(*(torch.randn(ROWS, T, n, dtype=torch.float64) for n in (FEATURES, VALUES)))
    return batch._replace(
        lengths=LENGTHS, scored=exists & (torch.rand(ROWS, T) < 0.7), begins=BEGINS & exists
    )


def gradient(task, batch: SequenceBatch) -> torch.Tensor:
    """Over all updates of a batch, weights frozen, by core and readout."""
    state, total = task.bptt.first_state(task.network.core.initial_carry(len(batch.x))), 0.0
    for update in task.bptt.losses(task.objective, batch, state):
        if update.loss is not None:
            total = total + flat_gradient(update.loss, task.network)
    return total


@pytest.fixture(scope="module")
def known() -> dict:
    return {}


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("bptt", STRATEGIES, ids=name)
def test_credit_decays_with_every_step(bptt: BackpropThroughTime, core: str, known: dict) -> None:
    """Rows of unlike length, in which sequences begin; a core that is no cell is run step by step."""
    plain, batch = make_task(core=CORES[core]), packed()
    if bptt.refusal(plain.network.core):
        return
    net = oracle.SquaredError(plain.network.core, VALUES)
    net.readout.load_state_dict(plain.network.readout.state_dict())
    restart, expected = bptt.k if isinstance(bptt, Split) else None, 0.0
    bptt.begin(1)
    for row, exist in enumerate(LENGTHS.tolist()):
        if (core, row, restart) not in known:
            alone = rows(batch, torch.tensor([row])).window(0, exist)
            known[core, row, restart] = pair_gradients(net, alone, restart) / VALUES
        credit = bptt.drawn_credit(T)[:exist, :exist]
        if getattr(bptt, "scored", "fresh") == "window":  # how often depends on where a sequence ends
            credit = bptt.row_credit(batch.begins[row, :exist])
        expected = expected + torch.einsum(
            "ts,tsp->p", decayed(credit.double(), G), known[core, row, restart]
        )
    task = make_task(core=CORES[core], bptt=bptt, credit_decay=G)
    torch.testing.assert_close(gradient(task, batch), expected, rtol=1e-10, atol=1e-11)


def hooked(task, batch: SequenceBatch, clip: float) -> torch.Tensor:
    """The gradient of a batch by torch.lstm_cell, a row and a step at a time, with a hook a crossing."""
    core, readout = task.network.core, task.network.readout
    w = core.stack.weights_of(0)
    total = 0.0
    for row in range(len(batch.x)):
        carry = task.objective.first_carry(batch.window(0, 1))
        first = memory = tuple(leaf[row] for leaf in carry)  # (1, H) each
        for t in range(int(batch.lengths[row])):
            memory = tuple(leaf.view_as(leaf) for leaf in (first if batch.begins[row, t] else memory))
            for leaf in memory:
                leaf.register_hook(lambda grad: grad.clamp(-clip, clip))
            memory = torch.lstm_cell(batch.x[row, t][None], memory, *w.values())
            if batch.scored[row, t]:
                total = total + (readout(memory[0])[0] - batch.y[row, t]).square().mean()
    grads = torch.autograd.grad(total, list(task.network.parameters()))
    return torch.cat([grad.flatten() for grad in grads])


EXACT = [b for b in STRATEGIES if b.exact or name(b) == name(Truncated(k1=20, k2=30))]


@pytest.mark.parametrize("kernel", ["auto", "scan", "loop"])
@pytest.mark.parametrize("bptt", EXACT, ids=name)
def test_the_gradient_of_the_state_is_clipped_at_every_crossing(bptt, kernel: str) -> None:
    """In ragged rows in which sequences begin, through windows run again, to a learned first carry."""
    core = partial(LSTM, hidden_size=H, kernel=kernel)
    task = make_task(core=core, bptt=bptt, state_clip=0.02, first_carry="learned")
    with torch.no_grad():
        for parameter in task.network.parameters():
            parameter.uniform_(-1, 1)
    batch = packed()
    found, expected = gradient(task, batch), hooked(task, batch, 0.02)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-11)
    assert not torch.allclose(expected, hooked(task, batch, 0.1))
    assert not torch.allclose(expected, hooked(task, batch, 0.01))


@pytest.mark.parametrize("core", ["GRU", "Pooled"])
def test_windows_are_clipped_where_they_meet_and_rows_alone(core: str) -> None:
    """What a batch gives is the sum of its rows; a look-back in pieces is one that is not cut."""
    batch = packed()._replace(begins=torch.arange(T).expand(ROWS, T) == 0)
    task = make_task(core=CORES[core], bptt=Truncated(k1=3, k2=9), state_clip=0.02)
    whole_rows = gradient(task, batch)
    alone = [gradient(task, rows(batch, torch.tensor([row]))) for row in range(ROWS)]
    torch.testing.assert_close(whole_rows, sum(alone), rtol=1e-10, atol=1e-11)
    state, total = task.bptt.first_state(task.network.core.initial_carry(ROWS)), 0.0
    for piece in (batch.window(0, 4), batch.window(4, 9), batch.window(9, T)):
        for update in task.bptt.losses(task.objective, piece, state):
            total, state = total + flat_gradient(update.loss, task.network), update.state
    torch.testing.assert_close(total, whole_rows, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("core", ["GRU", "LSTM"])
def test_options_that_do_nothing_leave_every_bit(core: str) -> None:
    plain = gradient(make_task(core=CORES[core]), packed())
    none = make_task(core=CORES[core], state_clip=float("inf"), credit_decay=1.0)
    assert torch.equal(gradient(none, packed()), plain)
    out_of_reach = gradient(make_task(core=CORES[core], state_clip=1e9), packed())
    torch.testing.assert_close(out_of_reach, plain, rtol=1e-12, atol=1e-13)


def deaf(size: int) -> Core:
    return Bidirectional(size, core=partial(Pooled, core=LSTM))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"state_clip": 0.0}, "must be positive or null, got state_clip=0.0"),
        ({"state_clip": -1.0}, "got state_clip=-1.0"),
        ({"state_clip": float("nan")}, "got state_clip=nan"),
        ({"credit_decay": 0.0}, r"must lie in \(0, 1\], got credit_decay=0.0"),
        ({"credit_decay": 1.1}, "got credit_decay=1.1"),
        ({"credit_decay": float("nan")}, "got credit_decay=nan"),
        ({"state_clip": 1.0, "core": FeedForward}, "FeedForward carries nothing; leave it out"),
        ({"state_clip": 1.0, "bptt": UORO()}, "UORO traces forward; leave it out"),
        (
            {"credit_decay": 0.9, "core": deaf, "bptt": Full()},
            "Bidirectional reads later steps .* leave it out",
        ),
        (
            {"credit_decay": 0.9, "core": partial(GRU, kernel="fused")},
            "kernel=fused runs all .* set kernel: auto",
        ),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_what_cannot_be_is_refused(options: dict, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make_task(**options)


@pytest.mark.parametrize("bptt", [b for b in UNCREDITED if not isinstance(b, KFRTRL | UORO)], ids=name)
def test_traces_fade(bptt: BackpropThroughTime) -> None:
    """Of one IndRNN, whose own traces are all there is; EProp has none of its recurrent weights' part."""
    core, batch = partial(IndRNN, hidden_size=H, nonlinearity="tanh"), packed()
    if name(bptt).startswith("EProp"):  # keeps what goes past the recurrent weights: of an LSTM its c
        core = partial(LSTM, hidden_size=H)
    found = gradient(make_task(core=core, bptt=bptt, credit_decay=G), batch)
    if name(bptt).startswith("EProp"):
        assert not torch.allclose(found, gradient(make_task(core=core, bptt=bptt), batch))
        none = gradient(make_task(core=core, bptt=bptt, credit_decay=1e-30), batch)
        one_step = gradient(make_task(core=core, bptt=Truncated(k1=1, k2=1)), batch)
        torch.testing.assert_close(none, one_step, rtol=1e-10, atol=1e-11)
        return
    expected = gradient(make_task(core=core, bptt=Full(), credit_decay=G), batch)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-11)
