"""Small files in the formats of the standard sets."""

import gzip
import struct

import numpy as np


def idx(array):
    """A uint8 array as an idx file."""
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def mnist_folder(folder, *, trains=60, tests=12, height=4, width=3, packed=True):
    """MNIST's four files with small images; the images and labels of both."""
    folder.mkdir(exist_ok=True)
    draw, made = np.random.default_rng(0), []
    for stem, count in (("train", trains), ("t10k", tests)):
        images = draw.integers(256, size=(count, height, width), dtype=np.uint8)
        labels = (np.arange(count) % 10).astype(np.uint8)
        made += [images, labels]
        for name, array in ((f"{stem}-images-idx3-ubyte", images), (f"{stem}-labels-idx1-ubyte", labels)):
            content = idx(array)
            (folder / (name + ".gz" * packed)).write_bytes(
                gzip.compress(content, mtime=0) if packed else content  # written twice, it is the same file
            )
    return made


def piano_rolls(file, counts=(12, 5, 5), *, keys=6, seed=0):
    """A MATLAB file of short random pieces; the pieces of the three parts."""
    from scipy.io import savemat

    draw = np.random.default_rng(seed)
    parts = {}
    for name, count in zip(("traindata", "validdata", "testdata"), counts, strict=True):
        pieces = [(draw.random((int(draw.integers(3, 12)), keys)) < 0.3).astype(float) for _ in range(count)]
        parts[name] = pieces
    savemat(file, {name: cells(pieces) for name, pieces in parts.items()})
    written = file.read_bytes()  # its head, a text of 116 characters, holds the time
    file.write_bytes(b"MATLAB 5.0 MAT-file".ljust(116) + written[116:])
    return parts


def cells(pieces):
    """A MATLAB cell array."""
    array = np.empty((1, len(pieces)), dtype=object)
    for number, piece in enumerate(pieces):
        array[0, number] = piece
    return array
