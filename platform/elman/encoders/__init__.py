"""What is known before a sequence begins, made into the carry it begins with."""

from elman.encoders.dense import Dense
from elman.encoders.encoder import Encoder
from elman.encoders.recurrent import Recurrent

__all__ = ["Dense", "Encoder", "Recurrent"]
