"""Features of a frame that are made of the energies in its mel bands, by torchaudio."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from dataclasses import field

from torch import Tensor, nn

from elman.declared import Declared
from elman.inputs.features import Features
from elman.inputs.spec_augment import SpecAugment


class MelBands(Declared, Features):
    """Features made of a frame's energy in bands that are equally wide in mel, under a Hann window.

    Args:
        sample_rate_hz: taken from the data.
        mels: bands.
        low_hz: where the lowest band begins.
        high_hz: where the highest band ends; null: half the sample rate.

    Raises:
        ValueError: for a value out of range, or more bands than the spectrum has lines for.

    Differs from torchaudio: one frame at a time, padded with zeros to at least twice its length, so that
        low bands are not empty.
    """

    input_size: int = field(kw_only=False)
    sample_rate_hz: int = field(kw_only=False)
    mels: int = 40
    low_hz: float = 20.0
    high_hz: float | None = None
    augmentation: SpecAugment | None = None

    def __post_init__(self) -> None:
        Features.__init__(
            self, input_size=self.input_size, output_size=self.count(), augmentation=self.augmentation
        )
        samples = 1 << (2 * self.input_size - 1).bit_length()  # of a padded frame
        self.bands, spare = self._spectrogram(samples), samples - self.input_size
        self.padding = (spare // 2, spare - spare // 2)

    @abstractmethod
    def count(self) -> int:
        """Features of a frame."""

    def energies(self, frames: Tensor) -> Tensor:
        """(N, input_size) samples to the energy in each band, (N, mels)."""
        return self.bands(nn.functional.pad(frames, self.padding))[..., 0]

    def _spectrogram(self, samples: int) -> nn.Module:
        for name in ("input_size", "sample_rate_hz", "mels"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {name}={getattr(self, name)}")
        most = self.sample_rate_hz / 2
        high_hz = most if self.high_hz is None else self.high_hz
        if not 0 <= self.low_hz < high_hz <= most:
            raise ValueError(
                f"low_hz and high_hz need 0 <= low_hz < high_hz <= {most:g}, half the sample rate, got "
                f"low_hz={self.low_hz:g} and high_hz={high_hz:g}"
            )
        from torchaudio.transforms import MelSpectrogram

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of empty bands, which are refused below
            bands = MelSpectrogram(
                sample_rate=self.sample_rate_hz,
                n_fft=samples,
                win_length=self.input_size,
                hop_length=self.input_size,
                f_min=float(self.low_hz),
                f_max=float(high_hz),
                n_mels=self.mels,
                center=False,
            )
        if not bool((bands.mel_scale.fb.sum(0) > 0).all()):
            raise ValueError(
                f"mels={self.mels} bands are too many for frames of {self.input_size} samples at this rate: "
                "some would hold no line of the spectrum; set fewer, or longer frames"
            )
        return bands
