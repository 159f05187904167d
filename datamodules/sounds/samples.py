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
from datamodules.files import LARGEST_READ, not_read
from datamodules.sounds.frames import Check, Framing
from datamodules.sounds.kinds import converting
from datamodules.sounds.sound_file import Header, check_body, read_header, refuse_cancelled
from elman.errors import BadInput

READERS, FILES_AT_ONCE = 8, 256
WAY_OUT = "set data.path to such, or convert sounds, for example with `ffmpeg -i IN OUT.wav`"
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
    open_ended: bool,
    mixed_by: str | None,
    refuse: Callable[[Path, Header, int], None],
) -> tuple[dict[int, Header], int]:
    """Headers of the files that can be used, by number, and the sample rate at which they are read.

    Args:
        root: for messages.
        files: to read.
        bad: what to do with one that cannot be used.
        rate: Hz that all are resampled to; None: their own, which must be the same.
        check: as in `Frames`.
        open_ended: read files whose header states no length, to their end.
        mixed_by: argument that has all channels mixed; None: one is chosen.
        refuse: raises `BadInput` for a file that cannot be used at this rate.

    Raises:
        BadInput: where none can be used, or rates differ.
    """
    bodies = check == "bodies" or (check == "auto" and (bad.skip or _small(files)))
    headers = headers_of(files, bad, bodies=bodies, mixed_by=mixed_by)
    _refuse_none(root, headers, len(files), bad)
    rate = rate or _common_rate(root, headers.values())
    good: dict[int, Header] = {}
    for number, header in headers.items():
        with bad.checking(str(files[number]), offered=bool(good) and header.states_length):
            if not (header.states_length or open_ended):
                raise _open_ended(files[number])
            refuse(files[number], header, rate)
            good[number] = header
    _refuse_none(root, good, len(files), bad)
    bad.refuse_most(str(root), len(good))
    return good, rate


def headers_of(
    files: Sequence[Path], bad: BadOnes, *, bodies: bool, mixed_by: str | None
) -> dict[int, Header]:
    """Headers of the files that are good, by number; several files are read at once.

    Args:
        files: to read.
        bad: what to do with one that is not good.
        bodies: also decode all that a header does not prove.
        mixed_by: as in `usable_sounds`.

    Cost: 0.1 ms a file for headers alone.
    """

    def read(first: int) -> list[Header | BadInput]:
        return [_checked(file, bodies, mixed_by) for file in files[first : first + FILES_AT_ONCE]]

    good: dict[int, Header] = {}
    pool = ThreadPoolExecutor(READERS)
    try:
        found = chain.from_iterable(pool.map(read, range(0, len(files), FILES_AT_ONCE)))
        for number, header in enumerate(found):
            with bad.checking(
                str(files[number]), offered=bool(good)
            ):  # where all may be bad, it is no way out
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
        "without_length": sum(not header.states_length for header in headers),
    }


def sound_notes(headers: Sequence[Header], others: Sequence[Path]) -> list[str]:
    """Lines of the summary on how recordings were read, and on files that were not."""
    open_ended = sum(not header.states_length for header in headers)
    notes = [f"{open_ended:,} recordings state no length and were read to their end"] if open_ended else []
    return [*notes, *not_read(others)]


def _open_ended(file: Path) -> BadInput:
    return BadInput(
        f"{file}: its header does not say how long it is, as of a file written through a pipe; set "
        f"data.open_ended=true to read it to its end, or {converting(file)}"
    )


def _checked(file: Path, bodies: bool, mixed_by: str | None) -> Header | BadInput:
    try:
        header = read_header(file)
        if bodies:
            check_body(file, header)
        if mixed_by and header.channels > 1:
            refuse_cancelled(file, header, whole=bodies, argument=mixed_by)
    except BadInput as error:
        return error
    return header


def _refuse_none(root: Path, headers: Mapping[int, Header], seen: int, bad: BadOnes) -> None:
    if not headers:
        first = bad.skipped[0] if bad.skipped else None
        why = f"; the first, {first.name}: {first.reason}" if first else ""
        raise BadInput(f"{root}: none of {seen or len(bad.skipped)} recordings can be used{why}")


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
