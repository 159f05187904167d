"""Recurrent networks: (x, carry) -> (out, carry)."""

from elman.cores.core import Core
from elman.cores.elman import Elman
from elman.cores.feed_forward import FeedForward
from elman.cores.gru import GRU
from elman.cores.lstm import LSTM

__all__ = ["GRU", "LSTM", "Core", "Elman", "FeedForward"]
