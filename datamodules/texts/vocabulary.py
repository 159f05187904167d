"""Vocabulary: which id stands for which word."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

UNKNOWN = "<unk>"
LARGEST = 65535  # ids are kept as uint16
LONGEST = 100
"""Characters of a word; what is longer is cut, so that a text without blanks cannot fill the memory."""

_WORD = re.compile(rf"\n|\S{{1,{LONGEST}}}")


def words(text: str) -> list[str]:
    """What stands between blanks; the end of a line is a word of its own.

    Nothing else is done: "Sea" and "sea" differ, and so do "sea" and "sea,".
    """
    return _WORD.findall(text)


class Vocabulary:
    """Id 0 stands for every word not listed, and for `<unk>`; ids 1, 2, ... for `words` in order.

    Args:
        words: each at most once; the plain list is all that a checkpoint needs.

    Raises:
        ValueError: if a word comes twice, is `<unk>`, or there are more than 65,535.
    """

    separator = " "
    """What stands between a text and the words that follow it."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)
        self.ids = {word: number for number, word in enumerate(self.words, start=1)}
        if len(self.ids) != len(self.words) or UNKNOWN in self.ids:
            raise ValueError(f"words must be distinct and none of them {UNKNOWN}, got {list(words)[:8]!r}")
        if len(self.words) > LARGEST:
            raise ValueError(f"a vocabulary holds at most {LARGEST} words, got {len(self.words)}")
        self.dtype = np.dtype(np.uint8 if len(self.words) < 256 else np.uint16)

    @classmethod
    def most_frequent(cls, counts: Mapping[str, int], limit: int) -> Vocabulary:
        """The `limit` most frequent words, the most frequent first; of two equal ones, by the alphabet."""
        ordered = sorted((word for word in counts if word != UNKNOWN), key=lambda word: (-counts[word], word))
        return cls(ordered[:limit])

    def __len__(self) -> int:
        """Number of ids, the unknown one included."""
        return len(self.words) + 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self.words == other.words

    def __hash__(self) -> int:
        return hash(self.words)

    @property
    def digest(self) -> str:
        """Twelve hex digits that tell two vocabularies apart."""
        return hashlib.sha256(" ".join(self.words).encode()).hexdigest()[:12]

    def number(self, words: Iterable[str]) -> np.ndarray:
        """Ids of words, in the smallest type that holds them all."""
        return np.fromiter((self.ids.get(word, 0) for word in words), dtype=self.dtype)

    def encode(self, text: str) -> Tensor:
        """Ids (number of words,) int64."""
        return torch.from_numpy(self.number(words(text)).astype(np.int64))

    def decode(self, ids: Iterable[int] | Tensor) -> str:
        """The words with a blank between them; an end of line has none around it."""
        shown = (UNKNOWN, *self.words)
        return re.sub(" ?\n ?", "\n", " ".join(shown[int(i)] for i in ids))
