"""Text read in place, so that a training on any size begins at once: bytes, or characters."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from datamodules.files import LARGEST_READ, digest, digest_of, is_cut, relative_name
from datamodules.texts.alphabet import Alphabet, CharacterCounts, codepoints
from datamodules.texts.byte_stream import ByteStream, Span
from datamodules.texts.corpus import Corpus
from datamodules.texts.splits import TextSplit, cut
from datamodules.texts.text_ids import TextIds
from datamodules.texts.tokens import Bytes
from datamodules.texts.utf8 import MARK, has_mark
from elman.errors import BadInput

LONGEST_CHARACTER = 4
"""Bytes of a character in UTF-8."""

SAMPLES, SAMPLE_BYTES = 64, 1 << 18
"""Pieces of the training part that the alphabet is made from, and bytes of each: 16 MiB in all."""


class CharacterStream:
    """Characters of a stream of UTF-8, found by the byte where each begins.

    A place is a byte. `pairs(start, stop)` holds the characters that begin in [start, stop) and are followed
    by another, so ASCII text has one pair a place, and other text fewer.

    Args:
        stream: bytes; it begins and ends between characters.
        alphabet: ids of the characters.
    """

    def __init__(self, stream: ByteStream, alphabet: Alphabet) -> None:
        self.stream, self.alphabet = stream, alphabet

    def __len__(self) -> int:
        return len(self.stream)

    def pairs(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        """Ids of the characters that begin in bytes [start, stop), and of those that follow them.

        Raises:
            BadInput: if the bytes there are not UTF-8, or hold a NUL.
        """
        points, begun = characters(self.stream, start, stop, beyond=1)
        ids = self.alphabet.number(points)
        count = max(0, min(begun, len(ids) - 1))
        return ids[:count], ids[1 : count + 1]


def characters(stream: ByteStream, start: int, stop: int, *, beyond: int = 0) -> tuple[np.ndarray, int]:
    """Codepoints of the characters that begin in [start, stop) and of at least `beyond` more, if there are.

    Returns:
        The codepoints, and how many of them begin before `stop`.
    """
    end = min(stop + LONGEST_CHARACTER * (beyond + 1), len(stream))
    data = stream[start:end]
    leads = _leads(data)
    first = int(leads[0]) if len(leads) else len(data)
    raw = data[first:].tobytes()
    if end < len(stream):  # what the read has cut off is none of the characters wanted
        last = int(leads[-1]) if len(leads) else 0
        raw = raw[: last - first]
    if first >= LONGEST_CHARACTER or (start == 0 and first):
        raise _bad(stream, start, "the inside of a character")
    if b"\0" in raw:
        raise _bad(stream, start + first + raw.index(0), "NUL byte")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        if end == len(stream) and error.end == len(raw) and is_cut(raw[error.start :]):
            file, at = stream.place(start + first + error.start)
            raise BadInput(
                f"{file}: ends inside a character at byte {at}: it was cut short; copy it anew, or take "
                "those bytes off"
            ) from error
        raise _bad(stream, start + first + error.start, f"0x{raw[error.start]:02x}") from error
    return codepoints(text), int((leads < stop - start).sum())


def _leads(data: np.ndarray) -> np.ndarray:
    """Where characters begin in some bytes."""
    return np.flatnonzero((data & 0xC0) != 0x80)


def _bad(stream: ByteStream, position: int, what: str) -> BadInput:
    file, at = stream.place(position)
    return BadInput(
        f"{file}: not UTF-8 text at byte {at} ({what}); convert it, or read it as it is with data.unit=bytes"
    )


def prepare_bytes(corpus: Corpus, split: TextSplit) -> TextIds:
    """Every byte an id: nothing is read but for the digest (`digest_of`)."""
    content, metadata = _digest(corpus)
    parts = [ByteStream(spans) for spans in spans_of(corpus, split)]
    return TextIds(corpus, Bytes(), parts, [0, 0, 0], (0, 0, 0), content, metadata)


def prepare_lazily(corpus: Corpus, split: TextSplit, *, max_symbols: int) -> TextIds:
    """Characters by byte windows, with an alphabet from 16 MiB spread evenly over the training part."""
    streams = [ByteStream(_between_characters(spans)) for spans in spans_of(corpus, split)]
    counts, read = _sampled(streams[0])
    found = int(counts.counts.sum())
    if not found:
        raise BadInput(f"{corpus.root}: its training part is empty; give a text to learn from")
    alphabet = counts.most_frequent(max_symbols)
    if read < len(streams[0]):
        alphabet = Alphabet(alphabet.characters)  # what was not sampled may hold others
    content, metadata = _digest(corpus)
    if marked := sum(map(has_mark, corpus.files)):
        metadata["byte_order_marks"] = marked
    return TextIds(
        corpus,
        alphabet,
        [CharacterStream(stream, alphabet) for stream in streams],
        None,
        [_unlisted_share(each, alphabet) for each in (counts, *(_sampled(part)[0] for part in streams[1:]))],
        content,
        metadata={"index": "lazy", "alphabet_of": f"{found:,} characters", **metadata},
        train_pairs=round(found / read * len(streams[0])) - 1,
    )


def _sampled(stream: ByteStream) -> tuple[CharacterCounts, int]:
    """How often characters come in samples of some text, and the bytes of these."""
    counts, read = CharacterCounts(), 0
    for start in _sample_starts(len(stream)):
        stop = min(start + SAMPLE_BYTES, len(stream))
        points, begun = characters(stream, start, stop)
        counts.add(points[:begun])
        read += stop - start
    return counts, read


def _unlisted_share(counts: CharacterCounts, alphabet: Alphabet) -> float:
    """Of the characters counted, those that are not listed."""
    listed = int(counts.counts[codepoints(alphabet.characters)].sum())
    return 1 - listed / max(1, int(counts.counts.sum()))


def _sample_starts(size: int) -> list[int]:
    """Where samples begin in `size` bytes: all of a small part, else spread evenly from begin to end."""
    if size > SAMPLES * SAMPLE_BYTES:
        return [number * (size - SAMPLE_BYTES) // (SAMPLES - 1) for number in range(SAMPLES)]
    return list(range(0, size, SAMPLE_BYTES))


def _digest(corpus: Corpus) -> tuple[str, dict[str, Any]]:
    """A digest, as of whole texts where the files are read for it, and what it is of where they are not."""
    found, content = digest_of(corpus.files, corpus.root)
    if not content:
        return found, {"digest_of": "names and sizes"}
    return digest(corpus.root) if corpus.one_file else found, {}


def spans_of(corpus: Corpus, split: TextSplit) -> list[list[Span]]:
    """The spans of files that make the training, validation and test part.

    One file is cut at bytes. Of a folder whose files are too large to be read for it, whole files are divided
    by names and sizes instead of content.
    """
    sizes = [os.path.getsize(file) for file in corpus.files]
    if corpus.one_file:
        ((file,), (size,)) = corpus.files, sizes
        first, second = cut(size, split.shares)
        return [[(file, 0, first)], [(file, first, second)], [(file, second, size)]]
    digests: Sequence[str] = [
        digest(file) if sum(sizes) <= LARGEST_READ else f"{size} {relative_name(file, corpus.root)}"
        for file, size in zip(corpus.files, sizes, strict=True)
    ]
    spans: list[list[Span]] = [[], [], []]
    for file, size, part in zip(corpus.files, sizes, split.parts_of(corpus, digests), strict=True):
        spans[part].append((file, 0, size))
    return spans


def _between_characters(spans: Sequence[Span]) -> list[Span]:
    """Spans whose ends are moved on to where the next character begins."""
    return [(file, _next_character(file, start), _next_character(file, stop)) for file, start, stop in spans]


def _next_character(file: Path, at: int) -> int:
    if at <= len(MARK) and has_mark(file):
        return len(MARK)
    if at == 0:  # what stands there must be a character, or reading it is refused
        return 0
    near = ByteStream([(file, at, min(at + LONGEST_CHARACTER, os.path.getsize(file)))])
    data = near[0 : len(near)]
    return at + int([*_leads(data), len(data)][0])
