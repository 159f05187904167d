"""Features of frames equal torchaudio's of the whole waveform; scaling is measured on what exists."""

import pytest
import torch
from torchaudio import transforms

import elman.inputs
from elman.batch import whole
from elman.inputs import MFCC, Features, LogMel, SpecAugment

RATE, WINDOW, HOP = 8000, 200, 80


@pytest.fixture
def wave():
    return torch.randn(3, 2000, generator=torch.Generator().manual_seed(1))


def frames(wave):
    return wave.unfold(1, WINDOW, HOP)  # (B, T, WINDOW)


def over_all(wave, transform):
    """torchaudio over the whole waveform: its FFT frames begin `spare / 2` before our frames."""
    spare = 512 - WINDOW
    padded = torch.nn.functional.pad(wave, (spare // 2, spare - spare // 2))
    return transform(padded).transpose(1, 2)


MEL = {
    "n_fft": 512,
    "win_length": WINDOW,
    "hop_length": HOP,
    "f_min": 20.0,
    "f_max": 4000.0,
    "n_mels": 40,
    "center": False,
}


def test_log_mel_is_torchaudios(wave):
    expected = transforms.MelSpectrogram(sample_rate=RATE, **MEL)
    ours = LogMel(WINDOW, RATE)(frames(wave))
    theirs = over_all(wave, lambda x: torch.log(expected(x) + 1e-6))
    assert ours.shape == (3, 23, 40)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)  # float32 sums in another order


def test_mfcc_is_torchaudios(wave):
    expected = transforms.MFCC(sample_rate=RATE, n_mfcc=13, log_mels=True, melkwargs=MEL)
    ours = MFCC(WINDOW, RATE, coefficients=13)(frames(wave))
    torch.testing.assert_close(ours, over_all(wave, expected), rtol=1e-4, atol=1e-3)


def test_a_tone_lies_in_its_band():
    time = torch.arange(WINDOW) / RATE
    low, high = (torch.sin(2 * torch.pi * hz * time) for hz in (300.0, 3000.0))
    loud = LogMel(WINDOW, RATE)(torch.stack([low, high])[None])[0].argmax(dim=1)
    mel = [2595 * torch.log10(torch.tensor(1 + hz / 700)).item() for hz in (20, 300, 3000, 4000)]
    for band, at in zip(loud.tolist(), mel[1:3], strict=True):
        assert abs(band + 1 - 41 * (at - mel[0]) / (mel[3] - mel[0])) <= 1


FEATURES = [LogMel(WINDOW, RATE), MFCC(WINDOW, RATE)]


def test_no_features_are_left_out():
    public = {getattr(elman.inputs, name) for name in elman.inputs.__all__}
    kinds = {c for c in public if isinstance(c, type) and issubclass(c, Features)}
    assert {type(features) for features in FEATURES} >= kinds - {Features}


@pytest.mark.parametrize("features", FEATURES, ids=lambda features: type(features).__name__)
def test_a_frame_stands_for_itself(features, wave):
    x = frames(wave)
    both = features(x)
    torch.testing.assert_close(torch.cat([features(x[:, :5]), features(x[:, 5:])], dim=1), both)
    assert not list(features.parameters())


def ragged(wave, lengths):
    x = frames(wave)
    batch = whole(x, None)
    return batch._replace(lengths=torch.tensor(lengths))


def test_fit_counts_frames_that_exist_and_no_padding(wave):
    features = LogMel(WINDOW, RATE)
    batch = ragged(wave, [23, 4, 0])
    raw = features(batch.x)
    seen = torch.cat([raw[0], raw[1, :4]])
    features.fit_from([batch], limit=10**9)
    torch.testing.assert_close(features.mean, seen.mean(0))
    torch.testing.assert_close(features.std, seen.std(0, correction=0))
    scaled = features(batch.x)
    kept = torch.cat([scaled[0], scaled[1, :4]])
    torch.testing.assert_close(kept.mean(0), torch.zeros(40), rtol=0, atol=1e-5)
    assert {"mean", "std"} <= set(features.state_dict())


def test_fit_reads_no_more_than_it_needs(wave):
    read = []

    def batches():
        for number in range(100):
            read.append(number)
            yield ragged(wave, [23, 23, 23])

    LogMel(WINDOW, RATE).fit_from(batches(), limit=100)
    assert read == [0, 1]


def test_silence_does_not_divide_by_zero():
    features = LogMel(WINDOW, RATE)
    features.fit_from([whole(torch.zeros(1, 5, WINDOW), None)], limit=1)
    assert torch.isfinite(features(torch.zeros(1, 1, WINDOW))).all()


def test_half_precision_outside_changes_nothing(wave):
    features = LogMel(WINDOW, RATE)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = features(frames(wave))
    assert torch.equal(inside, features(frames(wave)))


def test_without_augmentation_nothing_changes(wave):
    x = torch.randn(2, 5, 40)
    assert LogMel(WINDOW, RATE).augment(x, torch.tensor([5, 3])) is x


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mels": 0}, "mels must be at least 1"),
        ({"mels": 400}, "mels=400 bands are too many"),
        ({"low_hz": 5000.0}, "low_hz and high_hz"),
        ({"high_hz": 4001.0}, "half the sample rate"),
        ({"floor": 0.0}, "floor is an energy"),
    ],
)
def test_values_out_of_range(arguments, message):
    with pytest.raises(ValueError, match=message):
        LogMel(WINDOW, RATE, **arguments)


def test_mfcc_refuses_what_has_no_meaning():
    with pytest.raises(ValueError, match=r"coefficients must lie in \[1, mels=20\]"):
        MFCC(WINDOW, RATE, coefficients=21, mels=20)
    with pytest.raises(ValueError, match="move mel bands"):
        MFCC(WINDOW, RATE, augmentation=SpecAugment(warp=0.1))
