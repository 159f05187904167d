"""Videos as arrays: any frame, no pickles."""

import io
import zipfile

import numpy as np
import pytest
from media_toys import pixels

from datamodules.pictures.array_clip import ArrayClip
from datamodules.pictures.size import Size
from elman.errors import BadInput

GREY, RGB = Size(height=3, width=5, colours="grey"), Size(height=3, width=5, colours="rgb")


def save(path, array, **options):
    if path.suffix == ".npy":
        np.save(path, array, **options)
    else:
        np.savez_compressed(path, video=array)
    return path


@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_only_what_is_asked_for(tmp_path, suffix):
    frames = pixels(7, 3, 5)
    clip = ArrayClip(save(tmp_path / f"a.{suffix}", frames))
    assert clip.frames == 7
    np.testing.assert_array_equal(
        clip.read(range(1, 7, 3), GREY)[..., 0], frames[[1, 4]].astype(np.float32) / 255
    )
    assert clip.read(range(0), GREY).shape == (0, 3, 5, 1)


def test_one_frame_of_many_is_read_alone(tmp_path):
    """A sparse file of 2 GiB: what is not asked for is not there either."""
    path = tmp_path / "a.npy"
    with path.open("wb") as stream:
        np.lib.format.write_array_header_1_0(
            stream, {"descr": "|u1", "fortran_order": False, "shape": (2**21, 32, 32)}
        )
        begin = stream.tell()
        stream.truncate(begin + 2**31)
        stream.seek(begin + 2**20 * 1024)
        stream.write(b"\xff" * 1024)
    clip = ArrayClip(path)
    assert clip.read(range(2**20 - 1, 2**20 + 2), Size(height=2, width=2, colours="grey")).mean(
        (1, 2, 3)
    ).tolist() == [0, 1, 0]


KINDS = {
    "bool": (np.array([[[True, False]]]), [1, 0]),
    "uint16": (np.array([[[65535, 13107]]], np.uint16), [1, 0.2]),
    "float64": (np.array([[[0.25, -3.0]]]), [0.25, -3]),
    "big endian": (np.array([[[0.25, 2.0]]], ">f4"), [0.25, 2]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_of_numbers(tmp_path, kind):
    array, expected = KINDS[kind]
    read = ArrayClip(save(tmp_path / "a.npy", array)).read(range(1), Size(height=1, width=2, colours="grey"))
    np.testing.assert_allclose(read.reshape(-1), expected, rtol=1e-6)


def test_colours(tmp_path):
    frames = pixels(2, 3, 5, 3)
    clip = ArrayClip(save(tmp_path / "a.npy", frames))
    np.testing.assert_array_equal(clip.read(range(2), RGB), frames.astype(np.float32) / 255)
    grey = clip.read(range(2), GREY)[..., 0]
    np.testing.assert_allclose(grey, frames @ np.array([0.299, 0.587, 0.114]) / 255, rtol=1e-5)
    clip = ArrayClip(save(tmp_path / "b.npy", frames[..., :1]))
    assert (clip.read(range(2), RGB) == frames[..., :1].astype(np.float32) / 255).all()


def test_stretched(tmp_path):
    clip = ArrayClip(save(tmp_path / "a.npy", np.full((1, 30, 50, 3), [0.1, 0.5, 0.9])))
    np.testing.assert_allclose(clip.read(range(1), RGB)[0], np.full((3, 5, 3), [0.1, 0.5, 0.9]), rtol=1e-6)


class Runs:
    def __reduce__(self):
        return (exec, ("raise SystemExit('it ran')",))


def cut(path):
    save(path, pixels(7, 3, 5))
    path.write_bytes(path.read_bytes()[:-20])


def two_arrays(path):
    np.savez(path, a=pixels(1, 3, 5), b=pixels(1, 3, 5))


def torn_archive(path):
    save(path, pixels(70, 3, 5))
    held = bytearray(path.read_bytes())
    held[300:320] = bytes(20)
    path.write_bytes(held)


def promised_too_much(path):
    """A small archive whose array would not fit into any memory."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|u1", "fortran_order": False, "shape": (1, 10**6, 10**6)}
    )
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("a.npy", header.getvalue())


FAULTS = {
    "empty": ("a.npy", lambda path: path.write_bytes(b""), "no NumPy array"),
    "text": ("a.npy", lambda path: path.write_text("hello, this is no array"), "no NumPy array"),
    "text as npz": ("a.npz", lambda path: path.write_text("hello"), "damaged .npz"),
    "pickle": ("a.npy", lambda path: save(path, np.array([Runs()]), allow_pickle=True), "could run code"),
    "cut": ("a.npy", cut, "was cut short"),
    "one dimension": ("a.npy", lambda path: save(path, np.zeros(9)), "has the shape"),
    "five channels": ("a.npy", lambda path: save(path, np.zeros((2, 3, 5, 5))), "has the shape"),
    "fortran": ("a.npy", lambda path: save(path, np.asfortranarray(np.zeros((2, 3, 5)))), "Fortran"),
    "no frames": ("a.npy", lambda path: save(path, np.zeros((0, 3, 5))), "at least a frame"),
    "text numbers": ("a.npy", lambda path: save(path, np.array([[["a"]]])), "numbers of kind str"),
    "complex": ("a.npy", lambda path: save(path, np.zeros((1, 3, 5), complex)), "numbers of kind complex"),
    "two arrays": ("a.npz", two_arrays, "holds 2 arrays"),
    "promises": ("a.npz", promised_too_much, "at least a frame, of 1 to"),
    "missing": ("a.npy", lambda path: None, "no such file"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults(tmp_path, fault):
    name, make, message = FAULTS[fault]
    make(tmp_path / name)
    with pytest.raises(BadInput, match=message) as error:
        ArrayClip(tmp_path / name)
    assert str(error.value).startswith(f"{tmp_path / name}: ")
    assert "\n" not in str(error.value)


def test_a_torn_archive(tmp_path):
    torn_archive(tmp_path / "a.npz")
    with pytest.raises(BadInput, match=r"damaged|cut short"):
        ArrayClip(tmp_path / "a.npz").read(range(70), GREY)


def test_values_that_are_not_finite(tmp_path):
    clip = ArrayClip(save(tmp_path / "a.npy", np.full((2, 3, 5), np.nan)))
    with pytest.raises(BadInput, match="not finite"):
        clip.read(range(2), GREY)
