"""Pictures of known pixels, and files that are none."""

import zlib
from contextlib import suppress

import numpy as np
import pytest
from media_toys import pixels, save_picture
from PIL import Image, ImageFile

from datamodules.pictures.image_file import LARGEST_PIXELS, check_image, read_image
from datamodules.pictures.size import Size
from elman.errors import BadInput


def read(file, height=3, width=5, colours="grey"):
    return read_image(file, Size(height=height, width=width, colours=colours))


@pytest.mark.parametrize("suffix", ["png", "bmp", "gif", "tiff"])
def test_grey_pixels_come_as_they_are(tmp_path, suffix):
    file = save_picture(tmp_path / f"a.{suffix}", pixels(3, 5))
    np.testing.assert_array_equal(read(file)[..., 0], pixels(3, 5).astype(np.float32) / 255)
    assert check_image(file) == (3, 5)


@pytest.mark.parametrize("suffix", ["png", "bmp", "tiff"])
def test_colours_come_last(tmp_path, suffix):
    file = save_picture(tmp_path / f"a.{suffix}", pixels(3, 5, 3))
    np.testing.assert_array_equal(read(file, colours="rgb"), pixels(3, 5, 3).astype(np.float32) / 255)


def test_jpeg(tmp_path):
    file = save_picture(tmp_path / "a.jpg", np.full((8, 8), 100, np.uint8))
    np.testing.assert_allclose(read(file, 8, 8), 100 / 255, atol=2 / 255)  # it is lossy


def test_grey_as_rgb_and_rgb_as_grey(tmp_path):
    grey = save_picture(tmp_path / "a.png", pixels(3, 5))
    assert (read(grey, colours="rgb") == read(grey)).all()
    red = save_picture(tmp_path / "b.png", np.full((3, 5, 3), [255, 0, 0], np.uint8))
    np.testing.assert_allclose(read(red), 0.299, atol=1 / 255)


def test_stretched(tmp_path):
    halves = np.zeros((8, 4), np.uint8)
    halves[:, 2:] = 255
    file = save_picture(tmp_path / "a.png", halves)
    # A triangle over four pixels: 0.75 + 0.75 of one side, 0.25 of the other.
    np.testing.assert_allclose(read(file, 2, 2)[..., 0], [[1 / 7, 6 / 7]] * 2, atol=1 / 255)


def test_sixteen_bits_keep_their_range(tmp_path):
    deep = np.array([[0, 255, 256, 30000, 65535]] * 3, np.uint16)
    file = save_picture(tmp_path / "a.png", deep)
    np.testing.assert_allclose(read(file)[..., 0], deep / 65535, rtol=1e-6)
    assert read(file, colours="rgb").shape == (3, 5, 3)


def test_white_shows_through(tmp_path):
    clear = np.zeros((3, 5, 4), np.uint8)
    clear[0, 0, 3] = 255
    file = save_picture(tmp_path / "a.png", clear)
    assert read(file)[0, 0] == 0
    assert read(file).sum() == 14


def test_turned_as_the_camera_says(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    file = save_picture(tmp_path / "a.png", pixels(3, 5), exif=exif)
    np.testing.assert_allclose(read(file, 5, 3)[..., 0], np.rot90(pixels(3, 5), -1) / 255, rtol=1e-6)


def bomb(file):
    """A picture whose header promises more pixels than the memory has."""
    save_picture(file)
    held = bytearray(file.read_bytes())
    held[16:24] = (60000).to_bytes(4) * 2

    held[29:33] = zlib.crc32(bytes(held[12:29])).to_bytes(4)
    file.write_bytes(held)


def cut(file):
    held = save_picture(file, pixels(60, 50)).read_bytes()
    file.write_bytes(held[: len(held) // 2])


def two_images(file):
    frames = [Image.fromarray(pixels(3, 5, seed=seed)) for seed in range(2)]
    frames[0].save(file, save_all=True, append_images=frames[1:])


FAULTS = {
    "empty": ("a.png", lambda file: file.write_bytes(b""), "is empty"),
    "text": ("a.png", lambda file: file.write_text("not a picture\n" * 9), "whatever its name says"),
    "postscript": ("a.png", lambda file: file.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n" * 9), "whatever its"),
    "cut png": ("a.png", cut, "was cut short"),
    "cut jpeg": ("a.jpg", cut, "was cut short"),
    "bomb": ("a.png", bomb, f"more than {LARGEST_PIXELS:,} pixels"),
    "several": ("a.gif", two_images, "holds several images"),
    "missing": ("a.png", lambda file: None, "no such file"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_told_before_training(tmp_path, fault):
    name, make, message = FAULTS[fault]
    file = tmp_path / name
    make(file)
    with pytest.raises(BadInput, match=message) as error:
        check_image(file)
    assert str(error.value).startswith(f"{file}: ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "gif", "tiff"])
def test_cut_short_is_never_half_a_picture(tmp_path, suffix):
    file = tmp_path / f"a.{suffix}"
    cut(file)
    with pytest.raises(BadInput, match=r"damaged|cut short|whatever"):
        read(file, 60, 50)
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


def test_a_bomb_is_not_decoded(tmp_path):
    bomb(tmp_path / "a.png")
    with pytest.raises(BadInput, match="more than"):
        read(tmp_path / "a.png")


def test_pixels_of_unknown_range(tmp_path):
    file = save_picture(tmp_path / "a.tiff", np.ones((3, 5), np.float32))
    with pytest.raises(BadInput, match="32 bits"):
        read(file)


@pytest.mark.parametrize("seed", range(40))
def test_damage_is_refused(tmp_path, seed):
    """Whatever is wrong inside a file, it is read whole or refused."""
    draw = np.random.default_rng(seed)
    file = save_picture(tmp_path / f"a.{['png', 'jpg', 'bmp', 'gif', 'tiff'][seed % 5]}", pixels(9, 8))
    held = bytearray(file.read_bytes())
    for place in draw.integers(0, len(held), 6):
        held[place] = draw.integers(256)
    file.write_bytes(held)
    with suppress(BadInput):
        check_image(file)
        assert read(file).shape == (3, 5, 1)
