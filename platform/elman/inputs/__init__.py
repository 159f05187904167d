"""What is read before the core: embeddings, features of sound, encoders of a context."""

from elman.inputs.context_encoder import ContextEncoder
from elman.inputs.dense import Dense
from elman.inputs.features import Features
from elman.inputs.log_mel import LogMel
from elman.inputs.mfcc import MFCC
from elman.inputs.recurrent import Recurrent
from elman.inputs.spec_augment import SpecAugment

__all__ = ["MFCC", "ContextEncoder", "Dense", "Features", "LogMel", "Recurrent", "SpecAugment"]
