"""Text source: which text is read, and what its ids are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from datamodules.fetching import standard
from datamodules.files import cache_folder
from datamodules.texts.alphabet import LARGEST, Alphabet
from datamodules.texts.corpus import find
from datamodules.texts.lazy_text import prepare_bytes, prepare_lazily
from datamodules.texts.splits import TextSplit
from datamodules.texts.text_ids import TextIds, prepare
from datamodules.texts.tokens import Tokens, Unit
from elman.errors import BadInput

MOST_SYMBOLS = {"characters": LARGEST, "bytes": 256, "words": 20_000}
ONCE = 255
"""Characters that earlier versions listed at most, where a recipe did not say how many."""


@dataclass(frozen=True, kw_only=True)
class TextSource:
    """Which text is read; the arguments are those of `Text`.

    Raises:
        ValueError: for a value out of range.
    """

    path: str | None
    suffixes: Sequence[str]
    unit: Unit
    index: Literal["whole", "lazy"]
    split: TextSplit
    max_symbols: int | None
    cache: str | None

    def __post_init__(self) -> None:
        if self.unit not in get_args(Unit):
            raise ValueError(f"unit must be one of {', '.join(get_args(Unit))}, got {self.unit!r}")
        if self.index not in ("whole", "lazy") or (self.index == "lazy" and self.unit == "words"):
            raise ValueError(
                f"index must be whole, or lazy where unit is no words, got {self.index!r} with {self.unit}"
            )
        if self.most > LARGEST:
            raise ValueError(f"max_symbols must be at most {LARGEST}, got {self.max_symbols}")
        if self.path is not None and not self.path.strip():
            raise ValueError(
                "path must name a file or a folder, got ''; leave it out for Python's own library"
            )
        if isinstance(self.suffixes, str) or not self.suffixes or not all(self.suffixes):
            raise ValueError(f"suffixes must be a list such as ['.txt', '.md'], got {self.suffixes!r}")

    @property
    def most(self) -> int:
        """Most characters or words that are listed."""
        return MOST_SYMBOLS[self.unit] if self.max_symbols is None else self.max_symbols

    @property
    def place(self) -> str:
        """What the length of a part counts."""
        return "bytes" if self.index == "lazy" else self.unit

    def prepare(self, trained_with: Tokens | None) -> TextIds:
        """The ids, from the cache if they are there.

        Args:
            trained_with: what a checkpoint was trained with, which an earlier version may have limited.

        Raises:
            BadInput: if the text cannot be read, or not be divided as wanted.
        """
        corpus = find(standard.local(self.path), self.suffixes)
        if self.split.by_name and corpus.one_file:
            raise BadInput(
                f"{corpus.root}: one file, so data.val_files and data.test_files choose nothing; give the "
                "folder it lies in, or set both to null"
            )
        if self.unit == "bytes":
            return prepare_bytes(corpus, self.split)
        most = self.most
        if self.max_symbols is None and isinstance(trained_with, Alphabet) and trained_with.has_unknown:
            most = ONCE if len(trained_with.characters) == ONCE else most
        if self.index == "lazy":
            return prepare_lazily(corpus, self.split, max_symbols=most)
        cache = Path(self.cache).expanduser() if self.cache else cache_folder()
        words = self.unit == "words"
        return prepare(corpus, self.split, words=words, max_symbols=most, cache=cache)
