"""Tokens: what the ids of a text stand for, and how a checkpoint holds that."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal, Protocol

import torch
from torch import Tensor

from datamodules.live import Characters, RawBytes, Reader, Words
from datamodules.texts.alphabet import Alphabet
from datamodules.texts.vocabulary import Vocabulary

Unit = Literal["characters", "bytes", "words"]

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class Tokens(Protocol):
    """Ids and what they stand for."""

    def __len__(self) -> int: ...

    def encode(self, text: str) -> Tensor: ...

    def decode(self, ids: Iterable[int] | Tensor) -> str: ...

    def unlisted(self, text: str) -> list[str]: ...

    @property
    def digest(self) -> str: ...

    @property
    def has_unknown(self) -> bool: ...


class Bytes:
    """The 256 bytes; each is its own id, so that id 0 is no unknown one."""

    digest = "bytes"
    has_unknown = True

    def __len__(self) -> int:
        return 256

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Bytes)

    def __hash__(self) -> int:
        return hash("bytes")

    def encode(self, text: str) -> Tensor:
        """Ids (bytes of the UTF-8 text,) int64."""
        return torch.tensor(list(text.encode("utf-8", "surrogateescape")), dtype=torch.int64)

    def unlisted(self, text: str) -> list[str]:
        """None."""
        return []

    def decode(self, ids: Iterable[int] | Tensor) -> str:
        """The bytes read as UTF-8; what is none, and what would control a terminal, is shown as \\xff."""
        text = bytes(int(i) for i in ids).decode("utf-8", "backslashreplace")
        return _CONTROL.sub(lambda found: f"\\x{ord(found.group()):02x}", text)


def tokens_state(tokens: Tokens) -> dict[str, Any]:
    """What a checkpoint holds of them: plain values."""
    if isinstance(tokens, Alphabet):
        return {"alphabet": tokens.characters, "has_unknown": tokens.has_unknown}
    if isinstance(tokens, Vocabulary):
        return {"unit": "words", "alphabet": list(tokens.words), "has_unknown": tokens.has_unknown}
    return {"unit": "bytes"}


def tokens_from(state: Mapping[str, Any]) -> Tokens | None:
    """What `tokens_state` was made of; None if `state` holds no such thing.

    Earlier versions did not store whether training had what is unknown: it may have.
    """
    unit, listed = state.get("unit", "characters"), state.get("alphabet")
    has_unknown = bool(state.get("has_unknown", True))
    if unit == "bytes":
        return Bytes()
    if unit == "words" and isinstance(listed, list):
        return Vocabulary(listed, has_unknown=has_unknown)
    return Alphabet(listed, has_unknown) if unit == "characters" and isinstance(listed, str) else None


def live_reader(tokens: Tokens) -> Reader:
    """How such a text is read from a pipe."""
    if isinstance(tokens, Vocabulary):
        return Words(tokens)
    if isinstance(tokens, Alphabet):
        return Characters(tokens)
    return RawBytes([tokens.decode([number]) for number in range(len(tokens))])
