"""MNIST from idx files."""

import gzip

import numpy as np
import pytest
import torch
from standard_toys import idx, mnist_folder

from datamodules.digits import Digits
from datamodules.mnist import MNIST
from elman.errors import BadInput

FILES = [f"{stem}-ubyte.gz" for stem in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3")]


def ready(folder, **options):
    data = MNIST(path=str(folder), **options)
    data.setup("fit")
    return data


@pytest.mark.parametrize("packed", [True, False])
def test_pixels_and_parts(tmp_path, packed):
    train, labels, tests, _ = mnist_folder(tmp_path, packed=packed)
    data = ready(tmp_path)
    assert (data.input_size, data.output_size, data.token_ids) == (3, 10, False)
    assert [len(part) for part in data.parts] == [54, 6, 12]
    assert data.parts[2].tolist() == list(range(60, 72))
    example = data._examples.window(7, 0, 4)
    torch.testing.assert_close(example.x, torch.from_numpy(train[7] / 255).float(), rtol=0, atol=1e-7)
    assert example.scored.tolist() == [False, False, False, True]
    assert int(example.y[-1]) == labels[7]
    torch.testing.assert_close(
        data._examples.window(60, 1, 3).x, torch.from_numpy(tests[0, 1:3] / 255).float()
    )
    assert data.found.names[60] == "test image 0"


def test_readings(tmp_path):
    train, *_ = mnist_folder(tmp_path)
    flat = torch.from_numpy(train[0].reshape(-1) / 255).float()
    whole, pixels, permuted = (
        ready(tmp_path, reading=reading)._examples.window(0, 0, 99).x
        for reading in ("whole", "pixels", "permuted")
    )
    torch.testing.assert_close(whole, flat[None])
    torch.testing.assert_close(pixels, flat[:, None])
    order = np.random.default_rng(0).permutation(12)
    torch.testing.assert_close(permuted, flat[order][:, None])


def test_digits_are_read_the_same_way():
    data = Digits(reading="pixels")
    data.setup()
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    example = data._examples.window(5, 10, 64)
    torch.testing.assert_close(example.x[:, 0], torch.from_numpy(images[5, 10:] / 16).float(), rtol=0, atol=0)
    assert int(example.y[-1]) == labels[5]


def test_names_with_a_dot(tmp_path):
    mnist_folder(tmp_path)
    for file in list(tmp_path.iterdir()):
        file.rename(tmp_path / file.name.replace("-idx", ".idx"))
    assert len(ready(tmp_path).found.names) == 72


IMAGES = np.zeros((60, 4, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("number", "content", "message"),
    [
        (0, b"", r"begins with 0x\(nothing\), but an idx file of bytes with 3 axes begins with 0x00000803"),
        (0, b"PK\3\4 something else", "begins with 0x504b0304"),
        (0, idx(IMAGES)[:10], "cut short in its header"),
        (0, idx(IMAGES)[:-1], "says it holds 720 bytes, but has 719"),
        (0, idx(IMAGES) + b"!", "says it holds 720 bytes, but has more"),
        (0, idx(IMAGES[:, 0]), "begins with 0x00000802"),
        (0, idx(IMAGES)[:4] + b"\xff" * 12, "says it holds 4294967295 x"),
        (0, idx(IMAGES[:0]), "says it holds 0 x 4 x 3 bytes"),
        (0, idx(IMAGES[:30]), "60 labels for 30 images of 4 x 3"),
        (1, idx(np.full(60, 10, dtype=np.uint8)), "label 10, but they count from 0 to 9"),
        (2, idx(np.zeros((12, 5, 3), dtype=np.uint8)), "12 labels for 12 images of 5 x 3"),
    ],
)
def test_bad_files(tmp_path, number, content, message):
    mnist_folder(tmp_path)
    (tmp_path / FILES[number]).write_bytes(gzip.compress(content))
    with pytest.raises(BadInput, match=message) as caught:
        ready(tmp_path)
    assert "ubyte" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "damage", [lambda good: good[:-12], lambda good: b"not packed", lambda good: good[:5]]
)
def test_broken_packing(tmp_path, damage):
    mnist_folder(tmp_path)
    file = tmp_path / FILES[0]
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(BadInput, match=r"broken or cut short|cut short in its header"):
        ready(tmp_path)


def test_missing_files(tmp_path):
    with pytest.raises(BadInput, match=r"holds no train-images-idx3-ubyte .*\(seen: no file\)"):
        ready(tmp_path)
    with pytest.raises(BadInput, match="no such file or folder"):
        ready(tmp_path / "none")
    with pytest.raises(ValueError, match="reading must be one of"):
        MNIST(reading="snake")
