"""MNIST: photographs of handwritten digits, 60,000 to learn from and 10,000 to test."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from datamodules.collecting import Batching, Collected, Examples, Findings, Partition
from datamodules.fetching import standard
from datamodules.files import digest_of, reading
from datamodules.pictures.idx_file import read_idx, read_shape
from datamodules.pictures.pixel_steps import PixelSteps, Reading, shape_of
from elman.errors import BadInput

CLASSES = tuple(str(digit) for digit in range(10))
STEMS = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


class MNIST(Collected):
    """Which digit is it? Images of 28 x 28 pixels, read at once or as a sequence.

    x: "whole" (1, 784), one-to-one; "rows" or "columns" (28, 28), of pixels, one a step; "pixels" (784, 1), a
    pixel a step; "permuted", pixels in one random order, the same for all. Values lie in [0, 1]. The class is
    asked for at the last step. The test part is MNIST's own; validation is drawn from its training images.

    Args:
        path: a folder with MNIST's four idx files, packed (.gz) or not, or `standard:mnist`. Sets with the
            same four files, such as Fashion-MNIST, are read as well.
        reading: whole, rows, columns, pixels or permuted.
        split: which of the training images validate.
        batching: which images share a batch.

    Raises:
        ValueError: if `reading` is none of these.

    Source: Y. LeCun, C. Cortes and C. Burges (1998). "rows" and "permuted" follow Q. V. Le, N. Jaitly and
        G. Hinton (2015), A simple way to initialize recurrent networks of rectified linear units.
    Differs: the order of "permuted" is one of ours; theirs was never published.
    """

    token_ids = False

    def __init__(
        self,
        *,
        path: str = "standard:mnist",
        reading: Reading = "rows",
        split: Partition = Partition(shares=(0.9, 0.1, 0.0)),
        batching: Batching = Batching(batch_size=64),
    ) -> None:
        super().__init__(split=split, batching=batching, unit="steps")
        shape_of(reading, 1, 1)
        self.path, self.reading = path, reading
        self.files: list[Path] = []

    def prepare_data(self) -> None:
        standard.local(self.path)

    def find(self) -> Findings:
        root = Path(standard.local(self.path)).expanduser()
        self.files = [_file(root, stem) for stem in STEMS]
        images = [read_shape(file, 3) for file in self.files[::2]]
        labels = [read_idx(file, 1) for file in self.files[1::2]]
        for shape, numbers, file in zip(images, labels, self.files[1::2], strict=True):
            if shape[1:] != images[0][1:] or shape[0] != len(numbers):
                raise BadInput(
                    f"{file}: {len(numbers):,} labels for {shape[0]:,} images of {shape[1]} x {shape[2]}; "
                    "give the four files of one set"
                )
            if numbers.max() >= len(CLASSES):
                raise BadInput(f"{file}: label {numbers.max()}, but they count from 0 to 9; fetch it again")
        digest, of_content = digest_of(self.files, root)
        (trains, height, width), (tests, *_) = images
        steps, self.input_size = shape_of(self.reading, height, width)
        return Findings(
            source=root.name,
            digest=digest,
            names=[f"train image {n}" for n in range(trains)] + [f"test image {n}" for n in range(tests)],
            lengths=np.full(trains + tests, steps),
            classes=CLASSES,
            labels=np.concatenate(labels).astype(np.int64),
            given=[None] * trains + ["test"] * tests,
            metadata={"reading": self.reading, "digest_of": None if of_content else "names and sizes"},
        )

    def examples(self, found: Findings, train: np.ndarray) -> Examples:
        assert found.labels is not None
        images = np.concatenate([read_idx(file, 3) for file in self.files[::2]])
        self.output_size = len(CLASSES)
        return PixelSteps(images, found.labels, reading=self.reading, white=255)


def _file(root: Path, stem: str) -> Path:
    """One of the four files, packed or not, also with the dot that some copies have in its name."""
    for name in (stem, stem.replace("-idx", ".idx")):
        for suffix in ("", ".gz"):
            if (root / (name + suffix)).is_file():
                return root / (name + suffix)
    with reading(root):
        there = sorted(each.name for each in root.iterdir())[:8]
    raise BadInput(
        f"{root}: holds no {stem} or {stem}.gz (seen: {', '.join(there) or 'no file'}); set data.path to a "
        "folder with MNIST's four files, or to standard:mnist"
    )
