"""Sound that libsndfile does not read, decoded whole by PyAV."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from datamodules.sounds.kinds import converting
from elman.errors import BadInput


@lru_cache(maxsize=2)
def decoded(file: Path) -> tuple[np.ndarray, int]:
    """All samples (samples, channels) float32 of a file's first stream of sound, and their rate in Hz.

    Raises:
        BadInput: without PyAV, or if there is no sound, or some that cannot be decoded.
    """
    try:
        import av
    except ImportError as error:
        raise BadInput(
            f"{file}: is read by PyAV, which is not installed: pip install 'elman[video]', or "
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
    except (av.FFmpegError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error).split("\n", 1)[0]
        raise BadInput(f"{file}: cannot be decoded ({reason}); if it is whole, {converting(file)}") from error
    if not blocks:
        raise BadInput(f"{file}: holds no samples; record it anew")
    return np.ascontiguousarray(np.concatenate(blocks, axis=1).T, dtype=np.float32), rate
