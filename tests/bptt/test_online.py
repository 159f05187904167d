"""Credit that is traced forward in time: equal to what goes backward, where it claims to be."""

from __future__ import annotations

import itertools
from functools import partial

import pytest
import torch
from oracle import SquaredError, flat_gradient, update_gradients
from task_toys import make_task, stream, taken

from elman.batch import SequenceBatch, whole
from elman.bptt import KFRTRL, RTRL, UORO, DiagonalRTRL, EProp, Full, SnAp1, Truncated
from elman.bptt.online import Online
from elman.cores import GRU, LSTM, Elman, IndRNN, Leaky, MinGRU, MinLSTM
from elman.cores.crossing import Crossing
from elman.errors import BadInput
from elman.tasks.saved_state import restored_state, saved_state

B, T, F, H = 3, 9, 2, 4
CELLS = {
    "tanh": Elman,
    "relu": partial(Elman, nonlinearity="relu"),
    "sigmoid": partial(Elman, nonlinearity="sigmoid"),
    "LSTM": LSTM,
    "GRU": GRU,
}
SHAPES = {"1": {}, "2": {"layers": 2}, "3-residual": {"layers": 3, "residual": True}}
each_cell = pytest.mark.parametrize("cell", CELLS)
each_shape = pytest.mark.parametrize("shape", SHAPES)
BATCHES = ("even", "ragged", "begins", "unscored")
each_batch = pytest.mark.parametrize("kind", BATCHES)
CLOSE = {"rtol": 1e-10, "atol": 1e-12}


def made_net(make, **options) -> SquaredError:
    torch.manual_seed(1)
    net = SquaredError(make(F, hidden_size=H, **options))
    with torch.no_grad():
        for parameter in net.core.parameters():
            parameter.uniform_(-0.9, 0.9)
    return net


def made_batch(kind: str, rows: int = B, steps: int = T) -> SequenceBatch:
    torch.manual_seed(2)
    x, y = (torch.randn(rows, steps, n, dtype=torch.float64) for n in (F, 2))
    batch = whole(x, y)
    if kind == "ragged":
        lengths = torch.tensor([steps, 6, 2])
        exist = torch.arange(steps) < lengths[:, None]
        x = x.masked_fill(~exist[..., None], 9.0)
        return batch._replace(x=x, lengths=lengths, scored=exist)
    if kind == "begins":
        begins = batch.begins.clone()
        begins[0, [3, 4]] = begins[2, 7] = True
        return batch._replace(begins=begins)
    if kind == "unscored":
        return batch._replace(scored=torch.rand(rows, steps) < 0.4)
    return batch


@each_batch
@each_shape
@each_cell
def test_rtrl_is_back_propagation_at_every_prefix(cell: str, shape: str, kind: str) -> None:
    """With weights that do not move, after every step the sum so far is the gradient of the steps so far."""
    net, batch = made_net(CELLS[cell], **SHAPES[shape]), made_batch(kind)
    total, step = 0.0, 0
    for update in RTRL().losses(net, batch, RTRL().first_state(net.core.initial_carry(B))):
        step += 1
        total = total + flat_gradient(update.loss, net)
        loss, _ = net(batch.window(0, step), net.core.initial_carry(B))
        torch.testing.assert_close(total, flat_gradient(loss, net), **CLOSE)
        assert (update.loss is None) == (not batch.scored[:, step - 1].any())
    assert step == T


def total_of(bptt: Online, net: SquaredError, batches: list[SequenceBatch]) -> torch.Tensor:
    return sum(update_gradients(bptt, net, batches))


DIAGONAL = {
    **{phi: partial(IndRNN, nonlinearity=phi) for phi in ("relu", "tanh", "sigmoid")},
    "MinGRU": MinGRU,  # without recurrent weights
    "MinLSTM": MinLSTM,
}


@each_batch
@pytest.mark.parametrize("cell", DIAGONAL)
def test_diagonal_rtrl_is_back_propagation_for_one_layer(cell: str, kind: str) -> None:
    net, batch = made_net(DIAGONAL[cell]), made_batch(kind)
    (expected,) = update_gradients(Full(), net, [batch])
    torch.testing.assert_close(total_of(DiagonalRTRL(), net, [batch]), expected, **CLOSE)
    torch.testing.assert_close(total_of(RTRL(), net, [batch]), expected, **CLOSE)


