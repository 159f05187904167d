"""Alphabet: which id stands for which character."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

UNKNOWN = "\N{REPLACEMENT CHARACTER}"
CODEPOINTS = 0x110000
LARGEST = 65535  # ids are kept as uint16


@dataclass(frozen=True)
class Alphabet:
    """Id 0 stands for every character not listed; ids 1, 2, ... for `characters` in order.

    Args:
        characters: each at most once.
        has_unknown: whether training had others, so that id 0 was learned.

    Raises:
        ValueError: if a character comes twice or there are more than 65,535.
    """

    characters: str
    has_unknown: bool = field(default=True, compare=False)

    def __post_init__(self) -> None:
        if len(set(self.characters)) != len(self.characters):
            raise ValueError(f"characters must be distinct, got {self.characters!r}")
        if len(self.characters) > LARGEST:
            raise ValueError(f"an alphabet holds at most {LARGEST} characters, got {len(self.characters)}")

    @classmethod
    def most_frequent(cls, counts: np.ndarray, limit: int) -> Alphabet:
        """The `limit` most frequent characters, in the order of their codepoints.

        Args:
            counts: (CODEPOINTS,) occurrences of each codepoint. Of two that occur equally often the
                smaller one goes first.
            limit: most characters to list.
        """
        present = np.flatnonzero(counts)
        kept = present[np.argsort(-counts[present], kind="stable")][:limit]
        return cls("".join(map(chr, sorted(kept.tolist()))), has_unknown=len(present) > len(kept))

    def __len__(self) -> int:
        """Number of ids, the unknown one included."""
        return len(self.characters) + 1

    @property
    def digest(self) -> str:
        """Twelve hex digits, others for another alphabet."""
        return hashlib.sha256(self.characters.encode()).hexdigest()[:12]

    @property
    def dtype(self) -> np.dtype:
        """The smallest type that holds all ids."""
        return np.min_scalar_type(len(self.characters))

    def unlisted(self, text: str) -> list[str]:
        """The characters of a text that have no id of their own, each once."""
        return [each for each in dict.fromkeys(text) if each not in self.characters]

    @cached_property
    def _table(self) -> np.ndarray:
        """(CODEPOINTS,) id of each."""
        table = np.zeros(CODEPOINTS, dtype=self.dtype)
        table[codepoints(self.characters)] = np.arange(1, len(self.characters) + 1)
        return table

    def number(self, points: np.ndarray) -> np.ndarray:
        """Ids of codepoints, in the type `dtype`."""
        return self._table[points]

    def encode(self, text: str) -> Tensor:
        """Ids (len(text),) int64."""
        return torch.from_numpy(self.number(codepoints(text)).astype(np.int64))

    def decode(self, ids: Iterable[int] | Tensor) -> str:
        """The text of `ids`; the unknown id reads as U+FFFD."""
        shown = UNKNOWN + self.characters
        return "".join(shown[int(i)] for i in ids)


class CharacterCounts:
    """How often each codepoint came."""

    def __init__(self) -> None:
        self.counts = np.zeros(CODEPOINTS, dtype=np.int64)

    def add(self, points: np.ndarray) -> None:
        """Count the codepoints of one block."""
        found = np.bincount(points)
        self.counts[: len(found)] += found

    def most_frequent(self, limit: int) -> Alphabet:
        """The `limit` most frequent characters."""
        return Alphabet.most_frequent(self.counts, limit)


def codepoints(text: str) -> np.ndarray:
    """(len(text),) uint32."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
