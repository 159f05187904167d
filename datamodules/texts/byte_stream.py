"""ByteStream: files read in place, a slice at a time."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from datamodules.files import reading
from elman.errors import BadInput

Span = tuple[Path, int, int]
"""A file, its first byte, the byte after its last."""


class ByteStream:
    """Spans of files, one after another: `len()` and slices, each read from disk when needed.

    Nothing is kept, copied or opened in advance, so a stream of any size costs the memory of its names.

    Args:
        spans: in order.
    """

    def __init__(self, spans: Sequence[Span]) -> None:
        self.spans = [span for span in spans if span[2] > span[1]]
        self.starts = np.cumsum([0, *(stop - start for _, start, stop in self.spans)])

    def __len__(self) -> int:
        return int(self.starts[-1])

    def __getitem__(self, part: slice) -> np.ndarray:
        start, stop, _ = part.indices(len(self))
        pieces = []
        while start < stop:
            file, at = self.place(start)
            end = int(self.starts[np.searchsorted(self.starts, start, side="right")])
            count = min(stop, end) - start
            pieces.append(_read(file, at, count))
            start += count
        return np.frombuffer(b"".join(pieces), dtype=np.uint8)

    def place(self, position: int) -> tuple[Path, int]:
        """The file that holds byte `position`, and which of its bytes that is."""
        number = int(np.searchsorted(self.starts, position, side="right")) - 1
        number = min(number, len(self.spans) - 1)
        file, first, _ = self.spans[number]
        return file, first + position - int(self.starts[number])


def _read(file: Path, at: int, count: int) -> bytes:
    with reading(file):
        opened = os.open(file, os.O_RDONLY)
        try:
            data = os.pread(opened, count, at)
        finally:
            os.close(opened)
    if len(data) != count:
        raise BadInput(f"{file}: became shorter while it was in use; start again when it is complete")
    return data