def test_diagonal_rtrl_is_exact_for_the_top_layer_of_a_stack_alone() -> None:
    net, batch = made_net(IndRNN, layers=2), made_batch("ragged")
    (expected,) = update_gradients(Full(), net, [batch])
    found = total_of(DiagonalRTRL(), net, [batch])
    below = sum(p.numel() for n, p in net.core.named_parameters() if "parts.0" in n)
    assert below == H * (F + 3)
    torch.testing.assert_close(found[below:], expected[below:], **CLOSE)
    assert (found[:below] - expected[:below]).norm() > 0.01 * expected[:below].norm()
    torch.testing.assert_close(total_of(RTRL(), net, [batch]), expected, **CLOSE)


def stepped(net: SquaredError, x, carry, layer: int, keeps: torch.Tensor):
    """One step of one layer; of W h_{t-1} only what `keeps` picks of W has a gradient by h_{t-1}."""
    core, w = net.core, net.core.stack.weights_of(layer)
    h, *c = carry
    p = (w["weight_hh"] * keeps) @ h.t() + (w["weight_hh"] * (1 - keeps)) @ h.detach().t()
    p, d = p.t() + w["bias_hh"], x @ w["weight_ih"].t() + w["bias_ih"]
    if isinstance(core, Elman):
        return (torch.tanh(p + d),)
    if isinstance(core, LSTM):
        i, f, g, o = (p + d).chunk(4, 1)
        c = torch.sigmoid(f) * c[0] + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c
    r, z = torch.sigmoid(p + d).chunk(3, 1)[:2]
    n = torch.tanh(d.chunk(3, 1)[2] + r * p.chunk(3, 1)[2])
    return ((1 - z) * n + z * h,)


def cut_gradient(net: SquaredError, batch: SequenceBatch, *, diagonal: bool) -> torch.Tensor:
    """Backward through a network whose units do not see one another's past, layer by layer.

    For the weights of a layer the carries of the layers above count as given.
    """
    core, total = net.core, 0.0
    gates = len(core.stack.weights_of(0)["weight_hh"]) // H
    keeps = torch.eye(H, dtype=torch.float64).repeat(gates, 1) * diagonal
    for traced in range(core.layers):
        loss = 0.0
        carries = [tuple(leaf[:, layer] for leaf in core.initial_carry(B)) for layer in range(core.layers)]
        for t in range(batch.steps):
            below = batch.x[:, t]
            for layer, carry in enumerate(carries):
                begins, exists = batch.begins[:, t, None], (batch.lengths > t)[:, None]
                start = tuple(torch.where(begins, torch.zeros_like(leaf), leaf) for leaf in carry)
                if layer > traced:
                    start = tuple(leaf.detach() for leaf in start)
                after = stepped(net, below, start, layer, keeps)
                carries[layer] = tuple(torch.where(exists, a, b) for a, b in zip(after, start, strict=True))
                below = after[0] + below if layer and core.residual else after[0]
            errors = (net.readout(below) - batch.y[:, t]).square().sum(-1)
            loss = loss + errors[batch.scored[:, t]].sum()
        own = [id(weight) for weight in core.stack.weights_of(traced).values()]
        last = traced == core.layers - 1
        mask = [
            torch.full((p.numel(),), float(id(p) in own or (last and n.startswith("readout"))))
            for n, p in net.named_parameters()
        ]
        total = total + flat_gradient(loss, net) * torch.cat(mask)
    return total


@each_batch
@each_shape
@pytest.mark.parametrize("cell", ["tanh", "LSTM", "GRU"])
@pytest.mark.parametrize("bptt", [SnAp1(), EProp()], ids=["SnAp1", "EProp"])
def test_traces_of_a_unit_alone_are_back_propagation_through_cut_products(
    bptt: Online, cell: str, shape: str, kind: str
) -> None:
    net, batch = made_net(CELLS[cell], **SHAPES[shape]), made_batch(kind)
    expected = cut_gradient(net, batch, diagonal=isinstance(bptt, SnAp1))
    torch.testing.assert_close(total_of(bptt, net, [batch]), expected, **CLOSE)


@pytest.mark.parametrize("cell", CELLS)
def test_snap1_is_rtrl_where_recurrent_weights_are_diagonal(cell: str) -> None:
    net, batch = made_net(CELLS[cell]), made_batch("ragged")
    with torch.no_grad():
        for gate in net.core.stack.weights_of(0)["weight_hh"].split(H):
            gate.mul_(torch.eye(H))
    exact = total_of(RTRL(), net, [batch])
    torch.testing.assert_close(total_of(SnAp1(), net, [batch]), exact, **CLOSE)


