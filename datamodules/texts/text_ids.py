"""From text to ids: count, choose the alphabet or vocabulary, encode, each in one pass over the files."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from datamodules.files import digest, relative_name
from datamodules.texts.alphabet import Alphabet, CharacterCounts, codepoints
from datamodules.texts.contiguous_rows import IdStream, PairStream
from datamodules.texts.corpus import Corpus
from datamodules.texts.id_file import FORMAT, Header, read_or_build
from datamodules.texts.splits import TextSplit, cut
from datamodules.texts.tokens import Tokens
from datamodules.texts.utf8 import has_mark, text_blocks
from datamodules.texts.vocabulary import Vocabulary, WordCounts, word_blocks
from elman.errors import BadInput

log = logging.getLogger(__name__)

Reader = Callable[[Path], Iterator[Any]]
"""From a file to what it is made of, a block at a time: arrays of codepoints, or lists of words."""


@dataclass(frozen=True)
class TextIds:
    """A text as ids.

    Args:
        corpus: its files.
        tokens: what the ids stand for, made from the training part alone.
        parts: training, validation and test.
        unknown: ids of each part that are unknown; None where they were not counted.
        unknown_shares: share of each part that is unknown; of a sample where it was not counted.
        digest: of the content: of one file its SHA-256, of a folder that of all names and digests; or of less
            where `metadata` say so.
        metadata: further entries of the description.
        train_pairs: steps of the training part, where they can only be estimated.
    """

    corpus: Corpus
    tokens: Tokens
    parts: Sequence[IdStream | PairStream]
    unknown: list[int] | None
    unknown_shares: Sequence[float]
    digest: str
    metadata: dict[str, Any] = field(default_factory=dict)
    train_pairs: int | None = None


def prepare(corpus: Corpus, split: TextSplit, *, words: bool, max_symbols: int, cache: Path) -> TextIds:
    """Ids of `corpus`, from `cache` if they are there.

    They are kept under a key of the content and of all that decides the alphabet. The content is read each
    time to detect changes (1 s a GB); encoding takes two more passes, of one file three. Memory
    does not depend on the size of the text.
    """
    digests = [digest(file) for file in corpus.files]
    content = digests[0] if corpus.one_file else folder_digest(corpus, digests)
    marked = sum(map(has_mark, corpus.files))
    decides = [FORMAT, corpus.one_file, content, split.shares, split.seed, max_symbols]
    decides += ["words"] if words else []
    decides += [[list(split.val_files), list(split.test_files)]] if split.by_name else []
    decides += ["without marks"] if marked else []
    key = hashlib.sha256(json.dumps(decides).encode()).hexdigest()

    def build() -> tuple[Header, Iterator[np.ndarray]]:
        log.info("encoding %s, once; the ids are kept in %s", corpus.source, cache)
        return encode(corpus, digests, split, words=words, max_symbols=max_symbols, key=key)

    header, parts = read_or_build(cache / f"text-{key[:32]}.ids", key, build)
    listed = header.characters
    known = {"has_unknown": header.unknown[0] > 0}
    tokens = Vocabulary(listed.split(" ") if listed else [], **known) if words else Alphabet(listed, **known)
    shares = [count / max(1, total) for count, total in zip(header.unknown, header.counts, strict=True)]
    return TextIds(
        corpus, tokens, parts, header.unknown, shares, content, {"byte_order_marks": marked} if marked else {}
    )


def folder_digest(corpus: Corpus, digests: Sequence[str]) -> str:
    """SHA-256 over the lines that `sha256sum` prints in the folder, in the order of the names."""
    lines = (
        f"{value}  {relative_name(file, corpus.root)}\n"
        for value, file in zip(digests, corpus.files, strict=True)
    )
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def encode(
    corpus: Corpus, digests: Sequence[str], split: TextSplit, *, words: bool, max_symbols: int, key: str
) -> tuple[Header, Iterator[np.ndarray]]:
    """The header of the id file, and the ids part after part, which count the header's `unknown`."""
    pieces = pieces_of(corpus, digests, split, words_of if words else codepoints_of)
    counts = WordCounts() if words else CharacterCounts()
    total = [0, 0, 0]
    for part, block in pieces():
        total[part] += len(block)
        if part == 0:
            counts.add(block)
    if not any(total):
        raise BadInput(f"{corpus.root}: is empty; give a text to learn from")
    tokens = counts.most_frequent(max_symbols)
    listed = tokens.characters if isinstance(tokens, Alphabet) else " ".join(tokens.words)
    header = Header(key=key, characters=listed, dtype=tokens.dtype.name, counts=total, unknown=[0, 0, 0])

    def ids() -> Iterator[np.ndarray]:
        for part, block in pieces():
            numbers = tokens.number(block)
            header.unknown[part] += len(numbers) - int(np.count_nonzero(numbers))
            yield numbers

    return header, ids()


def codepoints_of(file: Path) -> Iterator[np.ndarray]:
    return map(codepoints, text_blocks(file))


def words_of(file: Path) -> Iterator[list[str]]:
    return word_blocks(text_blocks(file))


def pieces_of(
    corpus: Corpus, digests: Sequence[str], split: TextSplit, reader: Reader
) -> Callable[[], Iterator[tuple[int, Any]]]:
    """What reads the text through once, as blocks with the part they belong to, parts in order."""
    if corpus.one_file:
        (file,) = corpus.files
        cuts = cut(sum(map(len, reader(file))), split.shares)
        return lambda: cut_file(file, cuts, reader)
    parts = split.parts_of(corpus, digests)
    return lambda: whole_files(corpus.files, parts, reader)


def cut_file(file: Path, cuts: tuple[int, int], reader: Reader) -> Iterator[tuple[int, Any]]:
    """One text, cut at two places."""
    position = 0
    for block in reader(file):
        edges = [min(max(edge - position, 0), len(block)) for edge in (0, *cuts)] + [len(block)]
        for part in range(3):
            yield part, block[edges[part] : edges[part + 1]]
        position += len(block)


def whole_files(files: Sequence[Path], parts: list[int], reader: Reader) -> Iterator[tuple[int, Any]]:
    """Many texts, each in one part."""
    for part in range(3):
        for file, own in zip(files, parts, strict=True):
            if own == part:
                for block in reader(file):
                    yield part, block
