"""First values of recurrent weights."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

Init = Literal["torch", "orthogonal", "uniform"]
INITS = ("torch", "orthogonal", "uniform")


@torch.no_grad()
def make_orthogonal(stack: nn.Module, *, hidden_size: int) -> None:
    """Recurrent blocks orthogonal, input blocks Xavier uniform, gate by gate; biases zero.

    An orthogonal block neither stretches nor shrinks what passes through it in time. Weights are
    written in place, so the one buffer in which a fused kernel keeps them stays whole.

    Args:
        stack: holds parameters named as in `torch.nn.LSTM`: `weight_ih_l*` (gates * H, F),
            `weight_hh_l*` (gates * H, H), `bias_*_l*` (gates * H,). Vectors that are no biases stay.
        hidden_size: H.

    Source: Saxe, McClelland & Ganguli (2014), arXiv 1312.6120 (orthogonal); Glorot & Bengio (2010),
        AISTATS, equation 16 (Xavier).
    Differs: gain 1, whatever the nonlinearity.
    """
    for name, parameter in stack.named_parameters():
        if parameter.dim() < 2 and "bias" not in name:
            continue
        for start in range(0, len(parameter), hidden_size):
            gate = parameter[start : start + hidden_size]
            if "bias" in name:
                nn.init.zeros_(gate)
            elif "weight_hh" in name:
                nn.init.orthogonal_(gate)
            else:
                nn.init.xavier_uniform_(gate)


@torch.no_grad()
def make_uniform(stack: nn.Module) -> None:
    """Every matrix from U(-sqrt(3/n), sqrt(3/n)), n its larger side, all gates of it in one; biases zero.

    Its entries then have variance 1/n.

    Args:
        stack: as in `make_orthogonal`. Vectors that are no biases stay.

    Source: the code of Aicher, Foti & Fox (2019), arXiv 1905.07473.
    """
    for name, parameter in stack.named_parameters():
        if "bias" in name:
            nn.init.zeros_(parameter)
        elif parameter.dim() > 1:
            bound = (3 / max(parameter.shape)) ** 0.5
            nn.init.uniform_(parameter, -bound, bound)


@torch.no_grad()
def make_identity(stack: nn.Module, *, scale: float) -> None:
    """Recurrent matrices `scale` times the identity, input matrices from N(0, 0.001^2), biases zero.

    Args:
        stack: as in `make_orthogonal`, with one gate.

    Source: Le, Jaitly & Hinton (2015), arXiv 1504.00941, section 3: IRNN.
    """
    for name, parameter in stack.named_parameters():
        if "bias" in name:
            nn.init.zeros_(parameter)
        elif "weight_hh" in name:
            nn.init.eye_(parameter).mul_(scale)
        else:
            nn.init.normal_(parameter, std=0.001)


@torch.no_grad()
def set_forget_bias(stack: nn.Module, forget_bias: float, *, hidden_size: int, forget_at: int) -> None:
    """b = `forget_bias` on the forget gate of every layer in `stack`, the gate of number `forget_at`.

    Where b is the sum of two biases, as in torch, one is set to the value and the other to zero.
    """
    for parameter in _biases(stack, hidden_size, forget_at):
        parameter.fill_(forget_bias)


@torch.no_grad()
def set_chrono(
    stack: nn.Module, steps: int, *, hidden_size: int, forget_at: int, input_at: int | None
) -> None:
    """b_f = log u and b_i = -b_f on the gates of every layer, u from U(1, steps - 1) for every unit.

    As `set_forget_bias`. `input_at`: the number of the input gate; None: there is none.
    """
    taken = _biases(stack, hidden_size, forget_at if input_at is None else input_at)
    for forget, takes_in in zip(_biases(stack, hidden_size, forget_at), taken, strict=True):
        forget.uniform_(1, steps - 1).log_()
        if input_at is not None:
            torch.neg(forget, out=takes_in)


def _biases(stack: nn.Module, hidden_size: int, gate: int) -> list[Tensor]:
    """A gate's bias in every layer; where it is the sum of two, the second becomes zero."""
    at, found = slice(gate * hidden_size, (gate + 1) * hidden_size), []
    for name, parameter in stack.named_parameters():
        kind = name.rpartition(".")[2].rpartition("_")[0]
        if kind == "bias_hh":
            parameter[at] = 0.0
        elif kind in ("bias_ih", "bias"):
            found.append(parameter.detach()[at])
    return found
