"""A strategy's state as plain values, and back to where its tensors lived."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def saved_state(state: Any) -> Any:
    """Named tuples as plain ones, so that a file of them loads without any class of ours.

    A tensor becomes a copy on the host, which drags no larger storage along, and a note whether it
    lived on the device.
    """
    if isinstance(state, Tensor):
        return {"value": state.detach().cpu().clone(), "on_device": state.device.type != "cpu"}
    if isinstance(state, tuple):
        return tuple(saved_state(part) for part in state)
    return state


def restored_state(saved: Any, device: torch.device) -> Any:
    """The state that `saved_state` was given, as plain tuples; what lived on a device goes to `device`."""
    if isinstance(saved, dict):
        return saved["value"].to(device) if saved["on_device"] else saved["value"]
    if isinstance(saved, tuple):
        return tuple(restored_state(part, device) for part in saved)
    return saved
