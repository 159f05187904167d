"""Tokens of labelled texts: what a step is, which id it has, and texts kept as numbers."""

from __future__ import annotations

import hashlib
import re
from array import array
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from datamodules.sequence_data import check_counts
from datamodules.texts.alphabet import UNKNOWN, codepoints

Unit = Literal["words", "characters", "bytes"]
UNITS = ("words", "characters", "bytes")
BYTES = "".join(map(chr, range(1, 256)))
MARK_BYTES = 16  # of a hash, equal for equal texts

# A length limit, so that text without blanks does not become words that fill the memory.
_WORD = re.compile(r"\w{1,100}(?:['’]\w{1,20}){0,2}|[^\w\s]")


def tokens_of(text: str, unit: Unit, *, lower: bool) -> Sequence[str]:
    """The steps of a text, in order.

    words: runs of letters, digits and underscores, with an apostrophe inside ("it's"); any other character
    that is not blank is a word of its own. characters: each, blanks included. bytes: of UTF-8, each as the
    character of that number.
    """
    text = text.lower() if lower else text
    if unit == "words":
        return _WORD.findall(text)
    return text.encode().decode("latin-1") if unit == "bytes" else text


class Listed:
    """Id 0 stands for every token not listed; ids 1, 2, ... for `listed` in order.

    Of bytes all are listed, so that the id is the byte; there is no byte 0.

    Args:
        listed: each at most once; with `unit` and `lower` all that a checkpoint needs.
        unit: words, characters or bytes.
        lower: whether texts are read in lower case.

    Raises:
        ValueError: if a token is listed twice.
    """

    def __init__(self, listed: Sequence[str], *, unit: Unit, lower: bool) -> None:
        self.listed = list(listed)
        self.ids = {token: number for number, token in enumerate(self.listed, start=1)}
        if len(self.ids) != len(self.listed):
            raise ValueError("listed must hold each token once")
        self.unit, self.lower = unit, lower

    def __len__(self) -> int:
        """Number of ids, the unknown one included."""
        return len(self.listed) + 1

    def encode(self, text: str) -> Tensor:
        """Ids (T,) int64."""
        tokens = tokens_of(text, self.unit, lower=self.lower)
        return torch.tensor([self.ids.get(token, 0) for token in tokens], dtype=torch.int64)

    def decode(self, ids: Iterable[int] | Tensor) -> str:
        """The text of `ids`, words with a blank between two; the unknown id reads as U+FFFD."""
        if self.unit == "bytes":
            return bytes(int(i) for i in ids).decode("utf-8", "replace")
        shown = [UNKNOWN, *self.listed]
        return (" " if self.unit == "words" else "").join(shown[int(i)] for i in ids)


class Texts:
    """Texts as numbers of their tokens, all in one array: 4 bytes a step and one string a distinct word.

    Numbers are given as tokens come; `ids` turns them into those of `Listed`, which only the training part
    decides.

    Args:
        unit: words, characters or bytes.
        lower: whether texts are read in lower case.
        most: steps kept of a longer text; None: all.
        keep: which end of a longer text is kept, "first" or "last" steps.

    Raises:
        ValueError: for a value out of range.
    """

    def __init__(self, *, unit: Unit, lower: bool, most: int | None, keep: Literal["first", "last"]) -> None:
        if unit not in UNITS:
            raise ValueError(f"unit must be one of {', '.join(UNITS)}, got {unit!r}")
        if keep not in ("first", "last"):
            raise ValueError(f"keep must be first or last, got {keep!r}")
        if most is not None:
            check_counts(1, max_steps_per_text=most)
        self.unit, self.lower, self.most, self.keep = unit, lower, most, keep
        self.shortened = 0
        self._numbers = array("I")
        self._starts = array("q", [0])
        self._marks = bytearray()
        self._number_of: defaultdict[str, int] = defaultdict()
        self._number_of.default_factory = self._number_of.__len__

    def add(self, text: str) -> None:
        """Take a text that is not blank."""
        tokens = tokens_of(text, self.unit, lower=self.lower)
        if self.unit == "words":
            numbers = array("I", map(self._number_of.__getitem__, tokens)).tobytes()
        else:
            numbers = codepoints(str(tokens)).tobytes()
        if self.most is not None and len(numbers) > 4 * self.most:
            numbers = numbers[: 4 * self.most] if self.keep == "first" else numbers[-4 * self.most :]
            self.shortened += 1
        self._marks += hashlib.blake2b(numbers, digest_size=MARK_BYTES).digest()
        self._numbers.frombytes(numbers)
        self._starts.append(len(self._numbers))

    @property
    def starts(self) -> np.ndarray:
        """(N + 1,) int64: text n has steps [starts[n], starts[n + 1]) of all."""
        return np.frombuffer(self._starts, dtype=np.int64)

    def copies(self) -> np.ndarray:
        """(N,) numbers; two texts have the same one where all tokens that are kept of them are equal."""
        marks = np.frombuffer(bytes(self._marks), dtype=f"S{MARK_BYTES}")
        return np.unique(marks, return_inverse=True)[1].reshape(-1)

    def most_frequent(self, numbers: np.ndarray, *, limit: int, least: int) -> Listed:
        """The tokens that the texts `numbers` hold at least `least` times, at most `limit`, frequent first.

        Of two that occur equally often, the one that came first goes first; of characters, the smaller.
        """
        if self.unit == "bytes":
            return Listed(BYTES, unit=self.unit, lower=self.lower)
        every = np.frombuffer(self._numbers, dtype=np.uint32)
        inside = np.zeros(len(self.starts) - 1, dtype=bool)
        inside[numbers] = True
        counts = np.bincount(every[np.repeat(inside, np.diff(self.starts))])
        chosen = np.argsort(-counts, kind="stable")[:limit]
        kept = chosen[counts[chosen] >= least].tolist()
        shown = list(self._number_of) if self.unit == "words" else None
        return Listed([shown[i] if shown else chr(i) for i in kept], unit=self.unit, lower=self.lower)

    def ids(self, listed: Listed) -> np.ndarray:
        """(steps,) ids of all texts on end, in the smallest type that holds them."""
        every = np.frombuffer(self._numbers, dtype=np.uint32)
        table = np.zeros(int(every.max(initial=0)) + 1, dtype=np.min_scalar_type(len(listed)))
        for token, number in listed.ids.items():
            place = self._number_of.get(token, -1) if self.unit == "words" else ord(token)
            if 0 <= place < len(table):
                table[place] = number
        return table[every]
