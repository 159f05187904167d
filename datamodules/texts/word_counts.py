"""Words of any amount of text, read and counted in bounded memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from datamodules.texts.corpus import text_blocks
from datamodules.texts.vocabulary import LONGEST, words

MOST_COUNTED = 2_000_000
"""Different words that are counted at once."""


def word_blocks(file: Path) -> Iterator[list[str]]:
    """The words of a file, a block at a time; a word that a block cuts in two is whole.

    Raises:
        BadInput: as `text_blocks`.
    """
    tail = ""
    for block in text_blocks(file):
        text = tail + block
        end = len(text)
        while end and not text[end - 1].isspace():
            end -= 1
        end += (len(text) - end) // LONGEST * LONGEST  # a word without end is cut where `words` cuts it
        yield words(text[:end])
        tail = text[end:]
    yield words(tail)


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
