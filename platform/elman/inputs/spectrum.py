"""Mel bands of single frames, by torchaudio."""

from __future__ import annotations

import warnings
from typing import Any

from torch import nn


def spectrum_arguments(
    input_size: int, sample_rate_hz: int, *, mels: int, low_hz: float, high_hz: float | None
) -> dict[str, Any]:
    """Arguments of torchaudio's MelSpectrogram under which a frame of `input_size` samples is one window.

    Raises:
        ValueError: for a value out of range.
    """
    for name, value in {"input_size": input_size, "sample_rate_hz": sample_rate_hz, "mels": mels}.items():
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {name}={value}")
    top = sample_rate_hz / 2 if high_hz is None else high_hz
    if not 0 <= low_hz < top <= sample_rate_hz / 2:
        raise ValueError(
            f"low_hz and high_hz need 0 <= low_hz < high_hz <= {sample_rate_hz / 2:g}, half the sample "
            f"rate, got low_hz={low_hz:g} and high_hz={top:g}"
        )
    return {
        "sample_rate": sample_rate_hz,
        "n_fft": 1 << (2 * input_size - 1).bit_length(),
        "win_length": input_size,
        "hop_length": input_size,
        "f_min": float(low_hz),
        "f_max": float(top),
        "n_mels": mels,
        "center": False,
    }


def mel_bands(arguments: dict[str, Any]) -> tuple[nn.Module, tuple[int, int]]:
    """(N, n_fft) padded frames to (N, n_mels, 1) energies, and the zeros a frame needs on either side.

    Raises:
        ValueError: if a band holds no line of the spectrum.
    """
    from torchaudio.transforms import MelSpectrogram

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of empty bands, which are refused below
        bands = MelSpectrogram(**arguments)
    if not bool((bands.mel_scale.fb.sum(0) > 0).all()):
        raise ValueError(
            f"mels={arguments['n_mels']} bands are too many for frames of {arguments['win_length']} samples "
            "at this rate: some would hold no line of the spectrum; set fewer, or longer frames"
        )
    spare = arguments["n_fft"] - arguments["win_length"]
    return bands, (spare // 2, spare - spare // 2)
