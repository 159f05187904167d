"""What is learned: LightningModules; the only place that steps an optimiser."""

from elman.tasks.loss import BinaryCrossEntropy, CrossEntropy, SequenceLoss, SquaredError
from elman.tasks.schedule import Constant, Cosine, Schedule
from elman.tasks.task import SequenceTask

__all__ = [
    "BinaryCrossEntropy",
    "Constant",
    "Cosine",
    "CrossEntropy",
    "Schedule",
    "SequenceLoss",
    "SequenceTask",
    "SquaredError",
]
