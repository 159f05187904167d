"""From text to ids: count, choose the alphabet, encode, each in one pass over the files."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datamodules.alphabet import CODEPOINTS, Alphabet, codepoints
from datamodules.corpus import Corpus, digest, text_blocks
from datamodules.id_file import FORMAT, Header, Ids, read_or_build
from datamodules.splits import Split, assign, cut
from elman.errors import BadInput

log = logging.getLogger(__name__)

Pieces = Iterator[tuple[int, np.ndarray]]


@dataclass(frozen=True)
class TextIds:
    """A text as ids.

    Args:
        alphabet: made from the training part alone.
        parts: training, validation and test.
        unknown: characters of each part that the alphabet does not list.
        digest: of the content: of one file its SHA-256, of a folder that of all names and digests.
    """

    alphabet: Alphabet
    parts: list[Ids]
    unknown: list[int]
    digest: str


def prepare(corpus: Corpus, *, split: Split, seed: int, max_symbols: int, cache: Path) -> TextIds:
    """Ids of `corpus`, from `cache` if they are there.

    They are kept under a key of the content and of all that decides the alphabet. The content is
    read each time to tell whether it changed (1 s a GB); encoding takes three more passes.
    Memory does not depend on the size of the text.
    """
    digests = [digest(file) for file in corpus.files]
    content = digests[0] if corpus.one_file else folder_digest(corpus, digests)
    key = hashlib.sha256(
        json.dumps([FORMAT, corpus.one_file, content, split, seed, max_symbols]).encode()
    ).hexdigest()

    def build() -> tuple[Header, Iterator[np.ndarray]]:
        log.info("encoding %s, once; the ids are kept in %s", corpus.source, cache)
        return encode(corpus, digests, split=split, seed=seed, max_symbols=max_symbols, key=key)

    header, parts = read_or_build(cache / f"text-{key[:32]}.ids", key, build)
    return TextIds(Alphabet(header.characters), parts, header.unknown, content)


def folder_digest(corpus: Corpus, digests: list[str]) -> str:
    """SHA-256 over the lines that `sha256sum` prints in the folder, in the order of the names."""
    lines = (
        f"{value}  {file.relative_to(corpus.root).as_posix()}\n"
        for value, file in zip(digests, corpus.files, strict=True)
    )
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def encode(
    corpus: Corpus, digests: list[str], *, split: Split, seed: int, max_symbols: int, key: str
) -> tuple[Header, Iterator[np.ndarray]]:
    """The header of the id file, and the ids part after part."""
    pieces = pieces_of(corpus, digests, split, seed)
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


def pieces_of(corpus: Corpus, digests: list[str], split: Split, seed: int) -> Callable[[], Pieces]:
    """What reads the text through once, as codepoints with the part they belong to, parts in order."""
    if corpus.one_file:
        (file,) = corpus.files
        cuts = cut(sum(map(len, text_blocks(file))), split)
        return lambda: cut_file(file, cuts)
    try:
        sides = assign(digests, [os.path.getsize(file) for file in corpus.files], split, seed)
    except ValueError as error:
        raise BadInput(
            f"{corpus.root}: {error}, and each part is made of whole files (data.split={list(split)}); "
            "add files, or set data.path to one file, which is cut by characters"
        ) from error
    return lambda: whole_files(corpus.files, sides)


def cut_file(file: Path, cuts: tuple[int, int]) -> Pieces:
    """One text, cut at two characters."""
    position = 0
    for text in text_blocks(file):
        points = codepoints(text)
        edges = [min(max(edge - position, 0), len(points)) for edge in (0, *cuts)] + [len(points)]
        for part in range(3):
            yield part, points[edges[part] : edges[part + 1]]
        position += len(points)


def whole_files(files: tuple[Path, ...], sides: list[int]) -> Pieces:
    """Many texts, each in one part."""
    for part in range(3):
        for file, side in zip(files, sides, strict=True):
            if side == part:
                for text in text_blocks(file):
                    yield part, codepoints(text)
