"""Zoneout and recurrent dropout: look-back, other batches and recomputation see the noise of their steps."""

from __future__ import annotations

from functools import cache, partial

import pytest
import torch
from noise_by_hand import hit, key_of, output
from task_toys import HIDDEN, ROWS, cut, fit, make_task, stream, taken, weights
from torch import Tensor, nn

from elman.batch import SequenceBatch
from elman.bptt import RTRL, Checkpointed, Full, Truncated
from elman.cores import GRU, LSTM, Centred, Elman, MinGRU
from elman.errors import BadInput

SEED, K1, K2, STEPS = 17, 3, 7, 24
BEGINS = {0: [0, 7, 18], 1: [0], 2: [0, 15]}
LENGTHS = [24, 20, 24]
ZONEOUT, ZONEOUT_C, DROPPED, BETWEEN = 0.3, 0.4, 0.25, 0.2
SGD = partial(torch.optim.SGD, lr=0.1)
lstm = partial(LSTM, hidden_size=HIDDEN, zoneout=ZONEOUT, zoneout_c=ZONEOUT_C, recurrent_dropout=DROPPED)


@pytest.fixture(scope="module")
def rows() -> SequenceBatch:
    """One of them ends early, sequences begin inside two."""
    (batch,) = stream(STEPS)
    begins = torch.zeros(ROWS, STEPS, dtype=torch.bool)
    for row, steps in BEGINS.items():
        begins[row, steps] = True
    lengths = torch.tensor(LENGTHS)
    return batch._replace(begins=begins, lengths=lengths, scored=torch.arange(STEPS) < lengths[:, None])


@cache
def hits(scope: str, cuts: tuple[int, ...], t: int, place_in_layer: tuple[int, int], share: float) -> Tensor:
    """(ROWS, HIDDEN), what is hit at step t, by the definition of its place and Python's whole numbers."""
    found = []
    for row in range(ROWS):
        place = t
        if scope == "batch":
            place = max(sum(cuts[:n]) for n in range(len(cuts)) if sum(cuts[:n]) <= t)
        elif scope == "sequence":
            place = max(step for step in BEGINS[row] if step <= t)
        key = key_of(SEED, 1, row, place, 0, *place_in_layer)
        found.append([hit(output(key, unit), share) for unit in range(HIDDEN)])
    return torch.tensor(found)


class ByHand(nn.Module):
    """Two layers of LSTM and a readout with the weights of a task, and noise written out."""

    def __init__(self, task, cuts: tuple[int, ...], scopes: tuple[str, str]) -> None:
        super().__init__()
        stack, readout = task.network.core.stack, task.network.readout
        named = [weight for layer in range(2) for weight in stack.weights_of(layer).values()]
        self.own = nn.ParameterList(p.detach().clone() for p in (*named, *readout.parameters()))
        self.cuts, self.scopes = cuts, scopes

    def step(self, x: Tensor, carry: list[tuple[Tensor, Tensor]], t: int) -> tuple[Tensor, list]:
        after = []
        begun = torch.tensor([t in BEGINS[row] for row in range(ROWS)])[:, None]
        for layer, before in enumerate(carry):
            h, c = (leaf.masked_fill(begun, 0) for leaf in before)
            w_ih, w_hh, b_ih, b_hh = self.own[4 * layer : 4 * layer + 4]
            still, still_c, unread = (
                hits(scope, self.cuts, t, (layer, number), share)
                for scope, number, share in (
                    (self.scopes[0], 0, ZONEOUT),
                    (self.scopes[0], 1, ZONEOUT_C),
                    (self.scopes[1], 99, DROPPED),
                )
            )
            read = torch.where(unread, 0.0, h / (1 - DROPPED))
            i, f, g, o = (x @ w_ih.t() + b_ih + read @ w_hh.t() + b_hh).chunk(4, 1)
            new_c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            new_h = o.sigmoid() * new_c.tanh()
            x = torch.where(still, h, new_h)
            after.append((x, torch.where(still_c, c, new_c)))
            if not layer:
                x = torch.where(hits(self.scopes[1], self.cuts, t, (1, 98), BETWEEN), 0.0, x / (1 - BETWEEN))
        return x @ self.own[8].t() + self.own[9], after

    def trained(self, rows: SequenceBatch) -> Tensor:
        """The weights after windows of K1 steps, each from the carry K2 back."""
        optimizer = SGD(self.parameters())
        zeros = torch.zeros(ROWS, HIDDEN, dtype=torch.float64)
        carries = {0: [(zeros, zeros)] * 2}
        for first in range(0, STEPS, K1):
            start = max(0, first + K1 - K2)
            carry, total = carries[start], torch.zeros(())
            for t in range(start, first + K1):
                out, carry = self.step(rows.x[:, t], carry, t)
                carries[t + 1] = [(h.detach(), c.detach()) for h, c in carry]
                if t >= first:
                    loss = (out - rows.y[:, t]).square().mean(-1)
                    total = total + loss[rows.scored[:, t]].sum()
            optimizer.zero_grad()
            (total / (ROWS * K1)).backward()
            optimizer.step()
        return torch.cat([p.detach().flatten() for p in self.own])


