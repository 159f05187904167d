"""LogMel: the energy of a frame in bands as wide as the ear's."""

from __future__ import annotations

import torch
from torch import Tensor

from elman.inputs.mel_bands import MelBands


class LogMel(MelBands):
    """log(energy + floor) of each mel band of the frame's power spectrum.

    Args:
        floor: energy that counts as silence, for samples in [-1, 1].

    Raises:
        ValueError: if `floor` is not positive.

    Source: torchaudio's MelSpectrogram (HTK mel scale), one frame at a time.
    """

    floor: float = 1e-6

    def __post_init__(self) -> None:
        if not self.floor > 0:
            raise ValueError(f"floor is an energy and must be above 0, got floor={self.floor}")
        super().__post_init__()

    def count(self) -> int:
        return self.mels

    def measured(self, frames: Tensor) -> Tensor:
        return torch.log(self.energies(frames) + self.floor)
