"""Parts of a resampled sound are parts of the whole one resampled."""

import pytest
import torch
from torchaudio.transforms import Resample

from datamodules.sounds.resample import kernel_size, resampled_length, resampled_part

RATES = [
    (8000, 16000),
    (16000, 8000),
    (44100, 16000),
    (44100, 8000),
    (11025, 8000),
    (48000, 44100),
    (8000, 8000),
]


@pytest.mark.parametrize(("rate", "target"), RATES)
@pytest.mark.parametrize("samples", [1, 37, 5003])
def test_parts_equal_the_whole(rate, target, samples):
    sound = torch.randn(samples, generator=torch.Generator().manual_seed(0))
    whole = Resample(rate, target)(sound)
    assert resampled_length(samples, rate, target) == len(whole)
    read = []

    def source(start, stop):
        read.append(stop - start)
        assert 0 <= start <= stop <= samples
        return sound[start:stop]

    size = len(whole)
    for start, stop in [(0, size), (0, 1), (size - 1, size), (size // 3, size // 2 + 1), (size // 2, size)]:
        part = resampled_part(source, samples, start, stop, rate=rate, target=target)
        torch.testing.assert_close(part, whole[start:stop], rtol=0, atol=1e-6)  # float32 sums


def test_little_more_is_read_than_is_asked_for():
    read = []

    def source(start, stop):
        read.append(stop - start)
        return torch.zeros(stop - start)

    resampled_part(source, 44100 * 3600, 10_000_000, 10_000_800, rate=44100, target=16000)
    assert read[0] < 800 * 44100 / 16000 + 4 * 441


def test_kernel_size_is_torchaudios():
    for rate, target in RATES[:-1]:
        assert kernel_size(rate, target) == Resample(rate, target).kernel.numel()
    assert kernel_size(44101, 8000) > 1 << 24
