"""Noise that is a function of its place: published numbers, shares, independence; dropped weights."""

from __future__ import annotations

import copy
import math
from functools import partial

import pytest
import torch
from noise_by_hand import mask, output
from torch import Tensor

from elman.cores import GRU, LRU, LSTM, Bidirectional, Elman, IndRNN, MinGRU, PeepholeLSTM
from elman.cores.noise import draw_weights, drawn, dropping_weights, hashed

EXACT = {"rtol": 1e-12, "atol": 1e-12}


def test_keys_are_the_outputs_of_splitmix64() -> None:
    """As its reference code in C gives them for this seed."""
    known = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    assert [output(1234567, number) for number in range(4)] == known
    found = hashed(torch.tensor(1234567), torch.arange(4))
    assert [number % 2**64 for number in found.tolist()] == known


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_what_is_hit_has_its_share_and_no_neighbours(share: float) -> None:
    """Neighbouring keys, units of a key, and layers of a unit: rates and correlations within 4 sigma."""
    keys = hashed(torch.tensor(7), torch.arange(400))
    hits = drawn(hashed(hashed(keys[:, None], torch.arange(2))[..., None], torch.arange(300)), share).double()
    count, sigma = hits.numel(), math.sqrt(share * (1 - share))
    assert abs(hits.mean() - share) < 4 * sigma / math.sqrt(count)
    centred = (hits - share) / sigma
    pairs = {
        "step": (centred[1:], centred[:-1]),
        "layer": (centred[:, :1], centred[:, 1:]),
        "unit": (centred[..., 1:], centred[..., :-1]),
    }
    for name, (a, b) in pairs.items():
        product = a * b
        assert abs(product.mean()) < 4 / math.sqrt(product.numel()), name
    per_key = hits.mean((1, 2))  # of 600 units: spread as if they were thrown
    assert per_key.std() == pytest.approx(sigma / math.sqrt(600), rel=0.15)


CELLS = {
    "elman": partial(Elman, kernel="native"),
    "gru": partial(GRU, kernel="scan"),
    "lstm": partial(LSTM, kernel="loop"),
    "auto": LSTM,
    "residual": partial(LSTM, residual=True),
    "peephole": PeepholeLSTM,
    "indrnn": IndRNN,
}


@pytest.mark.parametrize("make", CELLS.values(), ids=CELLS)
def test_dropped_weights_are_weights_that_are_zero(make) -> None:
    """Outputs and gradients of a plain cell with the mask multiplied into its weights."""
    torch.manual_seed(1)
    core = make(3, hidden_size=4, layers=2, weight_dropout=0.4).double()
    plain = make(3, hidden_size=4, layers=2).double()
    plain.load_state_dict(core.state_dict())
    x, lengths = torch.randn(2, 40, 3, dtype=torch.float64), torch.tensor([40, 33])
    undrawn, _ = core(x, core.initial_carry(2), lengths)
    torch.testing.assert_close(undrawn, plain(x, plain.initial_carry(2), lengths)[0], **EXACT)
    draw_weights(dropping_weights(core), hashed(torch.tensor(5), 8))
    masks = {}
    for name, weight in plain.named_parameters():
        if "weight_hh" in name:
            layer = 1 if "parts.1" in name or name.endswith("l1") else 0
            masks[name] = mask(output(output(output(5, 8), 0), layer), weight.shape, 0.4)
            weight.data.mul_(masks[name])
    for net in (core, plain):
        out, _ = net(x, net.initial_carry(2), lengths)
        out.square().sum().backward()
    torch.testing.assert_close(core(x, core.initial_carry(2), lengths)[0], out, **EXACT)
    assert len(masks) == 2
    for (name, weight), other in zip(core.named_parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(weight.grad, other.grad * masks.get(name, 1), **EXACT)
    assert torch.equal(core.eval()(x, core.initial_carry(2))[0], whole(core)(x, core.initial_carry(2))[0])


def whole(core) -> torch.nn.Module:
    """The cell itself with all its weights, as if none had ever been dropped."""
    plain = copy.deepcopy(core)
    plain.stack.weight_dropout, plain.stack._masks = 0.0, []
    return plain


def test_layers_and_directions_drop_weights_of_their_own() -> None:
    core = Bidirectional(3, core=partial(Elman, hidden_size=8, layers=2, weight_dropout=0.5))

    def masks(number: int) -> list[Tensor]:
        parts = dropping_weights(core)
        draw_weights(parts, hashed(torch.tensor(1), number))
        return [mask for part in parts for mask in part._masks]

    first = masks(0)
    assert len(first) == 4
    assert len({tuple(mask.flatten().tolist()) for mask in [*first, *masks(1)]}) == 8
    assert all(map(torch.equal, first, masks(0)))


def test_what_cannot_be_dropped_is_refused() -> None:
    with pytest.raises(ValueError, match=r"kernel=fused runs torch's .*set kernel: auto, native, scan or"):
        LSTM(2, weight_dropout=0.1, kernel="fused")
    for cell in (MinGRU, LRU):
        with pytest.raises(ValueError, match=f"which {cell.__name__} does not have; leave it out"):
            cell(2, weight_dropout=0.1)
    with pytest.raises(ValueError, match=r"weight_dropout < 1, got weight_dropout=1\.0; 0 turns it off"):
        LSTM(2, weight_dropout=1.0)
