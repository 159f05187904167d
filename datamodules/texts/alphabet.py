"""Alphabet: which id stands for which character."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

UNKNOWN = "\N{REPLACEMENT CHARACTER}"
CODEPOINTS = 0x110000
LARGEST = 65535  # ids are kept as uint16


class Alphabet:
    """Id 0 stands for every character not listed; ids 1, 2, ... for `characters` in order.

    Args:
        characters: each at most once; the plain string is all that a checkpoint needs.

    Raises:
        ValueError: if a character comes twice or there are more than 65,535.
    """

    def __init__(self, characters: str) -> None:
        if len(set(characters)) != len(characters):
            raise ValueError(f"characters must be distinct, got {characters!r}")
        if len(characters) > LARGEST:
            raise ValueError(f"an alphabet holds at most {LARGEST} characters, got {len(characters)}")
        self.characters = characters
        self.dtype = np.dtype(np.uint8 if len(characters) < 256 else np.uint16)
        self.table = np.zeros(CODEPOINTS, dtype=self.dtype)
        self.table[codepoints(characters)] = np.arange(1, len(characters) + 1)

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
        return cls("".join(map(chr, sorted(kept.tolist()))))

    def __len__(self) -> int:
        """Number of ids, the unknown one included."""
        return len(self.characters) + 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Alphabet) and self.characters == other.characters

    def __hash__(self) -> int:
        return hash(self.characters)

    @property
    def digest(self) -> str:
        """Twelve hex digits that tell two alphabets apart."""
        return hashlib.sha256(self.characters.encode()).hexdigest()[:12]

    def encode(self, text: str) -> Tensor:
        """Ids (len(text),) int64."""
        return torch.from_numpy(self.table[codepoints(text)].astype(np.int64))

    def decode(self, ids: Iterable[int] | Tensor) -> str:
        """The text of `ids`; the unknown id reads as U+FFFD."""
        shown = UNKNOWN + self.characters
        return "".join(shown[int(i)] for i in ids)


def codepoints(text: str) -> np.ndarray:
    """(len(text),) uint32."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
