"""What is read before the core: embeddings, features of sound, encoders of a context, noise."""

from elman.inputs.context_encoder import ContextEncoder
from elman.inputs.dense import Dense
from elman.inputs.embedding import Embedding
from elman.inputs.features import Features
from elman.inputs.first_carry import FirstCarry
from elman.inputs.learned_carry import LearnedCarry
from elman.inputs.log_mel import LogMel
from elman.inputs.mfcc import MFCC
from elman.inputs.noise import drop_tokens
from elman.inputs.recurrent import Recurrent
from elman.inputs.spec_augment import SpecAugment

__all__ = [
    "MFCC",
    "ContextEncoder",
    "Dense",
    "Embedding",
    "Features",
    "FirstCarry",
    "LearnedCarry",
    "LogMel",
    "Recurrent",
    "SpecAugment",
    "drop_tokens",
]
