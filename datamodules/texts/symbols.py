"""Symbols: what the ids of a text stand for, and how a checkpoint holds that."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal, Protocol

import torch
from torch import Tensor

from datamodules.live import Characters, RawBytes, Reader, Words
from datamodules.texts.alphabet import Alphabet
from datamodules.texts.vocabulary import LONGEST, Vocabulary, words

Unit = Literal["characters", "bytes", "words"]

_UNSHOWN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class Symbols(Protocol):
    """Ids and what they stand for."""

    def __len__(self) -> int: ...

    def encode(self, text: str) -> Tensor: ...

    def decode(self, ids: Iterable[int] | Tensor) -> str: ...

    @property
    def digest(self) -> str: ...


class Bytes:
    """The 256 bytes; each is its own id, so none is unknown."""

    digest = "bytes"

    def __len__(self) -> int:
        return 256

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Bytes)

    def __hash__(self) -> int:
        return hash("bytes")

    def encode(self, text: str) -> Tensor:
        """Ids (bytes of the UTF-8 text,) int64."""
        return torch.tensor(list(text.encode("utf-8", "surrogateescape")), dtype=torch.int64)

    def decode(self, ids: Iterable[int] | Tensor) -> str:
        """The bytes read as UTF-8; what is none, and what a terminal would obey, is shown as \\xff."""
        text = bytes(int(i) for i in ids).decode("utf-8", "backslashreplace")
        return _UNSHOWN.sub(lambda found: f"\\x{ord(found.group()):02x}", text)


def remembered(symbols: Symbols) -> dict[str, Any]:
    """What a checkpoint holds of them: plain values."""
    if isinstance(symbols, Alphabet):
        return {"alphabet": symbols.characters}
    if isinstance(symbols, Vocabulary):
        return {"unit": "words", "alphabet": list(symbols.words)}
    return {"unit": "bytes"}


def rebuilt(saved: Mapping[str, Any]) -> Symbols | None:
    """What `remembered` made; None if `saved` holds no such thing."""
    unit, alphabet = saved.get("unit", "characters"), saved.get("alphabet")
    if unit == "bytes":
        return Bytes()
    if unit == "words" and isinstance(alphabet, list):
        return Vocabulary(alphabet)
    return Alphabet(alphabet) if unit == "characters" and isinstance(alphabet, str) else None


def live_reader(symbols: Symbols) -> Reader:
    """How such a text comes out of a pipe."""
    if isinstance(symbols, Vocabulary):
        return Words(
            words=words,
            encode=lambda part: torch.from_numpy(symbols.number(part).astype("int64")),
            outputs=[symbols.decode([number]) for number in range(len(symbols))],
            longest=LONGEST,
        )
    if isinstance(symbols, Bytes):
        return RawBytes(outputs=[symbols.decode([number]) for number in range(len(symbols))])
    return Characters(symbols)
