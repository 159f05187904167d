"""Recurrent networks: (x, carry) -> (out, carry)."""

from elman.cores._linear import AtOnce
from elman.cores.bidirectional import Bidirectional
from elman.cores.cell import Cell
from elman.cores.centred import Centred
from elman.cores.core import Core
from elman.cores.coupled_lstm import CoupledLSTM
from elman.cores.elman import Elman
from elman.cores.feed_forward import FeedForward
from elman.cores.gru import GRU
from elman.cores.indrnn import IndRNN
from elman.cores.layer_norm_lstm import LayerNormLSTM
from elman.cores.leaky import Leaky
from elman.cores.lru import LRU
from elman.cores.lstm import LSTM
from elman.cores.min_gru import MinGRU
from elman.cores.min_lstm import MinLSTM
from elman.cores.original_gru import OriginalGRU
from elman.cores.peephole_lstm import PeepholeLSTM
from elman.cores.pointwise import Pointwise, Slopes
from elman.cores.pooled import Pooled
from elman.cores.projected_lstm import ProjectedLSTM
from elman.cores.qrnn import QRNN
from elman.cores.sru import SRU

__all__ = [
    "GRU",
    "LRU",
    "LSTM",
    "QRNN",
    "SRU",
    "AtOnce",
    "Bidirectional",
    "Cell",
    "Centred",
    "Core",
    "CoupledLSTM",
    "Elman",
    "FeedForward",
    "IndRNN",
    "LayerNormLSTM",
    "Leaky",
    "MinGRU",
    "MinLSTM",
    "OriginalGRU",
    "PeepholeLSTM",
    "Pointwise",
    "Pooled",
    "ProjectedLSTM",
    "Slopes",
]
