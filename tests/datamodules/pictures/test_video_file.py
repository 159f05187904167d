"""Video files, where PyAV is installed."""

from contextlib import suppress

import av
import numpy as np
import pytest

from datamodules.pictures.size import Size
from datamodules.pictures.video_file import VideoFile
from elman.errors import BadInput

SIZE = Size(height=16, width=32, colours="grey")


def painted(number):
    """Grey of brightness 20 n; noise from frame 13 on."""
    noise = np.random.default_rng(number).integers(0, 256, (16, 32, 3), dtype=np.uint8)
    return np.full((16, 32, 3), 20 * number, np.uint8) if number < 13 else noise


def write(path, count, codec="mpeg4"):
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 16, "yuv420p"
        for number in range(count):
            frame = av.VideoFrame.from_ndarray(painted(number), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("suffix", ["mp4", "avi", "mkv"])
def test_frames_by_number(tmp_path, suffix):
    clip = VideoFile(write(tmp_path / f"a.{suffix}", 10))
    assert clip.frames == 10
    brightness = clip.read(range(1, 10, 3), SIZE).mean((1, 2, 3)) * 255
    np.testing.assert_allclose(brightness, [20, 80, 140], atol=4)  # the codec is lossy
    assert clip.read(range(2, 4), Size(height=4, width=5, colours="rgb")).shape == (2, 4, 5, 3)


def sound_alone(path):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def cut(path):
    held = write(path, 10).read_bytes()
    path.write_bytes(held[: len(held) // 2])


FAULTS = {
    "empty": ("a.mp4", lambda path: path.write_bytes(b""), "is empty"),
    "text": ("a.mp4", lambda path: path.write_text("hello\n" * 99), "cannot be decoded"),
    "cut": ("a.mp4", cut, "cut short"),
    "sound alone": ("a.mkv", sound_alone, "no video stream"),
    "missing": ("a.mp4", lambda path: None, "no such file"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults(tmp_path, fault):
    name, make, message = FAULTS[fault]
    make(tmp_path / name)
    with pytest.raises(BadInput, match=message) as error:
        VideoFile(tmp_path / name)
    assert str(error.value).startswith(f"{tmp_path / name}: ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("kept", [0.95, 0.8, 0.6, 0.3])
@pytest.mark.parametrize("suffix", ["mp4", "mkv", "webm", "avi"])
def test_cut_short_is_never_half_a_video(tmp_path, suffix, kept):
    """The frames asked for are there, all of them, or it is told."""
    whole = write(tmp_path / f"whole.{suffix}", 50, codec="libvpx" if suffix == "webm" else "mpeg4")
    expected = VideoFile(whole).read(range(50), SIZE)
    cut = tmp_path / f"cut.{suffix}"
    cut.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * kept)])
    with suppress(BadInput):
        np.testing.assert_array_equal(VideoFile(cut).read(range(50), SIZE), expected)
