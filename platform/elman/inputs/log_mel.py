"""LogMel: the energy of a frame in bands as wide as the ear's."""

from __future__ import annotations

import torch
from torch import Tensor

from elman.inputs.features import Features
from elman.inputs.spec_augment import SpecAugment
from elman.inputs.spectrum import mel_bands, spectrum_arguments


class LogMel(Features):
    """log(energy + floor) of each mel band of the frame's power spectrum, under a Hann window.

    Args:
        input_size: samples of a frame; taken from the data.
        sample_rate_hz: taken from the data.
        mels: bands, equally wide in mel.
        low_hz, high_hz: where the lowest band begins and the highest ends; null: half the sample rate.
        floor: energy that counts as silence, for samples in [-1, 1].
        augmentation: random changes to training features; null: none.

    Raises:
        ValueError: for a value out of range, or more bands than the spectrum has lines for.

    Source: torchaudio's MelSpectrogram (HTK mel scale), one frame at a time.
    Differs: a frame is padded with zeros to at least twice its length, so that low bands are not empty.
    """

    def __init__(
        self,
        input_size: int,
        sample_rate_hz: int,
        *,
        mels: int = 40,
        low_hz: float = 20.0,
        high_hz: float | None = None,
        floor: float = 1e-6,
        augmentation: SpecAugment | None = None,
    ) -> None:
        super().__init__(input_size=input_size, output_size=mels, augmentation=augmentation)
        if not floor > 0:
            raise ValueError(f"floor is an energy and must be above 0, got floor={floor}")
        self.floor = floor
        arguments = spectrum_arguments(input_size, sample_rate_hz, mels=mels, low_hz=low_hz, high_hz=high_hz)
        self.bands, self.padding = mel_bands(arguments)

    def measured(self, frames: Tensor) -> Tensor:
        padded = torch.nn.functional.pad(frames, self.padding)
        return torch.log(self.bands(padded)[..., 0] + self.floor)
