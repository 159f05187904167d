"""Sounds: the recordings that can be used, and their frames as examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch

from datamodules.collecting.examples import Example
from datamodules.collecting.findings import BadOnes
from datamodules.files import LARGEST_READ
from datamodules.sounds.frames import Framing
from datamodules.sounds.sound_file import Header, check_body, read_header
from elman.errors import BadInput

READERS, FILES_AT_ONCE = 8, 256
LARGEST_KEPT = 64 << 20
"""Bytes of decoded samples that are kept in memory, in each process that reads."""


class Sounds:
    """Recordings of one class each, told at the last frames.

    Where all of them decoded take at most 64 MiB, each is read once and kept; else only the frames that are
    asked for are read, each time.

    Args:
        files: where they lie.
        headers: of each.
        labels: (N,) class of each.
        framing: how frames are made.
        shares: (N,) share of its frames that are scored, the last ones; at least one frame is.
    """

    def __init__(
        self,
        files: Sequence[Path],
        headers: Sequence[Header],
        labels: np.ndarray,
        framing: Framing,
        shares: np.ndarray,
    ) -> None:
        self.files, self.headers, self.labels, self.framing = files, headers, labels, framing
        self.lengths = np.array([framing.frames(header) for header in headers], dtype=np.int64)
        samples = self.lengths * framing.hop + framing.window
        self._kept: dict[int, torch.Tensor] | None = {} if 4 * samples.sum() <= LARGEST_KEPT else None
        self.first_scored = self.lengths - np.maximum(1, np.ceil(shares * self.lengths)).astype(np.int64)

    def window(self, number: int, start: int, stop: int) -> Example:
        x = self._frames(number, start, stop)
        scored = torch.arange(start, start + len(x)) >= int(self.first_scored[number])
        return Example(x, torch.full((len(x),), int(self.labels[number])), scored)

    def _frames(self, number: int, start: int, stop: int) -> torch.Tensor:
        file, header = self.files[number], self.headers[number]
        if self._kept is None:
            return self.framing.read(file, header, start, stop)
        if number not in self._kept:  # frames of a recording are overlapping views of its samples
            self._kept[number] = self.framing.read(file, header, 0, int(self.lengths[number]))
        return self._kept[number][start:stop]


def headers_of(files: Sequence[Path], bad: BadOnes, *, bodies: bool) -> dict[int, Header]:
    """Headers of the files that are good, by number; several files are looked at at once.

    Args:
        files: to look at.
        bad: what to do with one that is not good.
        bodies: also decode what a header is no proof of.

    Cost: 0.1 ms a file for headers alone.
    """

    def look(first: int) -> list[Header | BadInput]:
        return [_looked_at(file, bodies) for file in files[first : first + FILES_AT_ONCE]]

    good: dict[int, Header] = {}
    pool = ThreadPoolExecutor(READERS)
    try:
        for first, found in enumerate(pool.map(look, range(0, len(files), FILES_AT_ONCE))):
            for number, header in enumerate(found, first * FILES_AT_ONCE):
                with bad.checking(str(files[number])):
                    if isinstance(header, BadInput):
                        raise header
                    good[number] = header
    finally:
        pool.shutdown(cancel_futures=True)
    return good


def _looked_at(file: Path, bodies: bool) -> Header | BadInput:
    try:
        header = read_header(file)
        if bodies:
            check_body(file, header)
    except BadInput as error:
        return error
    return header


def small(files: Sequence[Path]) -> bool:
    """Whether all files together are read for the digest anyway."""
    sizes = 0
    for file in files:
        try:
            sizes += file.stat().st_size
        except OSError:
            continue  # told with its name when its header is read
    return sizes <= LARGEST_READ


def common_rate(source: object, headers: Iterable[Header]) -> int:
    """The sample rate of all files.

    Raises:
        BadInput: if they differ.
    """
    counts = Counter(header.sample_rate_hz for header in headers).most_common()
    if len(counts) > 1:
        seen = ", ".join(f"{rate} Hz ({count})" for rate, count in counts[:5])
        raise BadInput(
            f"{source}: recordings differ in sample rate: {seen}; set sample_rate_hz, and they are resampled"
        )
    return counts[0][0]


def sound_facts(headers: Sequence[Header], rate: int) -> dict[str, Any]:
    """What a page about a run says of its recordings."""
    seconds = sum(header.samples / header.sample_rate_hz for header in headers)
    return {
        "sample_rate_hz": rate,
        "seconds": round(seconds, 1),
        "resampled": sum(header.sample_rate_hz != rate for header in headers),
        "most_channels": max(header.channels for header in headers),
    }
