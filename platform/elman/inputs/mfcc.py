"""MFCC: the shape of a frame's spectrum in a few numbers."""

from __future__ import annotations

import torch
from torch import Tensor

from elman.inputs.features import Features
from elman.inputs.spec_augment import SpecAugment
from elman.inputs.spectrum import mel_bands, spectrum_arguments

FLOOR = 1e-6


class MFCC(Features):
    """The first coefficients of the cosine transform of the log mel energies.

    Args:
        input_size: samples of a frame; taken from the data.
        sample_rate_hz: taken from the data.
        coefficients: how many; the first measures how loud the frame is.
        mels: bands under them.
        low_hz, high_hz: where the lowest band begins and the highest ends; null: half the sample rate.
        augmentation: random changes to training features; null: none. It may not warp or tilt: those move
            bands, and coefficients are none.

    Raises:
        ValueError: for a value out of range.

    Source: torchaudio's MFCC with `log_mels=True` and an orthonormal transform.
    Differs: as `LogMel`, frame by frame; no liftering, no deltas.
    """

    dct: Tensor

    def __init__(
        self,
        input_size: int,
        sample_rate_hz: int,
        *,
        coefficients: int = 13,
        mels: int = 40,
        low_hz: float = 20.0,
        high_hz: float | None = None,
        augmentation: SpecAugment | None = None,
    ) -> None:
        super().__init__(input_size=input_size, output_size=coefficients, augmentation=augmentation)
        if not 1 <= coefficients <= mels:
            raise ValueError(f"coefficients must lie in [1, mels={mels}], got coefficients={coefficients}")
        if augmentation is not None and (augmentation.warp or augmentation.tilt):
            raise ValueError(
                "augmentation.warp and augmentation.tilt move mel bands; use LogMel, or leave them out"
            )
        arguments = spectrum_arguments(input_size, sample_rate_hz, mels=mels, low_hz=low_hz, high_hz=high_hz)
        self.bands, self.padding = mel_bands(arguments)
        from torchaudio.functional import create_dct

        self.register_buffer("dct", create_dct(coefficients, mels, norm="ortho"))  # (mels, coefficients)

    def measured(self, frames: Tensor) -> Tensor:
        padded = torch.nn.functional.pad(frames, self.padding)
        return torch.log(self.bands(padded)[..., 0] + FLOOR) @ self.dct
