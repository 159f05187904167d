"""Steps of rows: padded, or packed where rows differ in length."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

Steps = Tensor | PackedSequence
"""(B, T, F), or only the steps that exist, packed with the longest row first."""


def change_values(steps: Steps, change: Callable[[Tensor], Tensor]) -> Steps:
    """Apply `change`, which must not look along time, to what `steps` holds."""
    if isinstance(steps, PackedSequence):
        return PackedSequence(change(steps.data), steps.batch_sizes)
    return change(steps)


def values(steps: Steps) -> Tensor:
    """What `steps` holds, features last."""
    return steps.data if isinstance(steps, PackedSequence) else steps
