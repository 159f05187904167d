"""What cells with a memory behind a forget gate have in common: the first values of its biases."""

from __future__ import annotations

from typing import ClassVar

from elman.cores._check import check_bias, check_chrono
from elman.cores._weights import set_chrono, set_forget_bias
from elman.cores.cell import Cell


class MemoryCell(Cell):
    """A cell of the LSTM's kind: c_t = f c_{t-1} + ..., f a gate.

    Args:
        forget_bias: first value of the forget gate's b, whatever `init`; None leaves it to `init`.
        chrono_steps: T_max, the longest dependency that is expected, in steps: in every unit, b of the forget
            gate begins as log u, u from U(1, T_max - 1), so that memories last from a step to T_max, and b of
            an input gate as -log u. In place of `forget_bias`; None: not so.

    Raises:
        ValueError: if `forget_bias` is not finite, `chrono_steps` is below 3, or both are given.

    Source: of chrono_steps: Tallec & Ollivier (2018), arXiv 1804.11188, section 2.
    """

    keeping_gate = "forget"
    reads_h_by_weights = True

    forget_at: ClassVar[int] = 1
    """Which of the gates forgets."""

    input_at: ClassVar[int | None] = 0
    """Which takes in; None: none but the rest of the forget gate."""

    forget_bias: float | None = 1.0
    chrono_steps: int | None = None

    def __post_init__(self) -> None:
        check_bias("forget_bias", self.forget_bias)
        check_chrono(self.chrono_steps, self.forget_bias)
        super().__post_init__()
        at = {"hidden_size": self.hidden_size, "forget_at": self.forget_at}
        if self.chrono_steps is not None:
            set_chrono(self.stack, self.chrono_steps, input_at=self.input_at, **at)
        elif self.forget_bias is not None:
            set_forget_bias(self.stack, self.forget_bias, **at)
