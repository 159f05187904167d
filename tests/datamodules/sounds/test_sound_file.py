"""Sound files that are what they say, and those that are not."""

import errno
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sound_toys import cut, record, tone

from datamodules.sounds.sound_file import check_body, read_header, read_sound
from elman.errors import BadInput

SUFFIXES = [".wav", ".flac", ".ogg", ".mp3"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_header(tmp_path, suffix):
    file = record(tmp_path / f"a{suffix}", np.stack([tone(500, 1.0), tone(900, 1.0)], axis=1))
    header = read_header(file)
    assert header[:3] == (8000, 8000, 2)
    assert header.sure == (suffix == ".wav")
    check_body(file, header)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_part_is_what_the_whole_has_there(tmp_path, suffix):
    file = record(tmp_path / f"a{suffix}", tone(500, 3.0))
    whole, part = read_sound(file, 0, 24000), read_sound(file, 11111, 13333)
    assert whole.dtype == np.float32
    assert part.shape == (2222, 1)
    np.testing.assert_array_equal(part, whole[11111:13333])


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"])
def test_depths(tmp_path, subtype):
    file = record(tmp_path / "a.wav", subtype=subtype)
    header = read_header(file)
    assert header.samples == 1600
    np.testing.assert_allclose(read_sound(file, 0, 1600)[:, 0], tone(500), atol=0.02)


@pytest.mark.parametrize("form", ["WAV", "WAVEX", "RF64"])
def test_kinds_of_wav(tmp_path, form):
    assert read_header(record(tmp_path / "a.wav", format=form)).sure
    with pytest.raises(BadInput, match=r"a\.wav: was cut short: its header says 3200 bytes"):
        read_header(cut(tmp_path / "a.wav"))


def test_a_big_endian_wav(tmp_path):
    assert read_header(record(tmp_path / "a.wav", endian="BIG")).samples == 1600
    with pytest.raises(BadInput, match="was cut short"):
        read_header(cut(tmp_path / "a.wav", 0.9))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_cut_short_is_told_in_the_end(tmp_path, suffix):
    file = cut(record(tmp_path / f"a{suffix}", tone(500, 8.0)))
    with pytest.raises(BadInput, match=rf"a\{suffix}: (was cut short|cannot be decoded)") as error:
        check_body(file, read_header(file))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("samples", [1, 44])
def test_wav_cut_inside_its_header(tmp_path, samples):
    file = record(tmp_path / "a.wav")
    file.write_bytes(file.read_bytes()[:samples])
    with pytest.raises(BadInput, match=r"a\.wav: "):
        read_header(file)


def patched(file, at, value):
    data = bytearray(file.read_bytes())
    data[at : at + len(value)] = value
    file.write_bytes(bytes(data))
    return file


@pytest.mark.parametrize("rate", [0, 1, 999, 4_000_000_000])
def test_absurd_rate(tmp_path, rate):
    file = patched(record(tmp_path / "a.wav"), 24, struct.pack("<I", rate))
    with pytest.raises(BadInput, match=r"a\.wav: (a sample rate of|cannot be decoded)"):
        read_header(file)


def test_unknown_codec(tmp_path):
    file = patched(record(tmp_path / "a.wav"), 20, struct.pack("<H", 0x1234))
    with pytest.raises(
        BadInput, match=r"a\.wav: cannot be decoded \(.+\); it is damaged or of an unknown codec"
    ):
        read_header(file)


def test_length_unknown(tmp_path):
    file = patched(record(tmp_path / "a.wav"), 40, b"\xff" * 4)
    header = read_header(file)
    assert (header.samples, header.states_length) == (1600, False)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("content", [b"hello, I am a text\n" * 200, b"\0" * 5000], ids=["text", "zeros"])
def test_another_type(tmp_path, suffix, content):
    file = tmp_path / f"a{suffix}"
    file.write_bytes(content)
    with pytest.raises(BadInput, match=r"is no .+ file, as its name says, but no sound file"):
        read_header(file)


def test_another_sound(tmp_path):
    record(tmp_path / "a.flac").rename(tmp_path / "a.wav")
    with pytest.raises(BadInput, match="is no WAV file, as its name says, but FLAC"):
        read_header(tmp_path / "a.wav")


def test_empty_and_without_samples(tmp_path):
    (tmp_path / "a.wav").touch()
    with pytest.raises(BadInput, match=r"a\.wav: is empty \(0 bytes\)"):
        read_header(tmp_path / "a.wav")
    with pytest.raises(BadInput, match=r"b\.wav: holds no samples"):
        read_header(record(tmp_path / "b.wav", np.zeros(0, dtype=np.float32)))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite(tmp_path, value):
    samples = tone(500)
    samples[700] = value
    file = record(tmp_path / "a.wav", samples, subtype="FLOAT")
    header = read_header(file)
    assert not header.sure
    assert np.isfinite(read_sound(file, 0, 700)).all()
    for look in (lambda: read_sound(file, 600, 800), lambda: check_body(file, header)):
        with pytest.raises(BadInput, match=r"a\.wav: holds NaN or infinite samples"):
            look()


def test_unreadable(tmp_path, monkeypatch):
    with pytest.raises(BadInput, match="no such file"):
        read_header(tmp_path / "none.wav")
    file = record(tmp_path / "a.wav")

    def refused(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", refused)  # root may read everything
    with pytest.raises(BadInput, match=r"a\.wav: cannot be read \(Permission denied\)"):
        read_header(file)


def test_gone_while_training(tmp_path):
    with pytest.raises(BadInput, match=r"a\.wav: "):
        read_sound(tmp_path / "a.wav", 0, 10)


def test_soundfile_alone_would_read_half(tmp_path):
    """Why headers are checked: libsndfile says nothing of a wav that was cut short."""
    file = cut(record(tmp_path / "a.wav", tone(500, 1.0)))
    assert 3000 < len(soundfile.read(file)[0]) < 5000
