"""Gated recurrent unit."""

from __future__ import annotations

from torch import Tensor, nn

from elman.cores._check import check_choice, check_sizes
from elman.cores._stack import Stack
from elman.cores._weights import INITS, Init, make_orthogonal
from elman.cores.core import Core
from elman.tree import Carry


class GRU(Core):
    """Two gates: one blends the old memory with a new one, one hides the old from the new.

    r, z = sigmoid(W h_{t-1} + U x_t + b), each with its own W, U, b;
    n = tanh(U x_t + b + r (W h_{t-1} + b'));  h_t = (1 - z) n + z h_{t-1}.

    The carry is (h,), (B, L, H).

    Args:
        input_size: features of a step, F.
        hidden_size: units of a layer, H; also `output_size`.
        layers: layers over one another, L.
        dropout: share of the units of a layer's output that the next layer does not see, in training;
            nothing is dropped before the first layer, after the last, or along time.
        residual: from layer 2 on, a layer's output is h^l plus the output of the layer below.
        init: "orthogonal": every gate's W orthogonal, U Xavier uniform, biases zero; "torch":
            everything from U(-1/sqrt(H), 1/sqrt(H)).

    Raises:
        ValueError: if a size is below 1, `dropout` outside [0, 1), or `init` unknown.

    Cost: one fused kernel, or one per layer if residual.

    Source: Cho et al. (2014), arXiv 1406.1078, equations 5 to 8.
    Differs: r multiplies W h + b' rather than h, so that all products with h are one, and weights do
        not carry over from the paper's form; layers, dropout and residual sums are added (Zaremba et
        al. (2014), arXiv 1409.2329; Wu et al. (2016), arXiv 1609.08144, section 3.1); as in torch,
        gates lie in the order r, z, n and b of r and z is the sum of two biases.
    """

    def __init__(
        self,
        input_size: int,
        *,
        hidden_size: int = 128,
        layers: int = 1,
        dropout: float = 0.0,
        residual: bool = False,
        init: Init = "orthogonal",
    ) -> None:
        super().__init__()
        check_sizes(input_size=input_size, hidden_size=hidden_size, layers=layers, dropout=dropout)
        check_choice("init", init, INITS)
        self.input_size, self.output_size = input_size, hidden_size
        self.hidden_size, self.layers = hidden_size, layers
        self.stack = Stack(
            nn.GRU,
            input_size=input_size,
            hidden_size=hidden_size,
            layers=layers,
            dropout=dropout,
            residual=residual,
        )
        if init == "orthogonal":
            make_orthogonal(self.stack, hidden_size=hidden_size)

    def forward(self, x: Tensor, carry: Carry, lengths: Tensor | None = None) -> tuple[Tensor, Carry]:
        return self.stack.forward(x, carry, lengths)

    def initial_carry(self, row_count: int) -> Carry:
        return self.stack.initial_carry(row_count)
