"""From text to ids: count, choose the alphabet or vocabulary, encode, each in one pass over the files."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from datamodules.files import digest
from datamodules.texts.alphabet import CODEPOINTS, Alphabet, codepoints
from datamodules.texts.corpus import Corpus, text_blocks
from datamodules.texts.id_file import FORMAT, Header, read_or_build
from datamodules.texts.lanes import IdStream, PairStream
from datamodules.texts.splits import Named, Split, assign, cut
from datamodules.texts.symbols import Symbols
from datamodules.texts.vocabulary import Vocabulary
from datamodules.texts.word_counts import WordCounts, word_blocks
from elman.errors import BadInput

log = logging.getLogger(__name__)

Reader = Callable[[Path], Iterator[Any]]
"""From a file to what it is made of, a block at a time: arrays of codepoints, or lists of words."""

Pieces = Iterator[tuple[int, Any]]


@dataclass(frozen=True)
class TextIds:
    """A text as ids.

    Args:
        alphabet: what the ids stand for, made from the training part alone.
        parts: training, validation and test.
        unknown: symbols of each part that the alphabet does not list; None where they were not counted.
        digest: of the content: of one file its SHA-256, of a folder that of all names and digests; or of less
            where `facts` say so.
        facts: what else there is to say.
        train_pairs: steps of the training part, where they can only be estimated.
    """

    alphabet: Symbols
    parts: Sequence[IdStream | PairStream]
    unknown: list[int] | None
    digest: str
    facts: dict[str, Any] = field(default_factory=dict)
    train_pairs: int | None = None


def prepare(
    corpus: Corpus,
    *,
    split: Split,
    seed: int,
    max_symbols: int,
    cache: Path,
    words: bool = False,
    named: Named | None = None,
) -> TextIds:
    """Ids of `corpus`, from `cache` if they are there.

    They are kept under a key of the content and of all that decides the alphabet. The content is
    read each time to tell whether it changed (1 s a GB); encoding takes three more passes, of words four.
    Memory does not depend on the size of the text.
    """
    digests = [digest(file) for file in corpus.files]
    content = digests[0] if corpus.one_file else folder_digest(corpus, digests)
    decides = [FORMAT, corpus.one_file, content, split, seed, max_symbols]
    decides += ["words"] if words else []
    decides += [[named.val, named.test]] if named else []
    key = hashlib.sha256(json.dumps(decides).encode()).hexdigest()

    def build() -> tuple[Header, Iterator[np.ndarray]]:
        log.info("encoding %s, once; the ids are kept in %s", corpus.source, cache)
        how = encode_words if words else encode
        return how(corpus, digests, split=split, seed=seed, max_symbols=max_symbols, key=key, named=named)

    header, parts = read_or_build(cache / f"text-{key[:32]}.ids", key, build)
    listed = header.characters
    symbols = Vocabulary(listed.split(" ") if listed else []) if words else Alphabet(listed)
    return TextIds(symbols, parts, header.unknown, content)


def folder_digest(corpus: Corpus, digests: list[str]) -> str:
    """SHA-256 over the lines that `sha256sum` prints in the folder, in the order of the names."""
    lines = (
        f"{value}  {file.relative_to(corpus.root).as_posix()}\n"
        for value, file in zip(digests, corpus.files, strict=True)
    )
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def encode(
    corpus: Corpus,
    digests: list[str],
    *,
    split: Split,
    seed: int,
    max_symbols: int,
    key: str,
    named: Named | None = None,
) -> tuple[Header, Iterator[np.ndarray]]:
    """The header of the id file, and the ids of the characters part after part."""

    def reader(file: Path) -> Iterator[np.ndarray]:
        return map(codepoints, text_blocks(file))

    pieces = pieces_of(corpus, digests, split, seed, reader=reader, named=named)
    counts = np.zeros((3, CODEPOINTS), dtype=np.int64)
    for part, points in pieces():
        found = np.bincount(points)
        counts[part, : len(found)] += found
    if not counts.any():
        raise BadInput(f"{corpus.root}: is empty; give a text to learn from")
    alphabet = Alphabet.most_frequent(counts[0], max_symbols)
    known = counts[:, codepoints(alphabet.characters)].sum(axis=1)
    total = counts.sum(axis=1)
    header = Header(
        key=key,
        characters=alphabet.characters,
        dtype=alphabet.dtype.name,
        counts=total.tolist(),
        unknown=(total - known).tolist(),
    )
    return header, (alphabet.table[points] for _, points in pieces())


def encode_words(
    corpus: Corpus,
    digests: list[str],
    *,
    split: Split,
    seed: int,
    max_symbols: int,
    key: str,
    named: Named | None = None,
) -> tuple[Header, Iterator[np.ndarray]]:
    """The header of the id file, and the ids of the words part after part."""
    pieces = pieces_of(corpus, digests, split, seed, reader=word_blocks, named=named)
    counts = WordCounts()
    for part, found in pieces():
        if part == 0:
            counts.add(found)
    vocabulary = Vocabulary.most_frequent(counts.counts, max_symbols)
    total, unknown = [0, 0, 0], [0, 0, 0]
    for part, found in pieces():
        total[part] += len(found)
        unknown[part] += int((vocabulary.number(found) == 0).sum())
    if not any(total):
        raise BadInput(f"{corpus.root}: is empty; give a text to learn from")
    header = Header(
        key=key,
        characters=" ".join(vocabulary.words),
        dtype=vocabulary.dtype.name,
        counts=total,
        unknown=unknown,
    )
    return header, (vocabulary.number(found) for _, found in pieces())


def pieces_of(
    corpus: Corpus, digests: list[str], split: Split, seed: int, *, reader: Reader, named: Named | None
) -> Callable[[], Pieces]:
    """What reads the text through once, as pieces with the part they belong to, parts in order."""
    if corpus.one_file:
        (file,) = corpus.files
        cuts = cut(sum(map(len, reader(file))), split)
        return lambda: cut_file(file, cuts, reader)
    sides = sides_of(corpus, digests, split, seed, named)
    return lambda: whole_files(corpus.files, sides, reader)


def sides_of(
    corpus: Corpus, digests: Sequence[str], split: Split, seed: int, named: Named | None
) -> list[int]:
    """The part of each file of a folder.

    Raises:
        BadInput: if the files cannot make the parts.
    """
    if named is not None:
        try:
            return named.sides([file.relative_to(corpus.root).as_posix() for file in corpus.files])
        except ValueError as error:
            raise BadInput(f"{corpus.root}: {error}; change data.val_files or data.test_files") from error
    try:
        return assign(digests, [os.path.getsize(file) for file in corpus.files], split, seed)
    except ValueError as error:
        raise BadInput(
            f"{corpus.root}: {error}, and each part is made of whole files (data.split={list(split)}); "
            "add files, or set data.path to one file, which is cut by characters"
        ) from error


def cut_file(file: Path, cuts: tuple[int, int], reader: Reader) -> Pieces:
    """One text, cut at two places."""
    position = 0
    for block in reader(file):
        edges = [min(max(edge - position, 0), len(block)) for edge in (0, *cuts)] + [len(block)]
        for part in range(3):
            yield part, block[edges[part] : edges[part + 1]]
        position += len(block)


def whole_files(files: tuple[Path, ...], sides: list[int], reader: Reader) -> Pieces:
    """Many texts, each in one part."""
    for part in range(3):
        for file, side in zip(files, sides, strict=True):
            if side == part:
                for block in reader(file):
                    yield part, block
