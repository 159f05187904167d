"""ByteStream: files read in place, a slice at a time."""

from __future__ import annotations

import os
import weakref
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

import numpy as np

from datamodules.files import reading, unreadable
from elman.errors import BadInput

Span = tuple[Path, int, int]
"""A file, its first byte, the byte after its last."""


class ByteStream:
    """Spans of files, one after another: `len()` and slices, each read from disk when needed.

    Why plain reads and not a memory map: pages of a map count as this process's memory until the
    system wants them back, so an epoch over 2 GB shows as 2 GB. A read costs a few microseconds and
    leaves nothing behind; the system's file cache serves both alike.

    The file of a single span stays open, so that clearing a cache does not stop a running training.

    Args:
        spans: in order.
    """

    def __init__(self, spans: Sequence[Span]) -> None:
        self.spans = [span for span in spans if span[2] > span[1]]
        self.starts = [0, *accumulate(stop - start for _, start, stop in self.spans)]
        self.opened: int | None = None
        if len(self.spans) == 1:
            with reading(self.spans[0][0]):
                self.opened = os.open(self.spans[0][0], os.O_RDONLY)
            weakref.finalize(self, os.close, self.opened)

    def __len__(self) -> int:
        return self.starts[-1]

    def __getitem__(self, part: slice) -> np.ndarray:
        start, stop, _ = part.indices(len(self))
        pieces = []
        while start < stop:
            count = min(stop, self.starts[bisect_right(self.starts, start)]) - start
            pieces.append(self._read(*self.place(start), count))
            start += count
        return np.frombuffer(b"".join(pieces), dtype=np.uint8)

    def __reduce__(self) -> tuple[type[ByteStream], tuple[list[Span]]]:
        return ByteStream, (self.spans,)

    def place(self, position: int) -> tuple[Path, int]:
        """The file that holds byte `position`, and which of its bytes that is."""
        number = min(bisect_right(self.starts, position) - 1, len(self.spans) - 1)
        file, first, _ = self.spans[number]
        return file, first + position - self.starts[number]

    def _read(self, file: Path, at: int, count: int) -> bytes:
        try:
            opened = os.open(file, os.O_RDONLY) if self.opened is None else self.opened
            try:
                data = os.pread(opened, count, at)
            finally:
                if self.opened is None:
                    os.close(opened)
        except OSError as error:
            raise unreadable(file, error) from error
        if len(data) != count:
            raise BadInput(f"{file}: became shorter while it was in use; start again when it is complete")
        return data
