"""Long short-term memory."""

from __future__ import annotations

from torch import Tensor, nn

from elman.cores._check import check_bias, check_choice, check_sizes
from elman.cores._stack import Stack
from elman.cores._weights import INITS, Init, make_orthogonal, set_forget_bias
from elman.cores.core import Core
from elman.tree import Carry


class LSTM(Core):
    """Gates decide what a memory cell takes in, keeps and shows.

    i, f, o = sigmoid(W h_{t-1} + U x_t + b), each with its own W, U, b;
    g = tanh(W h_{t-1} + U x_t + b);  c_t = f c_{t-1} + i g;  h_t = o tanh(c_t).

    The carry is (h, c), each (B, L, H).

    Args:
        input_size: features of a step, F.
        hidden_size: units of a layer, H; also `output_size`.
        layers: layers over one another, L.
        dropout: share of the units of a layer's output that the next layer does not see, in training;
            nothing is dropped before the first layer, after the last, or along time.
        residual: from layer 2 on, a layer's output is h^l plus the output of the layer below.
        init: "orthogonal": every gate's W orthogonal, U Xavier uniform, b zero; "torch": everything
            from U(-1/sqrt(H), 1/sqrt(H)).
        forget_bias: first value of the forget gate's b, whatever `init`; None leaves it to `init`.

    Raises:
        ValueError: if a size is below 1, `dropout` outside [0, 1), `forget_bias` not finite, or `init`
            unknown.

    Cost: one fused kernel, or one per layer if residual.

    Source: Hochreiter & Schmidhuber (1997), Neural Computation 9(8); forget gate: Gers, Schmidhuber &
        Cummins (2000), Neural Computation 12(10); forget bias 1: Jozefowicz, Zaremba & Sutskever
        (2015), ICML.
    Differs: the gradient is exact, where the first paper cut it at the gates; layers, dropout and
        residual sums are added (Zaremba et al. (2014), arXiv 1409.2329; Wu et al. (2016), arXiv
        1609.08144, section 3.1); as in torch, gates lie in the order i, f, g, o and b is the sum of
        two biases, of which one takes `forget_bias` and the other zero.
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
        forget_bias: float | None = 1.0,
    ) -> None:
        super().__init__()
        check_sizes(input_size=input_size, hidden_size=hidden_size, layers=layers, dropout=dropout)
        check_choice("init", init, INITS)
        check_bias("forget_bias", forget_bias)
        self.input_size, self.output_size = input_size, hidden_size
        self.hidden_size, self.layers = hidden_size, layers
        self.stack = Stack(
            nn.LSTM,
            input_size=input_size,
            hidden_size=hidden_size,
            layers=layers,
            dropout=dropout,
            residual=residual,
            carry_parts=2,
        )
        if init == "orthogonal":
            make_orthogonal(self.stack, hidden_size=hidden_size)
        if forget_bias is not None:
            set_forget_bias(self.stack, forget_bias, hidden_size=hidden_size)

    def forward(self, x: Tensor, carry: Carry, lengths: Tensor | None = None) -> tuple[Tensor, Carry]:
        return self.stack.forward(x, carry, lengths)

    def initial_carry(self, row_count: int) -> Carry:
        return self.stack.initial_carry(row_count)
