"""Vocabulary: what a word is, which id stands for which, and how words of any amount of text are counted."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from datamodules.texts.alphabet import LARGEST

UNKNOWN = "<unk>"
LONGEST = 100
"""Characters of a word; what is longer is cut, so that a text without blanks cannot fill the memory."""

MOST_COUNTED = 2_000_000
"""Different words that are counted at once."""

_WORD = re.compile(rf"\n|\S{{1,{LONGEST}}}")


def words(text: str) -> list[str]:
    """What stands between blanks; the end of a line is a word of its own.

    Nothing else is done: "Sea" and "sea" differ, and so do "sea" and "sea,".
    """
    return _WORD.findall(text)


def word_blocks(blocks: Iterable[str]) -> Iterator[list[str]]:
    """The words that each block of a text completes; a word that blocks cut in two is whole."""
    tail = ""
    for block in blocks:
        text = tail + block
        end = len(text)
        while end and not text[end - 1].isspace():
            end -= 1
        end += (len(text) - end) // LONGEST * LONGEST  # a word without end is cut where `words` cuts it
        yield words(text[:end])
        tail = text[end:]
    yield words(tail)


class Vocabulary:
    """Id 0 stands for every word not listed, and for `<unk>`; ids 1, 2, ... for `words` in order.

    Args:
        words: each at most once.
        has_unknown: whether training had others, so that id 0 was learned.

    Raises:
        ValueError: if a word comes twice, is `<unk>`, or there are more than 65,535.
    """

    def __init__(self, words: Sequence[str], *, has_unknown: bool = True) -> None:
        self.words, self.has_unknown = tuple(words), has_unknown
        self.ids = {word: number for number, word in enumerate(self.words, start=1)}
        if len(self.ids) != len(self.words) or UNKNOWN in self.ids:
            raise ValueError(f"words must be distinct and none of them {UNKNOWN}, got {list(words)[:8]!r}")
        if len(self.words) > LARGEST:
            raise ValueError(f"a vocabulary holds at most {LARGEST} words, got {len(self.words)}")

    @classmethod
    def most_frequent(cls, counts: Mapping[str, int], limit: int) -> Vocabulary:
        """The `limit` most frequent words, the most frequent first; of two equal ones, by the alphabet."""
        ordered = sorted((word for word in counts if word != UNKNOWN), key=lambda word: (-counts[word], word))
        return cls(ordered[:limit], has_unknown=len(ordered) > limit or UNKNOWN in counts)

    def __len__(self) -> int:
        """Number of ids, the unknown one included."""
        return len(self.words) + 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self.words == other.words

    def __hash__(self) -> int:
        return hash(self.words)

    @property
    def digest(self) -> str:
        """Twelve hex digits, others for another vocabulary."""
        return hashlib.sha256(" ".join(self.words).encode()).hexdigest()[:12]

    @property
    def dtype(self) -> np.dtype:
        """The smallest type that holds all ids."""
        return np.min_scalar_type(len(self.words))

    def number(self, words: Iterable[str]) -> np.ndarray:
        """Ids of words, in the type `dtype`."""
        return np.fromiter((self.ids.get(word, 0) for word in words), dtype=self.dtype)

    def unlisted(self, text: str) -> list[str]:
        """The words of a text that have no id of their own, each once."""
        return [word for word in dict.fromkeys(words(text)) if word not in self.ids]

    def encode(self, text: str) -> Tensor:
        """Ids (number of words,) int64."""
        return torch.from_numpy(self.number(words(text)).astype(np.int64))

    def decode(self, ids: Iterable[int] | Tensor) -> str:
        """The words with a blank between them; an end of line has none around it."""
        shown = (UNKNOWN, *self.words)
        return re.sub(" ?\n ?", "\n", " ".join(shown[int(i)] for i in ids))


class WordCounts:
    """How often each word came.

    When more than `most` different ones are held, those that came least are forgotten, as if they had never
    come: a word frequent enough for a vocabulary is counted right, or a little low.

    Source: Manku and Motwani (2002), Approximate frequency counts over data streams; word2vec's ReduceVocab.
    """

    def __init__(self, most: int = MOST_COUNTED) -> None:
        self.most, self.rarest = most, 0
        self.counts: Counter[str] = Counter()

    def add(self, found: Sequence[str]) -> None:
        """Count the words of one block."""
        self.counts.update(found)
        while len(self.counts) > self.most:
            self.rarest += 1
            self.counts = Counter({word: n for word, n in self.counts.items() if n > self.rarest})

    def most_frequent(self, limit: int) -> Vocabulary:
        """The `limit` most frequent words."""
        found = Vocabulary.most_frequent(self.counts, limit)
        return Vocabulary(found.words, has_unknown=found.has_unknown or self.rarest > 0)
