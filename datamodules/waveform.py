"""Waveform: sound predicted sample by sample."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from datamodules.collecting import (
    BadOnes,
    Batching,
    Collected,
    Example,
    Examples,
    Findings,
    Partition,
    aligned,
)
from datamodules.collecting.findings import check_skip, refuse_unread
from datamodules.files import any_case, digest_of, find_files, relative_name
from datamodules.live import Reader, Samples
from datamodules.sounds.frames import (
    Channel,
    check_channel,
    check_rate,
    read_samples,
    refuse_channel,
    refuse_rate,
)
from datamodules.sounds.kinds import SUFFIXES, UNREAD
from datamodules.sounds.resample import resampled_length
from datamodules.sounds.samples import WAY_OUT, sound_metadata, sound_notes, usable_sounds
from datamodules.sounds.sound_file import Header
from elman.errors import BadInput

LEVELS = 256
LEAST_SAMPLES = 2


class Waveform(Collected):
    """What is the next sample? Every step is scored, and is one of 256 mu-law levels.

    x (B, T) ids of samples 0 .. n-2; y (B, T) ids of samples 1 .. n-1. Level 0 is -1, 255 is +1, 128 is near
    silence; levels are close where sound is quiet. Guessing blindly costs 8 bits a step.

    Only the samples of a batch are read from a file: with `batching.steps`, recordings of hours run through
    rows of that many steps, and where one ends the next begins.

    Args:
        path: a sound file, or a folder of them, of the kinds that `Audio` reads.
        sample_rate_hz: that all are resampled to; null: their own, which must be the same.
        channel: mix (the mean of all channels), left, right, or a number from 0.
        piece_s: recordings are cut into sequences of this many seconds; null: a recording is a sequence. A
            single recording needs it, to have something to validate on. `split.by=file` keeps the pieces of
            a recording on one side.
        skip_bad: leave out and count bad recordings instead of refusing the data: at most half of all, or
            the share that is given.
        open_ended: read recordings whose header states no length to their end, as `Audio` does.
        split: which sequences train, validate and test.
        batching: how sequences become batches.

    Raises:
        ValueError: for a value out of range.

    Source: mu-law with mu = 255 (ITU-T G.711) as `torchaudio.functional.mu_law_encoding` computes it; to
        predict it level by level: van den Oord et al. (2016), WaveNet, section 2.2.
    """

    token_ids = True

    def __init__(
        self,
        *,
        path: str,
        sample_rate_hz: int | None = None,
        channel: Channel = "mix",
        piece_s: float | None = None,
        skip_bad: bool | float = False,
        open_ended: bool = False,
        split: Partition = Partition(),
        batching: Batching = Batching(batch_size=16, steps=1000),
    ) -> None:
        super().__init__(split=split, batching=batching, unit="samples")
        check_rate(sample_rate_hz)
        check_channel(channel)
        if piece_s is not None and not 0 < piece_s < float("inf"):
            raise ValueError(f"piece_s counts seconds and must be above 0, got {piece_s}")
        self.path, self.rate, self.channel, self.piece_s = path, sample_rate_hz, channel, piece_s
        check_skip(skip_bad)
        self.skip_bad, self.open_ended = skip_bad, open_ended
        self._pieces: _Pieces | None = None

    def find(self) -> Findings:
        root, files, others = find_files(self.path, any_case(SUFFIXES), way_out=WAY_OUT)
        if files == [root]:
            root = root.parent
            if not files[0].name.lower().endswith(SUFFIXES):
                raise BadInput(f"{files[0]}: is no {', '.join(SUFFIXES)} file, going by its name; convert it")
        bad = BadOnes(skip=self.skip_bad)
        refuse_unread(root, files, others, UNREAD, bad=bad, convert="`ffmpeg -i IN OUT.wav`")
        headers, rate = usable_sounds(
            root,
            files,
            bad,
            rate=self.rate or self.saved.get("sample_rate_hz"),
            check="auto",
            open_ended=self.open_ended,
            mixed_by="data.channel" if self.channel == "mix" else None,
            refuse=self._refuse,
        )
        kept = [files[number] for number in headers]
        most = None if self.piece_s is None else max(LEAST_SAMPLES, round(self.piece_s * rate))
        self._pieces = _Pieces(kept, list(headers.values()), rate, self.channel, most)
        digest, of_content = digest_of(kept, root)
        names = [relative_name(file, root) for file in kept]
        return Findings(
            source=root.name or str(root),
            digest=digest,
            names=[f"{names[file]} from sample {start}" for file, start, _ in self._pieces.places],
            lengths=self._pieces.lengths,
            fields={"file": [names[file] for file, _, _ in self._pieces.places]},
            skipped=bad.skipped,
            metadata={
                **sound_metadata(self._pieces.headers, rate),
                "files": len(kept),
                "not_read": len(others),
                "digest_of": None if of_content else "names and sizes",
            },
            notes=sound_notes(self._pieces.headers, others),
        )

    def examples(self, found: Findings, train: np.ndarray) -> Examples:
        assert self._pieces is not None
        self.input_size = self.output_size = LEVELS
        return self._pieces

    def reader(self, *, input_size: int, token_ids: bool) -> Reader:
        rate = self.saved["sample_rate_hz"] if self._pieces is None else self._pieces.rate
        return Samples(sample_rate_hz=rate, frame=1, levels=lambda frames: levels(frames[:, 0]))

    def remembered(self) -> dict[str, Any]:
        assert self._pieces is not None
        return {"sample_rate_hz": self._pieces.rate}

    def _refuse(self, file: Path, header: Header, rate: int) -> None:
        refuse_channel(file, header, self.channel)
        refuse_rate(file, header, rate)
        if resampled_length(header.samples, header.sample_rate_hz, rate) < LEAST_SAMPLES:
            raise BadInput(f"{file}: holds one sample, and a step needs the next one; take it out")


class _Pieces:
    """Runs of samples [start, stop) of files, each a sequence of one step less.

    Args:
        files, headers: of the recordings.
        rate: Hz, of the samples counted here.
        channel: which.
        most: samples of a piece; None: all of a recording.
    """

    def __init__(
        self, files: Sequence[Path], headers: Sequence[Header], rate: int, channel: Channel, most: int | None
    ) -> None:
        self.files, self.headers, self.rate, self.channel = files, headers, rate, channel
        self.places = []
        for file, header in enumerate(headers):
            samples = resampled_length(header.samples, header.sample_rate_hz, rate)
            for start in range(0, samples, most or samples):
                stop = min(start + (most or samples), samples)
                if stop - start >= LEAST_SAMPLES:
                    self.places.append((file, start, stop))
        self.lengths = np.array([stop - start - 1 for _, start, stop in self.places], dtype=np.int64)

    def window(self, number: int, start: int, stop: int) -> Example:
        file, first, _ = self.places[number]
        ids = torch.zeros(1, dtype=torch.int64)
        if stop > start:
            samples = read_samples(
                self.files[file],
                self.headers[file],
                first + start,
                first + stop + 1,
                rate=self.rate,
                channel=self.channel,
            )
            ids = levels(samples)
        return aligned(ids[:-1], ids[1:])


def levels(samples: torch.Tensor) -> torch.Tensor:
    """Samples in [-1, 1] to mu-law levels; what lies outside is clipped."""
    from torchaudio.functional import mu_law_encoding

    return mu_law_encoding(samples.clamp(-1, 1), LEVELS)
