"""Sounds of other kinds than their names say, of unusual ones, and without a length."""

import struct

import numpy as np
import pytest
from sound_toys import aac, cut, record, sphere, tagged, tone, two_classes

from datamodules.audio import Audio
from datamodules.sounds import kinds, samples
from datamodules.sounds.frames import Frames
from datamodules.sounds.sound_file import check_body, read_header, read_sound
from datamodules.waveform import Waveform
from elman.errors import BadInput


def ready(path, **options):
    data = Audio(path=str(path), **options)
    data.setup("fit")
    return data


def refused(path, kind=Audio, **options):
    with pytest.raises(BadInput) as error:
        kind(path=str(path), **options).setup("fit")
    said = str(error.value)
    assert "\n" not in said
    assert len(said.replace(str(path), "")) <= 240
    return said


def through_a_pipe(file, size=0xFFFFFFFF):
    """The header as a program writes it that cannot go back."""
    data = bytearray(file.read_bytes())
    at = data.index(b"data")
    data[4:8] = data[at + 4 : at + 8] = struct.pack("<I", size)
    file.write_bytes(data)
    return file


@pytest.mark.parametrize("suffix", [".WAV", ".wav", ".sph"])
def test_sphere(tmp_path, suffix):
    file = sphere(tmp_path / f"a{suffix}")
    header = read_header(file)
    assert (*header[:3], header.sure) == (1600, 8000, 1, True)
    np.testing.assert_allclose(read_sound(file, 100, 200)[:, 0], tone(500)[100:200], atol=1e-4)
    assert not read_header(sphere(tmp_path / f"b{suffix}", count=False)).states_length
    with pytest.raises(BadInput, match=r"was cut short: its header says 3200 bytes of samples and 1489 are"):
        read_header(cut(file, 0.595))


def test_sphere_that_is_packed(tmp_path):
    with pytest.raises(BadInput, match=r"packed by shorten.*`sph2pipe -f wav a\.wav a_new\.wav`"):
        read_header(sphere(tmp_path / "a.wav", coding="pcm,embedded-shorten-v2.00"))


def test_a_folder_of_sphere(tmp_path):
    for number in range(12):
        for label in ("high", "low"):
            sphere(tmp_path / label / f"{number}.WAV")
    data = ready(tmp_path)
    assert len(data.found.names) == 24
    assert data.description()["metadata"]["seconds"] == pytest.approx(4.8)


def test_a_tagged_wav_is_read(tmp_path):
    file = tagged(record(tmp_path / "a.wav"))
    header = read_header(file)
    assert (*header[:3], header.sure) == (1600, 8000, 1, True)
    np.testing.assert_allclose(read_sound(file, 0, 1600)[:, 0], tone(500), atol=1e-4)
    with pytest.raises(BadInput, match="was cut short: its header says 3200 bytes"):
        read_header(cut(file, 0.9))


@pytest.mark.parametrize(
    ("suffix", "named", "said"),
    [
        (
            ".mp3",
            ".wav",
            "is no WAV file, as its name says, but MP3 with an ID3 tag; let its name end in .mp3",
        ),
        (
            ".mp3",
            ".flac",
            "is no FLAC file, as its name says, but MP3 with an ID3 tag; let its name end in .mp3",
        ),
        (
            ".flac",
            ".mp3",
            "is no MP3 file, as its name says, but FLAC with an ID3 tag; let its name end in .flac",
        ),
        (
            ".wav",
            ".ogg",
            "is no Ogg file, as its name says, but WAV with an ID3 tag; let its name end in .wav",
        ),
    ],
)
def test_a_tag_hides_no_kind(tmp_path, suffix, named, said):
    file = tagged(record(tmp_path / f"a{suffix}", tone(500, 1.0)))
    wrong = file.rename(tmp_path / f"a{named}")
    with pytest.raises(BadInput, match=said):
        read_header(wrong)
    check_body(file, read_header(wrong.rename(tmp_path / f"a.{said.rpartition('.')[2]}")))  # the way out


@pytest.mark.parametrize("suffix", [".aiff", ".AIF", ".au"])
def test_other_kinds_of_libsndfile(tmp_path, suffix):
    form = {".aif": "AIFF"}.get(suffix.lower())
    file = record(tmp_path / f"a{suffix}", format=form)
    assert (*read_header(file)[:3], read_header(file).sure) == (1600, 8000, 1, True)
    np.testing.assert_allclose(read_sound(file, 0, 1600)[:, 0], tone(500), atol=1e-4)
    with pytest.raises(BadInput, match="was cut short"):
        read_header(cut(file, 0.6))


