"""Sound that libsndfile does not read, decoded whole by PyAV."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from datamodules.files import reading
from datamodules.sounds.kinds import converting
from elman.errors import BadInput

LEAST_MISSED_S = 0.25
"""Seconds by which a header may be wrong: encoders add a little, and not all say so."""


def decoded(file: Path) -> tuple[np.ndarray, int]:
    """All samples (samples, channels) float32 of a file's first stream of sound, and their rate in Hz.

    Raises:
        BadInput: without PyAV, or if there is no sound, less than the header states, or some that cannot be
            decoded.
    """
    with reading(file):
        stat = file.stat()
    return _decoded(file, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=2)
def _decoded(file: Path, changed: int, size: int) -> tuple[np.ndarray, int]:
    try:
        import av
    except ImportError as error:
        raise BadInput(
            f"{file}: {file.suffix} is read by PyAV, which is not installed: pip install 'elman[video]', or "
            f"{converting(file)}"
        ) from error
    blocks = []
    try:
        with av.open(str(file), metadata_errors="ignore") as container:
            if not container.streams.audio:
                raise BadInput(f"{file}: holds no sound; take it out")
            stream = container.streams.audio[0]
            resampler = av.AudioResampler(format="fltp")
            for frame in (*container.decode(stream), None):
                blocks += [part.to_ndarray() for part in resampler.resample(frame)]
            rate = int(stream.rate or 0)
            stated = int((stream.duration or 0) * (stream.time_base or 0) * rate)
    except (av.FFmpegError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error).split("\n", 1)[0]
        raise BadInput(
            f"{file}: {file.suffix} is read by PyAV, which cannot decode it ({reason}); if it is whole, "
            f"{converting(file)}"
        ) from error
    if not blocks:
        raise BadInput(f"{file}: holds no samples; record it anew")
    found = np.ascontiguousarray(np.concatenate(blocks, axis=1).T, dtype=np.float32)
    if len(found) < stated - rate * LEAST_MISSED_S:
        raise BadInput(
            f"{file}: was cut short: its header says {stated} samples and {len(found)} are there; copy or "
            "record it anew"
        )
    return found, rate
