"""Frames: how sound becomes steps of a sequence."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from datamodules.sounds.resample import LARGEST_KERNEL, kernel_size, resampled_length, resampled_part
from datamodules.sounds.sound_file import HIGHEST_HZ, LOWEST_HZ, Header, read_sound
from elman.errors import BadInput

Channel = Literal["mix", "left", "right"] | int
Check = Literal["auto", "headers", "bodies"]


@dataclass(frozen=True, kw_only=True)
class Frames:
    """How recordings become frames of samples, and which of these are scored.

    Headers, and the lengths of wav and Ogg files, are checked before training. Whether a FLAC or MP3 file was
    cut short, and whether floating point samples are finite, only decoding shows: `check`. A recording that
    turns out bad while training stops the run with its name. One whose channels cancel each other when they
    are mixed, so that less than a twentieth of their level is left, is bad.

    Args:
        sample_rate_hz: that all are resampled to; null: their own, which must then be the same.
        channel: mix (the mean of all channels), left, right, or a number from 0.
        window_ms: length of a frame.
        hop_ms: from one frame's start to the next; at most `window_ms`.
        shortest_s: a recording that lasts less is bad; null: one frame is enough.
        longest_s: what comes later in a recording is left out; null: all of it is taken.
        scored_share: share of a training recording's frames, the last ones, at which the class is scored, so
            that it is learned before the recording ends, wherever that is cut; 0: at the last frame alone, as
            always in validation and test.
        check: headers, or bodies (decode before training all that a header does not prove); auto decodes
            where all files have at most 256 MiB, or where `skip_bad` depends on it.

    Raises:
        ValueError: for a value out of range.
    """

    sample_rate_hz: int | None = None
    channel: Channel = "mix"
    window_ms: float = 25.0
    hop_ms: float = 10.0
    shortest_s: float | None = None
    longest_s: float | None = None
    scored_share: float = 0.0
    check: Check = "auto"

    def __post_init__(self) -> None:
        check_rate(self.sample_rate_hz)
        check_channel(self.channel)
        if not 0 < self.hop_ms <= self.window_ms < float("inf"):
            raise ValueError(
                f"hop_ms and window_ms need 0 < hop_ms <= window_ms, got hop_ms={self.hop_ms} and "
                f"window_ms={self.window_ms}"
            )
        if self.shortest_s is not None and not self.shortest_s > 0:
            raise ValueError(f"shortest_s counts seconds and must be above 0, got {self.shortest_s}")
        least = max(self.window_ms / 1000, self.shortest_s or 0)
        if self.longest_s is not None and not self.longest_s >= least:
            raise ValueError(
                f"longest_s counts seconds and must be at least {least:g}, what window_ms and shortest_s ask "
                f"for, got {self.longest_s}"
            )
        if self.check not in ("auto", "headers", "bodies"):
            raise ValueError(f"check must be auto, headers or bodies, got {self.check!r}")
        if not 0 <= self.scored_share <= 1:
            raise ValueError(f"scored_share must lie in [0, 1], got scored_share={self.scored_share}")

    def at(self, sample_rate_hz: int) -> Framing:
        """In samples of this rate, to the nearest."""
        window = max(1, round(self.window_ms * sample_rate_hz / 1000))
        hop = max(1, round(self.hop_ms * sample_rate_hz / 1000))
        longest = None
        if self.longest_s is not None:
            longest = max(1, 1 + (int(self.longest_s * sample_rate_hz) - window) // hop)
        return Framing(
            sample_rate_hz, window, hop, self.channel, self.shortest_s or self.window_ms / 1000, longest
        )


@dataclass(frozen=True)
class Framing:
    """Frame t is the samples [t * hop, t * hop + window).

    Args:
        sample_rate_hz: of the frames; files of other rates are resampled.
        window: samples of a frame.
        hop: samples from one frame's start to the next.
        channel: which, or mix.
        shortest_s: what a recording must last.
        longest: most frames of a recording; None: all.
    """

    sample_rate_hz: int
    window: int
    hop: int
    channel: Channel
    shortest_s: float
    longest: int | None

    def frames(self, header: Header) -> int:
        """Frames of a file; samples after the last whole frame are left out."""
        samples = resampled_length(header.samples, header.sample_rate_hz, self.sample_rate_hz)
        count = max(0, 1 + (samples - self.window) // self.hop)
        return count if self.longest is None else min(count, self.longest)

    def refuse(self, file: Path, header: Header) -> None:
        """Raise BadInput if these frames cannot be made of a file."""
        refuse_channel(file, header, self.channel)
        refuse_rate(file, header, self.sample_rate_hz)
        seconds = header.samples / header.sample_rate_hz
        if seconds < self.shortest_s or not self.frames(header):
            raise BadInput(
                f"{file}: lasts {seconds:.4g} s and must last {self.shortest_s:.4g} s "
                "(data.frames.shortest_s, or one window); set these lower, or take the file out"
            )

    def read(self, file: Path, header: Header, start: int, stop: int) -> Tensor:
        """Frames [start, stop) of a file, (stop - start, window); no more of it is read than they need."""
        if stop <= start:
            return torch.zeros(0, self.window)
        first, last = start * self.hop, (stop - 1) * self.hop + self.window
        samples = read_samples(file, header, first, last, rate=self.sample_rate_hz, channel=self.channel)
        return samples.unfold(0, self.window, self.hop)


def read_samples(file: Path, header: Header, start: int, stop: int, *, rate: int, channel: Channel) -> Tensor:
    """Samples [start, stop) of a file at another rate, (stop - start,) float32."""

    def source(first: int, last: int) -> Tensor:
        return mixed(read_sound(file, first, last, by_pyav=header.by_pyav), channel)

    return resampled_part(source, header.samples, start, stop, rate=header.sample_rate_hz, target=rate)


def mixed(sound: np.ndarray, channel: Channel) -> Tensor:
    """(samples, channels) to (samples,)."""
    if channel == "mix":
        return torch.from_numpy(sound[:, 0] if sound.shape[1] == 1 else sound.mean(axis=1))
    return torch.from_numpy(np.ascontiguousarray(sound[:, _number(channel)]))


def check_rate(rate: int | None) -> None:
    """Raise ValueError for a sample rate to resample to that is out of range."""
    if rate is not None and not LOWEST_HZ <= rate <= HIGHEST_HZ:
        raise ValueError(f"sample_rate_hz must lie in [{LOWEST_HZ}, {HIGHEST_HZ}], got {rate}")


def check_channel(channel: Channel) -> None:
    """Raise ValueError for what names no channel."""
    if channel not in ("mix", "left", "right") and not (isinstance(channel, int) and channel >= 0):
        raise ValueError(f"channel must be mix, left, right or a number from 0, got {channel!r}")


def refuse_channel(file: Path, header: Header, channel: Channel) -> None:
    """Raise BadInput if a file has no such channel."""
    if channel != "mix" and _number(channel) >= header.channels:
        raise BadInput(
            f"{file}: has no channel {channel}, only {header.channels} (numbered from 0); set channel to mix"
        )


def refuse_rate(file: Path, header: Header, target: int) -> None:
    """Raise BadInput if a file cannot be resampled to `target`."""
    if kernel_size(header.sample_rate_hz, target) > LARGEST_KERNEL:
        raise BadInput(
            f"{file}: {header.sample_rate_hz} Hz cannot be resampled to {target} Hz, the two having hardly a "
            "common divisor; set sample_rate_hz to the file's own, or write the file anew"
        )


def _number(channel: Channel) -> int:
    return {"left": 0, "right": 1}[channel] if isinstance(channel, str) else channel
