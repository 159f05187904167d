"""Corpus: which files a text is made of, and how they are read."""

from __future__ import annotations

import codecs
import platform
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from datamodules.files import byte_blocks, find_files, walk
from elman.errors import BadInput

# Tests repeat themselves and hold broken text on purpose; _sysconfigdata differs from build to build.
LEFT_OUT = {"test", "tests", "idle_test", "site-packages", "dist-packages", "__pycache__"}
BUILD_RECORD = "_sysconfigdata"


@dataclass(frozen=True)
class Corpus:
    """Files of UTF-8 text in a settled order.

    Args:
        source: what to call it.
        root: the file, or the folder that holds the files.
        files: in the order of their paths relative to `root`, compared as plain strings.
        skipped: files that were seen and left out: of another suffix, hidden, links, unreadable text.
        one_file: `root` itself is the text.
    """

    source: str
    root: Path
    files: tuple[Path, ...]
    skipped: int
    one_file: bool


def find(path: str | None, suffixes: Sequence[str]) -> Corpus:
    """The text at `path`; None is Python's own standard library.

    In a folder, and in the folders inside it, files whose name ends in one of `suffixes` are the text.
    Hidden files and folders are left out, and links are not followed, so nothing outside the folder
    and nothing twice is read.

    Raises:
        BadInput: if there is nothing to read.
    """
    if path is None:
        return standard_library()
    root, files, others = find_files(path, suffixes, way_out="set data.suffixes to those that are text")
    return Corpus(
        source=root.name, root=root, files=tuple(files), skipped=len(others), one_file=files == [root]
    )


def standard_library() -> Corpus:
    """The modules of the running Python, tests left out; real text that is on every machine."""
    root = Path(sysconfig.get_paths()["stdlib"])
    modules, _ = walk(root, (".py",), left_out=LEFT_OUT)
    modules = [file for file in modules if not file.name.startswith(BUILD_RECORD)]
    files = tuple(file for file in modules if is_text(file))
    if not files:
        raise BadInput(
            f"{root}: this Python comes without its library's source; set data.path to a text of yours"
        )
    return Corpus(
        source=f"python {platform.python_version()} standard library",
        root=root,
        files=files,
        skipped=len(modules) - len(files),
        one_file=False,
    )


def text_blocks(file: Path) -> Iterator[str]:
    """The text of a file, a block at a time; nothing is changed, line ends included.

    Raises:
        BadInput: if the file cannot be read, is not UTF-8 or holds a NUL byte.
    """
    return decoded(byte_blocks(file), str(file))


def decoded(blocks: Iterable[bytes], name: str) -> Iterator[str]:
    """UTF-8 text from bytes that may be cut anywhere; what comes before a fault is given before it is raised.

    Args:
        name: of where the bytes come from, for messages.

    Raises:
        BadInput: if they are not UTF-8 or hold a NUL byte.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    offset, line = 0, 1  # of the first byte that the decoder has not turned into text yet
    for block in chain(blocks, [b""]):
        waiting, fault = decoder.getstate()[0], ""
        nul = block.find(0)
        try:
            text = decoder.decode(block if nul < 0 else block[:nul], final=not block)
        except UnicodeDecodeError as error:
            text, bad = error.object[: error.start].decode(), error.object[error.start]
            fault = (
                f"not UTF-8 at byte {offset + error.start}, "
                f"line {line + error.object.count(10, 0, error.start)} (0x{bad:02x}); "
                "convert it, for example with `iconv -f latin1 -t utf-8`"
            )
        if nul >= 0:
            fault = (
                f"NUL byte at byte {offset + len(waiting) + nul}, so this is not plain text "
                "(a binary file, or UTF-16); give UTF-8 text"
            )
        if text:
            yield text
        if fault:
            raise BadInput(f"{name}: {fault}")
        offset += len(waiting) + len(block) - len(decoder.getstate()[0])
        line += block.count(b"\n")


def is_text(file: Path) -> bool:
    """Whether all of a file reads as UTF-8 text."""
    try:
        for _ in text_blocks(file):
            pass
    except BadInput:
        return False
    return True
