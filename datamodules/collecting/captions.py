"""Captions: texts about a context that is known before step 0, as token ids and as examples."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from datamodules.collecting.examples import Example, aligned, stacked
from datamodules.texts.alphabet import Alphabet
from datamodules.texts.tokens import Tokens, tokens_from
from datamodules.texts.vocabulary import UNKNOWN, Vocabulary, words
from elman.batch import SequenceBatch, at_first_step

BOS, EOS = "\x02", "\x03"
"""ASCII's own start of text and end of text; no caption may hold them."""

Unit = Literal["words", "characters"]
Context = Tensor | tuple[Tensor, ...]


class CaptionMetadata(NamedTuple):
    """What decoding and scoring captions need.

    Args:
        bos: id that begins x.
        eos: id that ends y.
        max_length: most steps that a caption may take when it is decoded, EOS included.
        separator: what stands between two words of a text: " ", or "" where a text is one word.
    """

    bos: int
    eos: int
    max_length: int
    separator: str


def check_unit(unit: str) -> None:
    """Raise ValueError for what is no unit of captions."""
    if unit not in ("words", "characters"):
        raise ValueError(f"unit must be 'words' or 'characters', got {unit!r}")


def tokens_of(captions: Sequence[str], unit: Unit) -> Tokens:
    """Token ids for all words or characters of these captions, for BOS and for EOS.

    Raises:
        ValueError: if `unit` is neither words nor characters.
    """
    check_unit(unit)
    if unit == "words":
        found = {word for caption in captions for word in words(caption)}
        return Vocabulary([BOS, EOS, *sorted(found - {UNKNOWN})], has_unknown=UNKNOWN in found)
    return Alphabet(BOS + EOS + "".join(sorted(set().union(*captions))), has_unknown=False)


def metadata_of(tokens: Tokens, captions: Sequence[str]) -> CaptionMetadata:
    """What is known of captions in these token ids.

    Args:
        captions: of training; at least one.
    """
    bos, eos = (int(tokens.encode(mark)) for mark in (BOS, EOS))
    max_length = max(len(tokens.encode(caption)) for caption in captions) + 1
    return CaptionMetadata(bos, eos, max_length, " " if any(" " in caption for caption in captions) else "")


def learned(
    captions: Sequence[str], train: np.ndarray, *, unit: Unit, saved: Mapping[str, Any]
) -> tuple[Tokens, CaptionMetadata]:
    """Token ids of the training captions and what is known of them; what a checkpoint holds goes first.

    Args:
        captions: all of them.
        train: numbers of those of training.
        saved: from a checkpoint, perhaps empty.
    """
    known = [captions[number] for number in train]
    alphabet, metadata = tokens_from(saved) or tokens_of(known, unit), saved.get("captions")
    return alphabet, CaptionMetadata(*metadata) if metadata else metadata_of(alphabet, known)


def steps_of(captions: Sequence[str], unit: Unit) -> np.ndarray:
    """(N,) steps, EOS included."""
    count = {text: len(words(text) if unit == "words" else text) + 1 for text in set(captions)}
    return np.array([count[text] for text in captions])


class Captioned:
    """One-to-many: x is BOS and then each token id, y the next one and at last EOS, all steps scored.

    Args:
        captions: (N,) texts.
        tokens: their token ids.
        metadata: of the data.
        context: numbers of some examples -> their contexts, rows first; called whenever they are read.
    """

    def __init__(
        self,
        captions: Sequence[str],
        tokens: Tokens,
        metadata: CaptionMetadata,
        *,
        context: Callable[[np.ndarray], Context],
    ) -> None:
        bos, eos = torch.tensor([metadata.bos]), torch.tensor([metadata.eos])
        ids = {text: torch.cat([bos, tokens.encode(text), eos]) for text in set(captions)}
        every = [ids[text] for text in captions]
        self.lengths = np.array([len(each) - 1 for each in every])
        self._ids = torch.cat(every).numpy()  # one after the other; NumPy takes small pieces faster
        self._starts = np.cumsum(self.lengths + 1) - self.lengths - 1
        self._context = context

    def window(self, number: int, start: int, stop: int) -> Example:
        first, stop = int(self._starts[number]), min(stop, int(self.lengths[number]))
        ids = torch.from_numpy(self._ids[first + start : first + stop + 1])
        context = self._context(np.array([number]))
        own = context[0] if isinstance(context, Tensor) else tuple(leaf[0] for leaf in context)
        return aligned(ids[:-1], ids[1:])._replace(context=own)

    def unknown_share(self, numbers: np.ndarray) -> float:
        """Share of the target ids of some examples that are the unknown one."""
        places = zip(self._starts[numbers].tolist(), self.lengths[numbers].tolist(), strict=True)
        found = sum(int(np.count_nonzero(self._ids[start + 1 : start + 1 + n] == 0)) for start, n in places)
        return found / max(1, int(self.lengths[numbers].sum()))

    def batch(self, numbers: np.ndarray) -> SequenceBatch:
        lengths = self.lengths[numbers]
        step = np.arange(lengths.max())
        exists = step < lengths[:, None]
        place = exists * (self._starts[numbers][:, None] + step)  # (B, T)
        return SequenceBatch(
            x=torch.from_numpy(exists * self._ids[place]),
            y=torch.from_numpy(exists * self._ids[place + 1]),
            scored=torch.from_numpy(exists),
            lengths=torch.from_numpy(lengths),
            begins=at_first_step(torch.ones(len(numbers), dtype=torch.bool), exists.shape[1]),
            context=self._context(numbers),
        )


def contexts(read: Callable[[Path], Context], files: Sequence[Path], numbers: np.ndarray) -> Context:
    """What `read` makes of some of the files, rows first."""
    context = stacked([read(files[number]) for number in numbers.tolist()])
    assert context is not None
    return context