@each_shape
@pytest.mark.parametrize("cell", ["tanh", "relu", "sigmoid"])
def test_eprop_of_a_plain_network_is_truncation_to_one_step(cell: str, shape: str) -> None:
    net, batch = made_net(CELLS[cell], **SHAPES[shape]), made_batch("ragged")
    expected = total_of(Truncated(k1=1, k2=1), net, [batch])
    torch.testing.assert_close(total_of(EProp(), net, [batch]), expected, **CLOSE)


@each_shape
def test_eprop_of_a_leaky_network_is_rflo(shape: str) -> None:
    """p_t = (1 - rate) p_{t-1} + rate phi'(a_t) z_t, met by the loss through readout and layers above.

    Source: Murray (2019), eLife 8, e43299, equations 4 and 5.
    """
    rate, given = 0.3, SHAPES[shape]
    if given.get("layers", 1) > 1:
        return  # of stacks, what the layers above do at a step is held elsewhere
    net, batch = made_net(partial(Leaky, rate=rate), **given), made_batch("ragged")
    weights = net.core.stack.weights_of(0)
    expected = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    for row in range(len(batch.x)):
        h = torch.zeros(H, dtype=torch.float64)
        trace = torch.zeros(H, H + F + 1, dtype=torch.float64)
        for t in range(int(batch.lengths[row])):
            if bool(batch.begins[row, t]):
                h, trace = torch.zeros_like(h), torch.zeros_like(trace)
            x = batch.x[row, t]
            a = weights["weight_hh"] @ h + weights["weight_ih"] @ x + weights["bias_ih"] + weights["bias_hh"]
            z = torch.cat([h, x, torch.ones(1, dtype=torch.float64)])
            trace = (1 - rate) * trace + rate * ((1 - a.tanh().square())[:, None] * z).detach()
            h = ((1 - rate) * h + rate * a.tanh()).detach().requires_grad_()
            if bool(batch.scored[row, t]):
                loss = (net.readout(h) - batch.y[row, t]).square().sum()
                (signal,) = torch.autograd.grad(loss, h)
                found = signal[:, None] * trace
                expected["weight_hh"] += found[:, :H]
                expected["weight_ih"] += found[:, H:-1]
                for name in ("bias_ih", "bias_hh"):
                    expected[name] += found[:, -1]
            h = h.detach()
    total = total_of(EProp(), net, [batch])
    names = [name for name, _ in net.named_parameters() if name.startswith("core")]
    sizes = [p.numel() for name, p in net.named_parameters() if name in names]
    for name, part in zip(names, total.split([*sizes, len(total) - sum(sizes)]), strict=False):
        want = expected[name.rpartition(".")[2].removesuffix("_l0")]
        torch.testing.assert_close(part, want.flatten(), **CLOSE)


def all_signs(monkeypatch: pytest.MonkeyPatch, module: str, bits: int) -> None:
    """Row r of a batch of 2 ** bits takes the binary digits of r for its signs, one after the other."""
    digits = torch.tensor(list(itertools.product((-1.0, 1.0), repeat=bits)), dtype=torch.float64)
    taken = itertools.count()

    def signs(like: torch.Tensor) -> torch.Tensor:
        count = like[0].numel()
        columns = [next(taken) for _ in range(count)]
        return digits[:, columns].reshape(like.shape)

    monkeypatch.setattr(f"elman.bptt.{module}.signs", signs)


ENUMERATED = {  # strategy, its file, cell, options, steps, signs of a step
    "UORO-tanh": (UORO(), "uoro", Elman, {"hidden_size": 2}, 4, 2),
    "UORO-LSTM": (UORO(), "uoro", LSTM, {"hidden_size": 1}, 4, 2),
    "UORO-GRU-2": (UORO(), "uoro", GRU, {"hidden_size": 1, "layers": 2}, 4, 2),
    "UORO-residual": (UORO(), "uoro", Elman, {"hidden_size": 1, "layers": 3, "residual": True}, 3, 3),
    "UORO-IndRNN": (UORO(), "uoro", IndRNN, {"hidden_size": 2}, 4, 2),
    "KFRTRL-tanh": (KFRTRL(), "kf_rtrl", Elman, {"hidden_size": 3}, 5, 2),
    "KFRTRL-LSTM": (KFRTRL(), "kf_rtrl", LSTM, {"hidden_size": 2}, 4, 2),
    "KFRTRL-GRU": (KFRTRL(), "kf_rtrl", GRU, {"hidden_size": 2}, 3, 4),
    "KFRTRL-residual": (KFRTRL(), "kf_rtrl", LSTM, {"hidden_size": 2, "layers": 2, "residual": True}, 3, 4),
}


