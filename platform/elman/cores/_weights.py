"""First values of recurrent weights."""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn

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
def set_forget_bias(stack: nn.Module, forget_bias: float, *, hidden_size: int) -> None:
    """b_ih + b_hh = `forget_bias` on the forget gate of every LSTM layer in `stack`.

    Torch adds two biases: one is set to the value and the other to zero.
    """
    forget = slice(hidden_size, 2 * hidden_size)  # the second of i, f, g, o
    for name, parameter in stack.named_parameters():
        if "bias_ih" in name:
            parameter[forget] = forget_bias
        elif "bias_hh" in name:
            parameter[forget] = 0.0
