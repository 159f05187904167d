"""A strategy's state as plain values, and back to where its tensors belong."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from elman.batch import SequenceBatch, at_first_step

ON_HOST = ("scored", "lengths", "begins", "warm", "weights")
"""Fields of a batch that decide what runs."""
IS_LAST = SequenceBatch._fields.index("is_last")


def saved_state(state: Any) -> Any:
    """Named tuples as plain ones, so that a file of them loads without any class of ours.

    A tensor becomes a copy on the host, which drags no larger storage along.
    """
    if isinstance(state, Tensor):
        return state.detach().cpu().clone()
    if isinstance(state, tuple):
        return tuple(saved_state(part) for part in state)
    return state


def restored_state(saved: Any, device: torch.device) -> Any:
    """The state that `saved_state` was given, as plain tuples and batches, on any kind of device.

    All tensors go to `device`, but for the fields of a batch that belong on the host.
    """
    if isinstance(saved, dict):  # files of before have the tensor here, and whether it lay on a device
        saved = saved["value"]
    if isinstance(saved, Tensor):
        return saved.to(device)
    if _is_batch(saved):
        host = torch.device("cpu")
        fields = zip(SequenceBatch._fields, saved, strict=False)  # files of before have fewer
        batch = SequenceBatch(*(restored_state(v, host if name in ON_HOST else device) for name, v in fields))
        if batch.begins.dim() == 1:  # files of before say which rows begin
            batch = batch._replace(begins=at_first_step(batch.begins, batch.steps))
        return batch
    if isinstance(saved, tuple):
        return tuple(restored_state(part, device) for part in saved)
    return saved


def _is_batch(saved: Any) -> bool:
    """Whether these are the fields of a batch: of all that a state holds, only it has a bool."""
    return isinstance(saved, tuple) and len(saved) > IS_LAST and isinstance(saved[IS_LAST], bool)
