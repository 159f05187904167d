"""MFCC: the shape of a frame's spectrum in a few numbers."""

from __future__ import annotations

from dataclasses import field

import torch
from torch import Tensor

from elman.inputs.mel_bands import MelBands

FLOOR = 1e-6


class MFCC(MelBands):
    """The first coefficients of the cosine transform of the log mel energies.

    Args:
        coefficients: how many; the first measures how loud the frame is.
        augmentation: random changes to training features; null: none. It may not warp or tilt: those move
            bands, and coefficients are none.

    Raises:
        ValueError: if `coefficients` is not between 1 and `mels`, or for an augmentation that moves bands.

    Source: torchaudio's MFCC with `log_mels=True` and an orthonormal transform.
    Differs: as `LogMel`, frame by frame; no liftering, no deltas.
    """

    coefficients: int = 13

    dct: Tensor = field(init=False)

    def __post_init__(self) -> None:
        if not 1 <= self.coefficients <= self.mels:
            raise ValueError(
                f"coefficients must lie in [1, mels={self.mels}], got coefficients={self.coefficients}"
            )
        if self.augmentation is not None and (self.augmentation.warp or self.augmentation.tilt):
            raise ValueError(
                "augmentation.warp and augmentation.tilt move mel bands; use LogMel, or leave them out"
            )
        super().__post_init__()
        from torchaudio.functional import create_dct

        self.register_buffer("dct", create_dct(self.coefficients, self.mels, norm="ortho"))  # (mels, C)

    def count(self) -> int:
        return self.coefficients

    def measured(self, frames: Tensor) -> Tensor:
        return torch.log(self.energies(frames) + FLOOR) @ self.dct