def test_a_telephone_s_recordings(tmp_path):
    for number in range(6):
        for label, hz in (("high", 1500), ("low", 300)):
            aac(tmp_path / label / f"{number}.m4a", tone(hz, 0.5, seed=number))
    data = ready(tmp_path)
    assert len(data.found.names) == 12
    example = data._examples.window(0, 0, 10).x  # high: the power is near 1500 Hz
    assert np.argmax(np.abs(np.fft.rfft(example[5].numpy()))) * 8000 / 200 == pytest.approx(1500, abs=40)
    file = tmp_path / "high/0.m4a"
    header = read_header(file)
    assert np.array_equal(read_sound(file, 700, 900, by_pyav=True), soundfile_like(file)[700:900])
    assert 4000 <= header.samples <= 4000 + 3 * 1024  # AAC adds silence
    whole = file.read_bytes()
    cut(file, 0.3)
    assert "high/0.m4a: .m4a is read by PyAV, which cannot decode it (" in (said := refused(tmp_path))
    assert "put in its place what `ffmpeg -i 0.m4a 0.wav` makes of it" in said
    file.write_bytes(whole)
    assert len(ready(tmp_path).found.names) == 12


def test_an_m4a_that_was_cut_short(tmp_path):
    """Where the index comes first, what is there can be decoded."""
    import av

    whole, fast = aac(tmp_path / "a.m4a", tone(500, 4.0)), tmp_path / "b.m4a"
    with (
        av.open(str(whole)) as read,
        av.open(str(fast), "w", format="mp4", options={"movflags": "faststart"}) as written,
    ):
        stream = written.add_stream_from_template(read.streams.audio[0])
        for packet in read.demux(read.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = stream
                written.mux(packet)
    assert read_header(fast).samples == read_header(whole).samples
    with pytest.raises(BadInput, match=r"b\.m4a: (was cut short|.*which cannot decode it)"):
        read_header(cut(fast, 0.6))


def soundfile_like(file):
    return read_sound(file, 0, read_header(file).samples, by_pyav=True)


def test_without_pyav(tmp_path, monkeypatch):
    """m4a is then of a kind that is not read: counted, and refused where it is more than a tenth."""
    two_classes(tmp_path, each=12)
    read = tuple(suffix for suffix in kinds.SUFFIXES if suffix != ".m4a")
    monkeypatch.setattr("datamodules.audio.SUFFIXES", read)
    monkeypatch.setattr("datamodules.audio.UNREAD", (*kinds.UNREAD, ".m4a"))
    for number in range(2):
        aac(tmp_path / "high" / f"{number}.m4a")
    data = ready(tmp_path)
    assert "not read, by their names: 2 .m4a" in data.summary()
    assert data.description()["metadata"]["not_read"] == 2
    aac(tmp_path / "high" / "3.m4a")
    said = refused(tmp_path)
    assert "3 of 27 files are of kinds that are not read (3 .m4a), more than a tenth; convert them" in said
    assert "`ffmpeg -i IN OUT.wav`, or leave such out with data.skip_bad=true" in said
    assert len(ready(tmp_path, skip_bad=True).found.names) == 24


def test_a_folder_of_kinds_that_are_not_read(tmp_path):
    for name in ("a/1.caf", "b/2.caf"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(b"caff" + bytes(100))
    said = refused(tmp_path)
    assert "(seen: 2 .caf)" in said
    assert "convert sounds, for example with `ffmpeg -i IN OUT.wav`" in said
    (tmp_path / "a/1.caf").rename(tmp_path / "a/1.wav")
    (tmp_path / "b/2.caf").unlink()
    assert "but CAF, which is not read; put in its place what `ffmpeg -i 1.wav 1_new.wav`" in refused(
        tmp_path
    )


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFF024, 0x80000000])
@pytest.mark.parametrize("kind", [Audio, Waveform])
def test_headers_without_a_length(tmp_path, size, kind):
    two_classes(tmp_path, each=6)
    for file in tmp_path.glob("*/*.wav"):
        through_a_pipe(file, size)
    options = {"skip_bad": False}
    said = refused(tmp_path, kind, **options)
    assert "high/0.wav: its header does not say how long it is" in said
    assert "skip_bad" not in said
    assert "set data.open_ended=true" in said
    data = kind(path=str(tmp_path), open_ended=True)
    data.setup("fit")
    assert data.description()["metadata"]["without_length"] == 12
    assert "12 recordings state no length and were read to their end" in data.summary()
    assert data.description()["metadata"]["seconds"] == pytest.approx(0.9, abs=0.1)


