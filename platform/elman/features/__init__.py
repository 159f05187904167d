"""Features: what a network reads of a frame of samples."""

from elman.features.features import Features
from elman.features.log_mel import LogMel
from elman.features.mfcc import MFCC
from elman.features.spec_augment import SpecAugment

__all__ = ["MFCC", "Features", "LogMel", "SpecAugment"]
