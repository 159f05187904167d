"""Bytes of tensors that are alive."""

from __future__ import annotations

import weakref
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from elman.tree import tree_map


class Alive(TorchDispatchMode):
    """Counts the bytes of all tensors made inside it, while they live.

    `most` is the largest number of them at a time. What an operation allocates and frees within itself
    is not seen.

    Args:
        apart: whose tensors, and views of them, do not count.

    Cost: some ten microseconds an operation.
    """

    def __init__(self, *, apart: Any = ()) -> None:
        super().__init__()
        self.now = self.most = 0
        self._living: dict[int, Any] = {}  # by place: what sees the storage go
        tree_map(self._known, apart)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for tensor in made if isinstance(made, tuple | list) else (made,):
            if isinstance(tensor, torch.Tensor):
                self._add(tensor.untyped_storage())
        return made

    def _known(self, leaf: Tensor) -> Tensor:
        self._living[leaf.untyped_storage()._cdata] = None
        return leaf

    def _add(self, storage: torch.UntypedStorage) -> None:
        place, size = storage._cdata, storage.nbytes()
        if place in self._living:
            return

        def gone(_: Any) -> None:
            del self._living[place]
            self.now -= size

        self._living[place] = weakref.ref(storage, gone)
        self.now += size
        self.most = max(self.most, self.now)
