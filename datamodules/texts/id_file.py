"""Id files: encoded text on disk, read a slice at a time."""

from __future__ import annotations

import json
import os
import weakref
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from datamodules.files import atomic_write, lock
from elman.errors import BadInput

FORMAT = 1
COUNTED_LATER = 64  # bytes by which a header may grow while its ids are made
LONGEST_HEADER = 1 << 25  # a vocabulary of long words has tens of MB


class Ids:
    """A part of an id file: `len()` and slices, each read from disk when needed.

    Why plain reads and not a memory map: pages of a map count as this process's memory until the
    system wants them back, so an epoch over 2 GB shows as 2 GB. A read costs a few microseconds and
    leaves nothing behind; the system's file cache serves both alike.

    Args:
        path: the file; it stays open, so that clearing the cache does not stop a running training.
        dtype: of one id.
        offset: bytes before the first id.
        count: number of ids.
    """

    def __init__(self, path: Path, dtype: np.dtype, offset: int, count: int) -> None:
        self.path, self.dtype, self.offset, self.count = path, dtype, offset, count
        self.file = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self.file)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, part: slice) -> np.ndarray:
        start, stop, _ = part.indices(self.count)
        width = self.dtype.itemsize
        wanted = max(0, stop - start) * width
        data = os.pread(self.file, wanted, self.offset + start * width)
        if len(data) != wanted:
            raise BadInput(
                f"{self.path}: became shorter while it was in use; start again, it will be rebuilt"
            )
        return np.frombuffer(data, dtype=self.dtype)

    def __reduce__(self) -> tuple[type[Ids], tuple[Path, np.dtype, int, int]]:
        return Ids, (self.path, self.dtype, self.offset, self.count)


@dataclass(frozen=True)
class Header:
    """The description of an id file, one line of JSON before the ids.

    Args:
        key: what the ids were made from; another key is another file.
        characters: the alphabet; of words, all of them with a blank between.
        dtype: of one id.
        counts: ids of the training, validation and test part, which follow each other.
        unknown: how many of them are the unknown id; may be counted while the ids are made.
    """

    key: str
    characters: str
    dtype: str
    counts: list[int]
    unknown: list[int]
    format: int = FORMAT

    @property
    def ids_bytes(self) -> int:
        return sum(self.counts) * np.dtype(self.dtype).itemsize


def read(path: Path, key: str) -> tuple[Header, list[Ids]] | None:
    """The header and the three parts of an id file; None if there is none or it is damaged."""
    try:
        with path.open("rb") as file:
            line = file.readline(LONGEST_HEADER)
        header = Header(**json.loads(line))
        if (
            header.format != FORMAT
            or header.key != key
            or os.stat(path).st_size != len(line) + header.ids_bytes
        ):
            return None
        dtype = np.dtype(header.dtype)
        starts = np.cumsum([0, *header.counts]) * dtype.itemsize + len(line)
        return header, [
            Ids(path, dtype, int(start), count) for start, count in zip(starts, header.counts, strict=False)
        ]
    except (OSError, ValueError, TypeError):
        return None


def read_or_build(
    path: Path, key: str, build: Callable[[], tuple[Header, Iterable[np.ndarray]]]
) -> tuple[Header, list[Ids]]:
    """The id file at `path`, made by `build` unless it is there and whole.

    One process builds while others wait for it. The file appears under its name only when all of it
    is on disk, so a killed build leaves nothing that a later one would trust.

    Raises:
        BadInput: if the folder cannot be written.
    """
    if (ready := read(path, key)) is not None:
        return ready
    try:
        with lock(path.with_suffix(".lock")):
            if read(path, key) is None:
                write(path, *build())
    except OSError as error:
        raise BadInput(
            f"{path.parent}: ids cannot be kept there ({error.strerror or error}); "
            "set data.cache to a local folder that you can write and that has room"
        ) from error
    ready = read(path, key)
    assert ready is not None
    return ready


def write(path: Path, header: Header, blocks: Iterable[np.ndarray]) -> None:
    """Write an id file whole or not at all."""
    with atomic_write(path, sync=True) as part, part.open("wb") as file:
        begin = file.write(_line(header, width=0)) + COUNTED_LATER
        file.seek(begin)
        for block in blocks:
            file.write(block.tobytes())
        if file.tell() - begin != header.ids_bytes:
            raise BadInput("the text changed while it was being read; start again when it is complete")
        file.seek(0)
        file.write(_line(header, width=begin))


def _line(header: Header, *, width: int) -> bytes:
    """One line of JSON, filled up with blanks to `width` bytes."""
    return json.dumps(asdict(header)).ljust(width - 1).encode() + b"\n"