@pytest.mark.parametrize("case", ENUMERATED)
def test_the_mean_over_all_signs_is_the_gradient(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The expectation itself: every row of one batch has other signs, and together they have all."""
    bptt, module, cell, options, steps, each = ENUMERATED[case]
    bits = each * steps
    all_signs(monkeypatch, module, bits)
    torch.manual_seed(1)
    net = SquaredError(cell(F, **options))
    with torch.no_grad():
        for parameter in net.core.parameters():
            parameter.uniform_(-0.9, 0.9)
    one = made_batch("even", rows=1, steps=steps)
    many = whole(one.x.expand(2**bits, -1, -1), one.y.expand(2**bits, -1, -1))
    (expected,) = update_gradients(Full(), net, [one])
    found = total_of(bptt, net, [many]) / 2**bits
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-11)
    net.credit_decay = 0.6
    net.core.use_crossing(Crossing(decay=0.6))
    (expected,) = update_gradients(Full(), net, [one])
    all_signs(monkeypatch, module, bits)
    found = total_of(bptt, net, [many]) / 2**bits
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("cell", ["tanh", "LSTM", "GRU"])
@pytest.mark.parametrize("bptt", [UORO(), KFRTRL()], ids=["UORO", "KFRTRL"])
def test_drawn_signs_are_without_bias(bptt: Online, cell: str) -> None:
    """20 batches of 200 equal rows, each row with signs of its own: errors over their standard error."""
    net, one = made_net(CELLS[cell], layers=2), made_batch("even", rows=1)
    (expected,) = update_gradients(Full(), net, [one])
    many = whole(one.x.expand(200, -1, -1), one.y.expand(200, -1, -1))
    torch.manual_seed(3)
    found = torch.stack([total_of(bptt, net, [many]) / 200 for _ in range(20)])
    learned = slice(0, sum(p.numel() for p in net.core.parameters()))
    error = (found.mean(0) - expected)[learned]
    z = error / (found.std(0)[learned] / 20**0.5)
    assert 0.6 < z.square().mean().sqrt() < 1.5  # 1.06 for independent parameters, Student, 19 degrees
    torch.testing.assert_close(found[0, learned.stop :], expected[learned.stop :], **CLOSE)


@pytest.mark.parametrize("cell", CELLS)
def test_one_step_of_kf_rtrl_is_exact(cell: str) -> None:
    net, batch = made_net(CELLS[cell]), made_batch("even", steps=1)
    (expected,) = update_gradients(Full(), net, [batch])
    torch.testing.assert_close(total_of(KFRTRL(), net, [batch]), expected, **CLOSE)


ONLINE = [RTRL(), RTRL(k1=4), SnAp1(), SnAp1(k1=3), EProp(), UORO(), UORO(k1=2), KFRTRL(), DiagonalRTRL()]
each_online = pytest.mark.parametrize("bptt", ONLINE, ids=lambda s: f"{type(s).__name__}-{s.k1}")


def net_for(bptt: Online) -> SquaredError:
    return made_net(IndRNN if isinstance(bptt, DiagonalRTRL) else GRU, layers=2)


@each_online
@pytest.mark.parametrize("cuts", [(5,), (1, 2, 6), tuple(range(1, T))], ids=str)
def test_streams_may_be_cut_anywhere(bptt: Online, cuts: tuple[int, ...]) -> None:
    """The same gradient between the same two updates, and the same signs, in order."""
    net, whole_batch = net_for(bptt), made_batch("begins")
    pieces = [whole_batch.window(a, b) for a, b in itertools.pairwise((0, *cuts, T))]
    sums = []
    for batches in ([whole_batch], pieces):
        torch.manual_seed(3)
        state, found, total = bptt.first_state(net.core.initial_carry(B)), [], 0.0
        for batch in batches:
            for update in bptt.losses(net, batch, state):
                state, total = update.state, total + flat_gradient(update.loss, net)
                if update.closes:
                    found, total = [*found, total], 0.0
        sums.append(torch.stack(found))
    assert len(sums[0]) == -(-T // bptt.k1)
    torch.testing.assert_close(*sums, **CLOSE)


@each_online
def test_a_state_goes_on_from_plain_tuples(bptt: Online) -> None:
    net, batch = net_for(bptt), made_batch("begins")
    first, second = batch.window(0, 4), batch.window(4, T)
    *_, update = bptt.losses(net, first, bptt.first_state(net.core.initial_carry(B)))
    again = type(update.state)(*restored_state(saved_state(update.state), torch.device("cpu")))
    found = []
    for state in (update.state, again):
        torch.manual_seed(4)
        found.append([flat_gradient(u.loss, net) for u in bptt.losses(net, second, state)])
    torch.testing.assert_close(*found, rtol=0, atol=0)


@each_online
def test_traces_of_a_row_stay_where_it_has_no_step_and_end_where_it_begins(bptt: Online) -> None:
    net, batch = net_for(bptt), made_batch("begins")
    batch = batch._replace(is_last=False)
    *_, early = bptt.losses(net, batch.window(0, 5), bptt.first_state(net.core.initial_carry(B)))
    exist = torch.arange(5, T) < torch.tensor([T, 5, T])[:, None]
    late = batch.window(5, T)._replace(lengths=exist.sum(1), scored=exist)
    ended = []
    for traces in (early.state.traces, tuple(map(torch.ones_like, early.state.traces))):
        torch.manual_seed(5)
        *_, update = bptt.losses(net, late, early.state._replace(traces=traces))
        ended.append(update.state.traces)
        for before, after in zip(traces, update.state.traces, strict=True):
            assert torch.equal(after[1], before[1])  # the row has no step
    for one, other in zip(*ended, strict=True):
        assert torch.equal(one[2], other[2])  # the row begins at step 7, whatever its traces were
        assert not torch.equal(one[0], other[0])  # this one goes on


@each_online
def test_traces_that_are_not_finite_are_forgotten(bptt: Online) -> None:
    net, batch = net_for(bptt), made_batch("even")
    state = bptt.first_state(net.core.initial_carry(B))
    for update in bptt.losses(net, batch.window(0, 4)._replace(is_last=False), state):
        state = update.state
    assert all(trace.abs().sum() > 0 for trace in state.traces)
    broken = tuple(trace.clone() for trace in state.traces)
    for trace in broken:
        trace[1] = torch.inf
    *_, update = bptt.losses(net, batch.window(4, 8), state._replace(traces=broken))
    assert not flat_gradient(update.loss, net).isfinite().all() or bptt.k1 < 4
    assert all(trace.isfinite().all() for trace in update.state.traces)


@pytest.mark.parametrize("burn_in", [0, 3])
@pytest.mark.parametrize("bptt", [RTRL(), RTRL(k1=4)], ids=["1", "4"])
def test_in_the_product_rtrl_is_full(bptt: Online, burn_in: int) -> None:
    """One update a batch, so that weights do not move; steps that only warm the carry have no gradient."""
    (batch,) = stream(9)
    taken_by = [
        taken(make_task(bptt=strategy, accumulate="batch", normaliser="sequence", burn_in=burn_in), [batch])
        for strategy in (bptt, Full())
    ]
    assert taken_by[0].norm() > 0
    torch.testing.assert_close(*taken_by, **CLOSE)


def test_sizes_and_cores_that_cannot_work_are_refused() -> None:
    net, batch = made_net(LSTM, layers=2), made_batch("even")
    state = RTRL().first_state(net.core.initial_carry(B))
    with pytest.raises(BadInput, match=r"RTRL keeps traces of .* MiB for 3 rows, more than most_mib=0.01"):
        next(RTRL(most_mib=0.01).losses(net, batch, state))
    with pytest.raises(BadInput, match="DiagonalRTRL cannot train this core: the units of LSTM read"):
        next(DiagonalRTRL().losses(net, batch, state))
    assert "dropout: 0" in SnAp1().refusal(LSTM(F, layers=2, dropout=0.1))
    assert SnAp1().refusal(LSTM(F, dropout=0.1)) is None  # it has no place to act
    for given in ({"k1": 0}, {"most_mib": 0.0}):
        with pytest.raises(ValueError, match="must be"):
            SnAp1(**given)