@pytest.mark.parametrize(
    ("cuts", "scopes"),
    [
        ((24,), ("step", "sequence")),
        ((5, 10, 2, 7), ("step", "sequence")),
        ((5, 10, 9), ("batch", "batch")),
        ((4, 20), ("sequence", "step")),
    ],
)
def test_updates_are_those_of_noise_written_out(rows, cuts: tuple[int, ...], scopes: tuple[str, str]) -> None:
    core = partial(lstm, layers=2, zoneout_scope=scopes[0], recurrent_scope=scopes[1])
    core = partial(core, dropout=BETWEEN, dropout_scope=scopes[1])
    task = make_task(core=core, bptt=Truncated(k1=K1, k2=K2), optimizer=SGD, normaliser="steps")
    by_hand = ByHand(task, cuts, scopes).trained(rows)
    torch.manual_seed(SEED)
    fit(task, cut(rows, *cuts))
    torch.testing.assert_close(weights(task), by_hand, rtol=0, atol=1e-12)


def test_recomputed_windows_see_the_noise_of_their_steps() -> None:
    (plain,) = stream(11)
    assert plain.plain
    found = []
    for bptt in (Full(), Checkpointed(window=5), Checkpointed(schedule="revolve", window=2, slots=2)):
        task = make_task(core=lstm, bptt=bptt)
        torch.manual_seed(SEED)
        found.append(taken(task, [plain]))
    assert (found[0] - taken(make_task(core=partial(LSTM, hidden_size=HIDDEN)), [plain])).abs().max() > 1e-3
    for gradient in found[1:]:
        torch.testing.assert_close(gradient, found[0], rtol=0, atol=1e-12)


def test_every_kernel_but_torchs_has_dropout_between_layers_that_lasts(rows) -> None:
    found = []
    for kernel in ("loop", "scan", "native"):
        options = {"layers": 3, "dropout": 0.3, "dropout_scope": "sequence", "residual": True}
        core = partial(Elman, hidden_size=HIDDEN, kernel=kernel, **options)
        task = make_task(core=core, bptt=Truncated(k1=3, k2=7), optimizer=SGD)
        torch.manual_seed(SEED)
        fit(task, cut(rows, 9, 15))
        found.append(weights(task))
    for other in found[1:]:
        torch.testing.assert_close(other, found[0], rtol=0, atol=1e-12)


def test_outside_training_zoneout_is_its_expectation(rows) -> None:
    """h = z h + (1 - z) h_new, c alike, and everything is read; in training, without keys, too."""
    torch.manual_seed(1)
    core = lstm(2).double()
    cell = nn.LSTMCell(2, HIDDEN).double()
    cell.load_state_dict(
        {name.removesuffix("_l0"): p for name, p in core.stack.parts[0].state_dict().items()}
    )
    h = c = torch.zeros(ROWS, HIDDEN, dtype=torch.float64)
    outs = []
    for x in rows.x.unbind(1):
        new_h, new_c = cell(x, (h, c))
        h, c = ZONEOUT * h + (1 - ZONEOUT) * new_h, ZONEOUT_C * c + (1 - ZONEOUT_C) * new_c
        outs.append(h)
    out, end = core.eval()(rows.x, core.initial_carry(ROWS))
    torch.testing.assert_close(out, torch.stack(outs, 1), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(end[1][:, 0], c, rtol=1e-12, atol=1e-12)


def test_noise_of_zero_is_the_plain_run(rows) -> None:
    runs = []
    for options in ({}, {"zoneout": 0.0, "recurrent_dropout": 0.0, "zoneout_scope": "sequence"}):
        task = make_task(core=partial(GRU, hidden_size=HIDDEN, **options), bptt=Truncated(k1=3, k2=7))
        fit(task, cut(rows, 10, 14))
        assert "noise_place" not in task.train_state.state_dict()
        runs.append(weights(task))
    assert torch.equal(*runs)


def test_noise_that_cannot_be_is_refused() -> None:
    for make, text in (
        (
            partial(GRU, recurrent_dropout=0.1),
            r"GRU hands it on past its weights too; use zoneout or weight_",
        ),
        (partial(MinGRU, zoneout=0.1), "MinGRU runs all steps at once; leave them out"),
        (partial(Elman, zoneout_c=0.1), "a memory beside h, which Elman does not have; set zoneout"),
        (partial(LSTM, zoneout=0.1, kernel="fused"), "got kernel='fused', set kernel: auto or loop"),
        (partial(LSTM, dropout_scope="step"), "and there is none; set dropout and layers"),
        (partial(LSTM, layers=2, dropout=0.1, dropout_scope="step", kernel="fused"), "kernel=fused draws"),
        (partial(LSTM, zoneout=1.0), "0 <= zoneout < 1"),
        (partial(LSTM, zoneout_scope="window"), "zoneout_scope must be 'step', 'batch' or 'sequence'"),
    ):
        with pytest.raises(ValueError, match=text):
            make(2)
    with pytest.raises(
        ValueError, match="RTRL cannot train this core: zoneout, recurrent_dropout and dropout_sc"
    ):
        make_task(core=lstm, bptt=RTRL())
    with pytest.raises((ValueError, BadInput), match=r"state_clip=1.* runs Centred step by step"):
        make_task(core=partial(Centred, core=lstm), state_clip=1.0)
