"""Recurrent networks: (x, carry) -> (out, carry)."""

from elman.cores.bidirectional import Bidirectional
from elman.cores.cell import Cell
from elman.cores.centred import Centred
from elman.cores.core import Core
from elman.cores.elman import Elman
from elman.cores.feed_forward import FeedForward
from elman.cores.gru import GRU
from elman.cores.indrnn import IndRNN
from elman.cores.leaky import Leaky
from elman.cores.lstm import LSTM
from elman.cores.pointwise import Pointwise, Slopes
from elman.cores.pooled import Pooled

__all__ = [
    "GRU",
    "LSTM",
    "Bidirectional",
    "Cell",
    "Centred",
    "Core",
    "Elman",
    "FeedForward",
    "IndRNN",
    "Leaky",
    "Pointwise",
    "Pooled",
    "Slopes",
]
