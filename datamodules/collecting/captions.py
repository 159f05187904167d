"""Captions: a text said about a context that is known before it begins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from datamodules.collecting.examples import Example, aligned
from datamodules.texts.alphabet import Alphabet
from datamodules.texts.tokens import Tokens
from datamodules.texts.vocabulary import Vocabulary, words

START, END = "\x02", "\x03"
"""ASCII's own start of text and end of text; no caption may hold them."""

Unit = Literal["words", "characters"]
Context = Tensor | tuple[Tensor, ...]


class CaptionMetadata(NamedTuple):
    """What decoding and scoring captions must know.

    Args:
        bos: id that begins x.
        eos: id that ends y.
        max_length: most steps that a caption may take when it is decoded, the end included.
        separator: what stands between two words of a text: " ", or "" where a text is one word.
    """

    bos: int
    eos: int
    max_length: int
    separator: str


def symbols_of(captions: Sequence[str], unit: Unit) -> Tokens:
    """Ids for all words or characters of these captions, for a start and for an end.

    Raises:
        ValueError: if `unit` is neither words nor characters.
    """
    if unit == "words":
        return Vocabulary([START, END, *sorted({word for caption in captions for word in words(caption)})])
    if unit == "characters":
        return Alphabet(START + END + "".join(sorted(set().union(*captions))))
    raise ValueError(f"unit must be 'words' or 'characters', got {unit!r}")


def metadata_of(symbols: Tokens, captions: Sequence[str]) -> CaptionMetadata:
    """What is known of captions in these symbols.

    Args:
        captions: of training; at least one.
    """
    bos, eos = (int(symbols.encode(mark)) for mark in (START, END))
    max_length = max(len(symbols.encode(caption)) for caption in captions) + 1
    return CaptionMetadata(bos, eos, max_length, " " if any(" " in caption for caption in captions) else "")


def captioned(ids: Tensor, metadata: CaptionMetadata, context: Context | None = None) -> Example:
    """One-to-many: x is the start and then each symbol said, y the next symbol and at last the end.

    Args:
        ids: (n,) the caption; x and y have n + 1 steps, all of them scored.
        metadata: of the data.
        context: what the caption is about, without an axis of rows.
    """
    x = torch.cat([torch.tensor([metadata.bos]), ids])
    y = torch.cat([ids, torch.tensor([metadata.eos])])
    return aligned(x, y)._replace(context=context)
