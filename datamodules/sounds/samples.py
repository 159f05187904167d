"""Sounds: the recordings that can be used, and their frames as examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch

from datamodules.collecting import BadOnes
from datamodules.files import LARGEST_READ
from datamodules.sounds.frames import Check, Framing
from datamodules.sounds.sound_file import Header, check_body, read_header
from elman.errors import BadInput

READERS, FILES_AT_ONCE = 8, 256
LARGEST_KEPT = 64 << 20
"""Bytes of decoded samples that are kept in memory, in each process that reads."""


class Sounds:
    """The frames of recordings: (number, start, stop) -> (stop - start, window).

    Where all of them decoded take at most 64 MiB, each is read once and kept; else only the frames that are
    needed are read, each time.

    Args:
        files: where they lie.
        headers: of each.
        framing: how frames are made.
    """

    def __init__(self, files: Sequence[Path], headers: Sequence[Header], framing: Framing) -> None:
        self.files, self.headers, self.framing = files, headers, framing
        self.lengths = np.array([framing.frames(header) for header in headers], dtype=np.int64)
        samples = self.lengths * framing.hop + framing.window
        self._kept: dict[int, torch.Tensor] | None = {} if 4 * samples.sum() <= LARGEST_KEPT else None

    def __call__(self, number: int, start: int, stop: int) -> torch.Tensor:
        file, header = self.files[number], self.headers[number]
        if self._kept is None:
            return self.framing.read(file, header, start, stop)
        if number not in self._kept:  # frames of a recording are overlapping views of its samples
            self._kept[number] = self.framing.read(file, header, 0, int(self.lengths[number]))
        return self._kept[number][start:stop]


def usable_sounds(
    root: Path,
    files: Sequence[Path],
    bad: BadOnes,
    *,
    rate: int | None,
    check: Check,
    refuse: Callable[[Path, Header, int], None],
) -> tuple[dict[int, Header], int]:
    """Headers of the files that can be used, by number, and the sample rate at which they are read.

    Args:
        root: for messages.
        files: to read.
        bad: what to do with one that cannot be used.
        rate: Hz that all are resampled to; None: their own, which must be the same.
        check: as in `Frames`.
        refuse: raises `BadInput` for a file that cannot be used at this rate.

    Raises:
        BadInput: where none can be used, or rates differ.
    """
    bodies = check == "bodies" or (check == "auto" and (bad.skip or _small(files)))
    headers = headers_of(files, bad, bodies=bodies)
    _refuse_none(root, headers, len(files))
    rate = rate or _common_rate(root, headers.values())
    good = {}
    for number, header in headers.items():
        with bad.checking(str(files[number])):
            refuse(files[number], header, rate)
            good[number] = header
    _refuse_none(root, good, len(files))
    return good, rate


def headers_of(files: Sequence[Path], bad: BadOnes, *, bodies: bool) -> dict[int, Header]:
    """Headers of the files that are good, by number; several files are read at once.

    Args:
        files: to read.
        bad: what to do with one that is not good.
        bodies: also decode all that a header does not prove.

    Cost: 0.1 ms a file for headers alone.
    """

    def read(first: int) -> list[Header | BadInput]:
        return [_checked(file, bodies) for file in files[first : first + FILES_AT_ONCE]]

    good: dict[int, Header] = {}
    pool = ThreadPoolExecutor(READERS)
    try:
        found = chain.from_iterable(pool.map(read, range(0, len(files), FILES_AT_ONCE)))
        for number, header in enumerate(found):
            with bad.checking(str(files[number])):
                if isinstance(header, BadInput):
                    raise header
                good[number] = header
    finally:
        pool.shutdown(cancel_futures=True)
    return good


def sound_metadata(headers: Sequence[Header], rate: int) -> dict[str, Any]:
    """What a run records of its recordings."""
    seconds = sum(header.samples / header.sample_rate_hz for header in headers)
    return {
        "sample_rate_hz": rate,
        "seconds": round(seconds, 1),
        "resampled": sum(header.sample_rate_hz != rate for header in headers),
        "most_channels": max(header.channels for header in headers),
    }


def _checked(file: Path, bodies: bool) -> Header | BadInput:
    try:
        header = read_header(file)
        if bodies:
            check_body(file, header)
    except BadInput as error:
        return error
    return header


def _refuse_none(root: Path, headers: Mapping[int, Header], seen: int) -> None:
    if not headers:
        raise BadInput(
            f"{root}: none of {seen} recordings can be used; leave data.skip_bad out to see what is wrong"
        )


def _small(files: Sequence[Path]) -> bool:
    """Whether all files together are read for the digest anyway."""
    sizes = 0
    for file in files:
        with suppress(OSError):  # refused with its name when its header is read
            sizes += file.stat().st_size
    return sizes <= LARGEST_READ


def _common_rate(root: Path, headers: Iterable[Header]) -> int:
    counts = Counter(header.sample_rate_hz for header in headers).most_common()
    if len(counts) > 1:
        seen = ", ".join(f"{rate} Hz ({count})" for rate, count in counts[:5])
        raise BadInput(
            f"{root}: recordings differ in sample rate: {seen}; set sample_rate_hz, and they are resampled"
        )
    return counts[0][0]
