"""Recordings as frames of samples."""

import numpy as np
import pytest
import torch
from sound_toys import record, tone
from torchaudio.transforms import Resample

from datamodules.sounds.frames import Frames
from datamodules.sounds.sound_file import read_header
from elman.errors import BadInput

SUFFIXES = [".wav", ".flac", ".ogg", ".mp3"]


def test_by_hand(tmp_path):
    file = record(tmp_path / "a.wav", np.arange(1, 13, dtype=np.float32) / 128, 1000)
    framing = Frames(window_ms=4, hop_ms=3).at(1000)
    header = read_header(file)
    assert framing.frames(header) == 3  # the two samples after the last whole frame are left out
    expected = [[1, 2, 3, 4], [4, 5, 6, 7], [7, 8, 9, 10]]
    assert (framing.read(file, header, 0, 3) * 128).tolist() == expected
    assert (framing.read(file, header, 1, 2) * 128).tolist() == expected[1:2]
    assert framing.read(file, header, 2, 2).shape == (0, 4)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("rate", [None, 16000, 6000])
def test_windows_equal_the_whole(tmp_path, suffix, rate):
    file = record(tmp_path / f"a{suffix}", np.stack([tone(500, 2.0), tone(900, 2.0)], axis=1))
    header, framing = read_header(file), Frames(channel="right").at(rate or 8000)
    count = framing.frames(header)
    whole = framing.read(file, header, 0, count)
    assert whole.shape == (count, framing.window)
    parts = [framing.read(file, header, start, min(start + 7, count)) for start in range(0, count, 7)]
    torch.testing.assert_close(torch.cat(parts), whole, rtol=0, atol=1e-6)


def test_resampled_frames_are_torchaudios(tmp_path):
    samples = tone(500, 1.0)
    file = record(tmp_path / "a.wav", samples, subtype="FLOAT")
    framing = Frames(window_ms=20, hop_ms=10).at(16000)
    header = read_header(file)
    expected = Resample(8000, 16000)(torch.from_numpy(samples)).unfold(0, 320, 160)
    found = framing.read(file, header, 0, framing.frames(header))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("channel", "value"), [("mix", 0.25), ("left", 0.75), ("right", -0.25), (2, 0.25)])
def test_channels(tmp_path, channel, value):
    sound = np.tile(np.array([[0.75, -0.25, 0.25]], dtype=np.float32), (400, 1))
    file = record(tmp_path / "a.wav", sound)
    framing = Frames(channel=channel).at(8000)
    assert framing.read(file, read_header(file), 0, 1).unique().tolist() == [value]


def test_a_channel_that_is_not_there(tmp_path):
    file = record(tmp_path / "a.wav")
    with pytest.raises(BadInput, match=r"a\.wav: has no channel right, only 1 .*set channel to mix"):
        Frames(channel="right").at(8000).refuse(file, read_header(file))


def test_limits(tmp_path):
    file = record(tmp_path / "a.wav", tone(500, 0.5))
    header = read_header(file)
    assert Frames(longest_s=0.1).at(8000).frames(header) == 8
    Frames(shortest_s=0.5).at(8000).refuse(file, header)
    with pytest.raises(BadInput, match=r"a\.wav: lasts 0\.5 s and must last 0\.51 s"):
        Frames(shortest_s=0.51).at(8000).refuse(file, header)
    short = record(tmp_path / "b.wav", tone(500, 0.02))
    with pytest.raises(BadInput, match=r"b\.wav: lasts 0\.02 s and must last 0\.025 s"):
        Frames().at(8000).refuse(short, read_header(short))


def test_rates_without_a_common_divisor(tmp_path):
    file = record(tmp_path / "a.wav", rate=44101)
    with pytest.raises(BadInput, match=r"a\.wav: 44101 Hz cannot be resampled to 8000 Hz"):
        Frames().at(8000).refuse(file, read_header(file))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"hop_ms": 30}, "hop_ms <= window_ms"),
        ({"hop_ms": 0}, "0 < hop_ms"),
        ({"window_ms": float("nan")}, "hop_ms and window_ms"),
        ({"sample_rate_hz": 4_000_000_000}, "sample_rate_hz must lie"),
        ({"channel": "both"}, "channel must be mix, left, right"),
        ({"channel": -1}, "channel must be"),
        ({"shortest_s": 0}, "shortest_s counts seconds"),
        ({"longest_s": 0.01}, "longest_s counts seconds and must be at least 0.025"),
    ],
)
def test_values_out_of_range(arguments, message):
    with pytest.raises(ValueError, match=message):
        Frames(**arguments)
