"""Video files, where PyAV is installed."""

import numpy as np
import pytest

from datamodules.clip import Size
from datamodules.video_file import VideoFile
from elman.errors import BadInput

av = pytest.importorskip("av")
SIZE = Size(16, 32, "grey")


def write(path, count, codec="mpeg4"):
    """Frame n is grey of brightness 20 n."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 16, "yuv420p"
        for number in range(count):
            frame = av.VideoFrame.from_ndarray(np.full((16, 32, 3), 20 * number, np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("suffix", ["mp4", "avi", "mkv"])
def test_frames_by_number(tmp_path, suffix):
    clip = VideoFile(write(tmp_path / f"a.{suffix}", 10))
    assert clip.frames == 10
    brightness = clip.read(range(1, 10, 3), SIZE).mean((1, 2, 3)) * 255
    np.testing.assert_allclose(brightness, [20, 80, 140], atol=4)  # the codec is lossy
    assert clip.read(range(2, 4), Size(4, 5, "rgb")).shape == (2, 4, 5, 3)


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


def test_cut_short_is_never_half_a_video(tmp_path):
    cut(tmp_path / "a.avi")
    clip = VideoFile(tmp_path / "a.avi")
    with pytest.raises(BadInput, match=r"cut short|cannot be decoded"):
        clip.read(range(10), SIZE)
