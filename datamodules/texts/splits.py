"""Which characters or files are for training, validation and test."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from datamodules.files import relative_name
from datamodules.texts.corpus import Corpus
from elman.errors import BadInput

Split = tuple[float, float, float]


def check_split(split: Sequence[float]) -> Split:
    """`split` as three shares of training, validation and test that make 1; only test may be 0."""
    shares = tuple(float(share) for share in split)
    if len(shares) != 3 or abs(sum(shares) - 1) > 1e-9 or min(shares) < 0 or 0 in shares[:2]:
        raise ValueError(
            "split must be three shares [train, val, test] that sum to 1, the first two above 0, "
            f"for example [0.9, 0.05, 0.05]; got {list(split)}"
        )
    return shares[0], shares[1], shares[2]


def cut(count: int, split: Split) -> tuple[int, int]:
    """Where validation and test begin among `count` characters: the parts are contiguous, in order.

    Training has int(count * train) characters. Without a test part, validation has all the rest.
    """
    train = int(count * split[0])
    return train, count if split[2] == 0 else int(count * (split[0] + split[1]))


def assign(digests: Sequence[str], sizes: Sequence[int], split: Split, seed: int) -> list[int]:
    """The part of each file: 0 training, 1 validation, 2 test.

    Files are drawn in an order that depends on their content and the seed only, validation first,
    until its share of the bytes is reached; a file larger than the whole share is passed over, unless
    nothing else fits. Files of the same content go together, so no text is on both sides.

    Args:
        digests, sizes: content and bytes of each file.
        split: shares of the bytes.
        seed: another seed draws other files.

    Raises:
        ValueError: if there are fewer different files than parts.
    """
    size: dict[str, int] = {}
    for digest, count in zip(digests, sizes, strict=True):
        size[digest] = size.get(digest, 0) + count
    wanted = [part for part in (1, 2) if split[part] > 0]
    if len(size) < 1 + len(wanted):
        raise ValueError(f"{len(size)} different files cannot make {1 + len(wanted)} parts")
    left = sorted(size, key=lambda digest: hashlib.sha256(f"{seed} {digest}".encode()).digest())
    total = sum(size.values())
    part_of = dict.fromkeys(left, 0)
    for part in wanted:
        share, taken = split[part] * total, 0
        spare = len(left) - (3 - part if split[2] > 0 else 1)  # the parts still to come need a file each
        for digest in left:
            if taken < share and size[digest] <= share and spare > 0:
                part_of[digest] = part
                taken += size[digest]
                spare -= 1
        if not taken:
            part_of[min(left, key=size.__getitem__)] = part
        left = [digest for digest in left if part_of[digest] == 0]
    return [part_of[digest] for digest in digests]


def assign_by_name(names: Sequence[str], val: Sequence[str], test: Sequence[str]) -> list[int]:
    """The part of each file, by patterns such as `*valid*`; what fits none of them trains.

    Args:
        names: paths inside the folder.
        val, test: patterns of the files that validate and test.

    Raises:
        ValueError: if a pattern fits no file, a file fits both, or none is left to train.
    """
    part_of = []
    for name in names:
        fits = [any(fnmatchcase(name, pattern) for pattern in each) for each in (val, test)]
        if all(fits):
            raise ValueError(f"{name} fits val_files and test_files; each file has one part")
        part_of.append(1 if fits[0] else 2 if fits[1] else 0)
    for pattern in (*val, *test):
        if not any(fnmatchcase(name, pattern) for name in names):
            raise ValueError(f"no file fits {pattern!r}; there are {', '.join(names[:8])}")
    if 0 not in part_of:
        raise ValueError("val_files and test_files take all files, so none is left to train")
    return part_of


@dataclass(frozen=True, kw_only=True)
class TextSplit:
    """How a text is divided: one file is cut by `shares`, a folder by whole files.

    Args:
        shares: training, validation and test.
        seed: which files of a folder go where.
        val_files, test_files: patterns of the files of a folder that validate and test; given the first,
            neither shares nor seed are used.

    Raises:
        ValueError: if patterns are no list, or there are some for testing alone.
    """

    shares: Split
    seed: int
    val_files: Sequence[str]
    test_files: Sequence[str]

    def __post_init__(self) -> None:
        for name, patterns in (("val_files", self.val_files), ("test_files", self.test_files)):
            if isinstance(patterns, str) or not all(patterns):
                raise ValueError(f"{name} must be a list such as ['*valid*'], got {patterns!r}")
        if self.test_files and not self.val_files:
            raise ValueError("test_files needs val_files beside it, for all other files train")

    @property
    def by_name(self) -> bool:
        """Whether the names of files decide."""
        return bool(self.val_files)

    @property
    def tests(self) -> bool:
        """Whether there is a test part."""
        return bool(self.test_files) if self.by_name else self.shares[2] > 0

    def parts_of(self, corpus: Corpus, digests: Sequence[str]) -> list[int]:
        """The part of each file of a folder: 0 training, 1 validation, 2 test.

        Raises:
            BadInput: if the files cannot make the parts.
        """
        try:
            if self.by_name:
                names = [relative_name(file, corpus.root) for file in corpus.files]
                return assign_by_name(names, self.val_files, self.test_files)
            return assign(digests, [os.path.getsize(file) for file in corpus.files], self.shares, self.seed)
        except ValueError as error:
            way_out = (
                "; change data.val_files or data.test_files"
                if self.by_name
                else f", and each part is made of whole files (data.split={list(self.shares)}); add files, "
                "or set data.path to one file, which is cut by characters"
            )
            raise BadInput(f"{corpus.root}: {error}{way_out}") from error
