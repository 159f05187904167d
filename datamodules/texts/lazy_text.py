"""Text read where it lies, so that a training on any size begins at once: bytes, or characters."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from datamodules.files import LARGEST_READ, digest, digest_of
from datamodules.texts.alphabet import CODEPOINTS, Alphabet, codepoints
from datamodules.texts.byte_stream import ByteStream
from datamodules.texts.corpus import Corpus
from datamodules.texts.splits import Named, Split, cut
from datamodules.texts.symbols import Bytes
from datamodules.texts.text_ids import TextIds, sides_of
from elman.errors import BadInput

LONGEST_CHARACTER = 4
"""Bytes of a character in UTF-8."""

SAMPLES, SAMPLE_BYTES = 64, 1 << 18
"""Stretches of the training part that the alphabet is made from, and bytes of each: 16 MiB in all."""


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
        ids = self.alphabet.table[points]
        count = min(begun, len(ids) - 1)
        return ids[: max(count, 0)], ids[1 : count + 1]


def characters(stream: ByteStream, start: int, stop: int, *, beyond: int = 0) -> tuple[np.ndarray, int]:
    """Codepoints of the characters that begin in [start, stop) and of at least `beyond` more, if there are.

    Returns:
        The codepoints, and how many of them begin before `stop`.
    """
    end = min(stop + LONGEST_CHARACTER * (beyond + 1), len(stream))
    data = stream[start:end]
    leads = np.flatnonzero((data & 0xC0) != 0x80)
    first = int(leads[0]) if len(leads) else len(data)
    raw = data[first:].tobytes()
    if end < len(stream):  # what the read has cut off is none of the characters asked for
        last = int(leads[-1]) if len(leads) else 0
        raw = raw[: last - first]
    if first >= LONGEST_CHARACTER or (start == 0 and first):
        raise _bad(stream, start, "the inside of a character")
    if b"\0" in raw:
        raise _bad(stream, start + first + raw.index(0), "NUL byte")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _bad(stream, start + first + error.start, f"0x{raw[error.start]:02x}") from error
    return codepoints(text), int((leads < stop - start).sum())


def _bad(stream: ByteStream, position: int, what: str) -> BadInput:
    file, at = stream.place(position)
    return BadInput(
        f"{file}: not UTF-8 text at byte {at} ({what}); convert it, or read it as it is with data.unit=bytes"
    )


def prepare_bytes(corpus: Corpus, *, split: Split, seed: int, named: Named | None) -> TextIds:
    """Every byte an id: nothing is read but what tells whether the data changed (`digest_of`)."""
    parts = [ByteStream(each) for each in stretches(corpus, split, seed, named)]
    found, content = _digest(corpus)
    return TextIds(Bytes(), parts, [0, 0, 0], found, facts={} if content else _UNREAD)


def prepare_lazily(
    corpus: Corpus, *, split: Split, seed: int, named: Named | None, max_symbols: int
) -> TextIds:
    """Characters by byte windows, with an alphabet from 16 MiB spread evenly over the training part."""
    streams = [ByteStream(_between_characters(each)) for each in stretches(corpus, split, seed, named)]
    train = streams[0]
    counts = np.zeros(CODEPOINTS, dtype=np.int64)
    samples = SAMPLES if len(train) > SAMPLES * SAMPLE_BYTES else -(-len(train) // SAMPLE_BYTES)
    seen = 0
    for number in range(samples):
        start = number * SAMPLE_BYTES
        if samples == SAMPLES:
            start = number * (len(train) - SAMPLE_BYTES) // (SAMPLES - 1)
        points, begun = characters(train, start, min(start + SAMPLE_BYTES, len(train)))
        counts += np.bincount(points[:begun], minlength=CODEPOINTS)
        seen += begun
    if not seen:
        raise BadInput(f"{corpus.root}: its training part is empty; give a text to learn from")
    alphabet = Alphabet.most_frequent(counts, max_symbols)
    found, content = _digest(corpus)
    return TextIds(
        alphabet,
        [CharacterStream(stream, alphabet) for stream in streams],
        None,
        found,
        facts={"index": "lazy", "alphabet_of": f"{seen:,} characters"} | ({} if content else _UNREAD),
        train_pairs=round(seen / min(samples * SAMPLE_BYTES, len(train)) * len(train)) - 1,
    )


def _digest(corpus: Corpus) -> tuple[str, bool]:
    """What `digest_of` says; of one file that is read for it, plainly its SHA-256, as of whole texts."""
    found, content = digest_of(corpus.files, corpus.root)
    return (digest(corpus.root), True) if corpus.one_file and content else (found, content)


_UNREAD: dict[str, Any] = {"digest_of": "names and sizes"}

Stretches = list[tuple[Path, int, int]]


def stretches(corpus: Corpus, split: Split, seed: int, named: Named | None) -> list[Stretches]:
    """The stretches of files that make the training, validation and test part.

    One file is cut at bytes. Of a folder whose files are too large to be read for it, whole files are divided
    by names and sizes instead of content.
    """
    sizes = [file.stat().st_size for file in corpus.files]
    if corpus.one_file:
        ((file,), (size,)) = corpus.files, sizes
        first, second = cut(size, split)
        return [[(file, 0, first)], [(file, first, second)], [(file, second, size)]]
    digests: Sequence[str] = [
        digest(file) if sum(sizes) <= LARGEST_READ else f"{size} {file.relative_to(corpus.root).as_posix()}"
        for file, size in zip(corpus.files, sizes, strict=True)
    ]
    sides = sides_of(corpus, digests, split, seed, named)
    parts: list[Stretches] = [[], [], []]
    for file, size, side in zip(corpus.files, sizes, sides, strict=True):
        parts[side].append((file, 0, size))
    return parts


def _between_characters(part: Stretches) -> Stretches:
    """Stretches whose ends are moved on to where the next character begins."""
    return [(file, _next_character(file, start), _next_character(file, stop)) for file, start, stop in part]


def _next_character(file: Path, at: int) -> int:
    if at == 0:  # what stands there must be a character, or reading it is refused
        return 0
    near = ByteStream([(file, at, min(at + LONGEST_CHARACTER, file.stat().st_size))])
    data = near[0 : len(near)]
    leads = np.flatnonzero((data & 0xC0) != 0x80)
    return at + int(leads[0]) if len(leads) else at + len(data)
