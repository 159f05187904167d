"""The blocks of a recipe and the class that takes each, by name: the help of `elman fit` imports none."""

from __future__ import annotations

from typing import Any, NamedTuple


class Block(NamedTuple):
    """A block whose keys are the arguments of a class.

    Args:
        path: of the class.
        file: that holds it, below the folder of its package.
        skip: arguments that no recipe sets.
    """

    path: str
    file: str
    skip: frozenset[str] = frozenset()


FROM_DATA = frozenset(
    {
        "input_size",
        "output_size",
        "token_ids",
        "context_size",
        "sample_rate_hz",
        "class_counts",
        "target_scale",
    }
)
"""Arguments of the task that the data gives."""

BLOCKS = {
    "model": Block("elman.tasks.SequenceTask", "tasks/task.py", FROM_DATA),
    "trainer": Block("elman.recipes.training.Training", "recipes/training.py"),
    "tracking": Block(
        "elman.tracking.logger.RunLogger", "tracking/logger.py", frozenset({"run_id", "folder", "tags"})
    ),
}
DEFAULTS: dict[str, Any] = {
    "model.core": {"class_path": "elman.cores.LSTM"},
    "model.bptt": {"class_path": "elman.bptt.Truncated"},
    "model.loss": {"class_path": "elman.tasks.CrossEntropy"},
    "model.schedule": {"class_path": "elman.tasks.Constant"},
    "model.optimizer": {"class_path": "torch.optim.Adam", "init_args": {"lr": 2e-3}},
    "data": {"class_path": "datamodules.text.Text"},
}
"""What a recipe has where it names nothing else."""

KEYS = (*BLOCKS, "data", "seed_everything", "diagnostics", "callbacks")
"""The keys at the top of a recipe."""

HELP = {
    "seed_everything": "seed of all random numbers",
    "data": "where sequences come from",
    "model.beam_width": "hypotheses kept by the beam search for captions in a test",
    "diagnostics": "diagnostics of the run, classes with their arguments; null: the credit picture, samples "
    "of text and captions, where the data has them; a list stands in their place",
    "callbacks": "Lightning callbacks of your own, called in this order; only training makes them",
}
"""What keys mean that are no arguments of those classes."""
