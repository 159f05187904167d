"""Random generator states as plain values, so that a checkpoint of them loads without any class."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch


def saved_random() -> dict[str, Any]:
    """The states of torch's (CPU and GPU), numpy's and Python's generators."""
    kind, keys, position, has_gauss, gauss = np.random.get_state(legacy=True)  # type: ignore[misc]
    version, internal, following = random.getstate()
    return {
        "torch": torch.get_rng_state(),
        "cuda": list(torch.cuda.get_rng_state_all()) if torch.cuda.is_available() else [],
        "numpy": [str(kind), np.asarray(keys).tolist(), int(position), int(has_gauss), float(gauss)],
        "python": [version, list(internal), following],
    }


def restore_random(saved: dict[str, Any]) -> None:
    """Set all generators to what `saved_random` gave."""
    torch.set_rng_state(saved["torch"].cpu())
    if saved["cuda"] and torch.cuda.is_available():  # process r trains on GPU r; others may be gone
        there = saved["cuda"][: torch.cuda.device_count()]
        torch.cuda.set_rng_state_all([state.cpu() for state in there])
    kind, keys, position, has_gauss, gauss = saved["numpy"]
    np.random.set_state((kind, np.array(keys, dtype=np.uint32), position, has_gauss, gauss))
    version, internal, following = saved["python"]
    random.setstate((version, tuple(internal), following))
