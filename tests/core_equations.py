"""The step of every cell, apart from it: (x_t (F,), memory, weights) to (h_t, memory), a row of a layer."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

H = 5


def elman(phi: Callable[[Tensor], Tensor]) -> Callable:
    def step(x, memory, weights):
        w_ih, w_hh, b_ih, b_hh = weights
        h = phi(w_ih @ x + b_ih + w_hh @ memory[0] + b_hh)
        return h, (h,)

    return step


def indrnn(phi: Callable[[Tensor], Tensor]) -> Callable:
    def step(x, memory, weights):
        w_ih, w_hh, b_ih, b_hh = weights
        h = phi(w_ih @ x + b_ih + w_hh * memory[0] + b_hh)
        return h, (h,)

    return step


def leaky(phi: Callable[[Tensor], Tensor], rate: float) -> Callable:
    def step(x, memory, weights):
        w_ih, w_hh, b_ih, b_hh = weights
        (h,) = memory
        h = (1 - rate) * h + rate * phi(w_ih @ x + b_ih + w_hh @ h + b_hh)
        return h, (h,)

    return step


def lstm(x, memory, weights):
    w_ih, w_hh, b_ih, b_hh = weights
    h, c = memory
    i, f, g, o = (w_ih @ x + b_ih + w_hh @ h + b_hh).split(H)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    h = torch.sigmoid(o) * torch.tanh(c)
    return h, (h, c)


def gru(x, memory, weights):
    w_ih, w_hh, b_ih, b_hh = weights
    (h,) = memory
    from_x, from_h = (w_ih @ x + b_ih).split(H), (w_hh @ h + b_hh).split(H)
    r, z = torch.sigmoid(from_x[0] + from_h[0]), torch.sigmoid(from_x[1] + from_h[1])
    n = torch.tanh(from_x[2] + r * from_h[2])
    h = (1 - z) * n + z * h
    return h, (h,)


def original_gru(x, memory, weights):
    (h,) = memory
    (u_r, u_z, u_n), (w_r, w_z, w_n), (b_r, b_z, b_n) = (leaf.split(H) for leaf in weights)
    r, z = torch.sigmoid(w_r @ h + u_r @ x + b_r), torch.sigmoid(w_z @ h + u_z @ x + b_z)
    h = (1 - z) * torch.tanh(u_n @ x + w_n @ (r * h) + b_n) + z * h
    return h, (h,)


def peephole(x, memory, weights):
    w_ih, w_hh, b_ih, b_hh, p = weights
    (h, c), (p_i, p_f, p_o) = memory, p.split(H)
    i, f, g, o = (w_ih @ x + b_ih + w_hh @ h + b_hh).split(H)
    c = torch.sigmoid(f + p_f * c) * c + torch.sigmoid(i + p_i * c) * torch.tanh(g)
    h = torch.sigmoid(o + p_o * c) * torch.tanh(c)
    return h, (h, c)


def coupled(x, memory, weights):
    w_ih, w_hh, b_ih, b_hh = weights
    h, c = memory
    f, g, o = (w_ih @ x + b_ih + w_hh @ h + b_hh).split(H)
    c = torch.sigmoid(f) * c + torch.sigmoid(-f) * torch.tanh(g)
    h = torch.sigmoid(o) * torch.tanh(c)
    return h, (h, c)


def normalised(v, gain):
    centred = v - v.sum() / len(v)
    return gain * centred / torch.sqrt((centred * centred).sum() / len(v) + 1e-5)


def layer_norm(x, memory, weights):
    w_ih, w_hh, b, gain_ih, gain_hh, gain_c, bias_c = weights
    h, c = memory
    i, f, g, o = (normalised(w_hh @ h, gain_hh) + normalised(w_ih @ x, gain_ih) + b).split(H)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    h = torch.sigmoid(o) * torch.tanh(normalised(c, gain_c) + bias_c)
    return h, (h, c)


def projected(x, memory, weights):
    w_ih, w_hh, b_ih, b_hh, w_hr = weights
    h, c = memory
    i, f, g, o = (w_ih @ x + b_ih + w_hh @ h + b_hh).split(H)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    h = w_hr @ (torch.sigmoid(o) * torch.tanh(c))
    return h, (h, c)


def min_gru(x, memory, weights):
    w, b = weights
    (h,), (z, n) = memory, (w @ x + b).split(H)
    h = (1 - torch.sigmoid(z)) * h + torch.sigmoid(z) * n
    return h, (h,)


def min_lstm(x, memory, weights):
    w, b = weights
    (h,), (f, i, n) = memory, (w @ x + b).split(H)
    f, i = torch.sigmoid(f), torch.sigmoid(i)
    h = f / (f + i) * h + i / (f + i) * n
    return h, (h,)


def lru(x, memory, weights):
    w_in, w_out, w_skip, nu, theta, gamma = weights
    read = torch.complex(w_in[::2], w_in[1::2]) @ torch.complex(x, torch.zeros_like(x))
    turn = torch.exp(torch.complex(-nu.exp(), theta.exp()))
    s = turn * torch.complex(*memory) + gamma.exp() * read
    y = (torch.complex(w_out[:, ::2], -w_out[:, 1::2]) @ s).real + w_skip @ x
    return y * 0.5 * (1 + torch.erf(y / 2**0.5)), (s.real, s.imag)


def qrnn(filter_width: int) -> Callable:
    def step(x, memory, weights):
        w, b = weights
        c, *tails = memory
        read = torch.cat([x, *(tail[: len(x)] for tail in tails)])
        z, f, o = (w @ read + b).split(H)
        c = torch.sigmoid(f) * c + (1 - torch.sigmoid(f)) * torch.tanh(z)
        reads = [x, *tails][: filter_width - 1]
        tails = [torch.cat([read[: len(x)], x.new_zeros(H - len(x))]) for read in reads]
        return torch.sigmoid(o) * c, (c, *tails)

    return step


def sru(x, memory, weights):
    w, v, b = weights
    (c,), (v_f, v_r), (b_f, b_r) = memory, v.split(H), b.split(H)
    new, f, r, *past = (w @ x).split(H)
    f, r = torch.sigmoid(f + v_f * c + b_f), torch.sigmoid(r + v_r * c + b_r)
    c = f * c + (1 - f) * new
    return r * c + (1 - r) * (past[0] if past else x), (c,)


def feed_forward(phi: Callable[[Tensor], Tensor]) -> Callable:
    def step(x, memory, weights):
        weight, bias = weights
        return phi(weight @ x + bias), ()

    return step