def test_headers_without_a_length_of_other_kinds(tmp_path):
    """libsndfile reads nothing of a FLAC that states none, nor of a WAV that states 0; PyAV does."""
    flac = record(tmp_path / "a.flac")
    data = bytearray(flac.read_bytes())
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    flac.write_bytes(data)
    au = record(tmp_path / "a.au")
    data = bytearray(au.read_bytes())
    data[8:12] = b"\xff" * 4
    au.write_bytes(data)
    for file in (flac, au, through_a_pipe(record(tmp_path / "a.wav"), 0)):
        header = read_header(file)
        assert (*header[:3], header.states_length) == (1600, 8000, 1, False)
        found = read_sound(file, 100, 300, by_pyav=header.by_pyav)[:, 0]
        np.testing.assert_allclose(found, tone(500)[100:300], atol=1e-4)


@pytest.mark.parametrize("check", ["auto", "headers"])
def test_channels_that_cancel_each_other(tmp_path, check):
    two_classes(tmp_path, each=4)
    left = tone(700, 0.2)
    record(tmp_path / "low" / "opposite.wav", np.stack([left, -0.99 * left], axis=1))
    record(tmp_path / "low" / "stereo.wav", np.stack([left, tone(900, 0.2)], axis=1))
    said = refused(tmp_path, frames=Frames(check=check))
    assert "low/opposite.wav: its 2 channels cancel each other: their mean has 0.50% of their level; " in said
    assert "set data.frames.channel=left" in said
    assert len(ready(tmp_path, skip_bad=True).found.skipped) == 1
    monos = [file for file in tmp_path.glob("*/*.wav") if file.stem.isdigit()]
    for file in monos:
        file.unlink()
    record(tmp_path / "high" / "stereo.wav", np.stack([left, left], axis=1))
    record(tmp_path / "high" / "other.wav", np.stack([left, left], axis=1))
    assert len(ready(tmp_path, frames=Frames(channel="left", check=check)).found.names) == 4  # the way out
    assert "set data.channel=left" in refused(tmp_path, Waveform)


def test_silence_is_not_cancelled(tmp_path):
    for label in "ab":
        for number in range(3):
            record(tmp_path / label / f"{number}.wav", np.zeros((1600, 2), np.float32))
    assert len(ready(tmp_path).found.names) == 6


def test_a_kind_that_no_name_is_for(tmp_path):
    file = tmp_path / "a.wav"
    file.write_bytes(b"no sound at all" * 50)
    with pytest.raises(BadInput) as error:
        read_header(file)
    assert (
        str(error.value)
        == f"{file}: is no WAV file, as its name says, but no sound file known here; take it out"
    )


def test_more_than_half_skipped(tmp_path):
    two_classes(tmp_path, each=4)
    for number in range(9):
        (tmp_path / "high" / f"bad{number}.wav").write_bytes(b"no sound" * 99)
    said = refused(tmp_path, skip_bad=True)
    assert (
        "9 of 17 cannot be used, more than the share 0.5 that data.skip_bad may leave out (9: is no WAV"
        in said
    )
    assert said.endswith("set it to 0.53")
    assert len(ready(tmp_path, skip_bad=0.53).found.skipped) == 9  # the way out
    with pytest.raises(ValueError, match="skip_bad must be true, false or a share"):
        Audio(path=str(tmp_path), skip_bad=1.5)


def test_kept_samples_are_those_that_are_read(tmp_path, monkeypatch):
    for number in range(3):
        for label in "ab":
            aac(tmp_path / label / f"{number}.m4a")
    kept = ready(tmp_path)._examples.window(2, 1, 4).x
    monkeypatch.setattr(samples, "LARGEST_KEPT", 0)
    assert np.array_equal(ready(tmp_path)._examples.window(2, 1, 4).x, kept)
