"""What every core made of layers takes: sizes, dropout, residual sums."""

from __future__ import annotations

from dataclasses import field

from elman.cores._check import check_sizes
from elman.cores.core import Core
from elman.declared import Declared


class Layered(Declared, Core):
    """A core of layers over one another. What a subclass annotates in its body is an argument by keyword.

    Args:
        input_size: features of a step, F.
        hidden_size: units of a layer, H; also `output_size`.
        layers: layers over one another, L.
        dropout: share of the units of a layer's output that the next layer does not see, in training;
            nothing is dropped before the first layer, after the last, or along time.
        residual: from layer 2 on, a layer's output is h^l plus the output of the layer below.

    Raises:
        ValueError: if a size is below 1 or `dropout` outside [0, 1).

    Source: dropout: Zaremba et al. (2014), arXiv 1409.2329; residual sums: Wu et al. (2016), arXiv
        1609.08144, section 3.1.
    """

    input_size: int = field(kw_only=False)
    hidden_size: int = 128
    layers: int = 1
    dropout: float = 0.0
    residual: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_sizes(
            input_size=self.input_size,
            hidden_size=self.hidden_size,
            layers=self.layers,
            dropout=self.dropout,
        )
        self.output_size = self.hidden_size
