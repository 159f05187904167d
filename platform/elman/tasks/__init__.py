"""What is learned: LightningModules; the only place that steps an optimiser."""

from elman.tasks.loss import BinaryCrossEntropy, CrossEntropy, SequenceLoss, SquaredError
from elman.tasks.schedule import Constant, Cosine, InverseSquareRoot, Schedule
from elman.tasks.task import SequenceTask

__all__ = [
    "BinaryCrossEntropy",
    "Constant",
    "Cosine",
    "CrossEntropy",
    "InverseSquareRoot",
    "Schedule",
    "SequenceLoss",
    "SequenceTask",
    "SquaredError",
]
