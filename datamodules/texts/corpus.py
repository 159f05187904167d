"""Corpus: which files a text is made of, and how they are read."""

from __future__ import annotations

import codecs
import hashlib
import os
import platform
import stat
import sysconfig
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from elman.errors import BadInput

# As fast as 1 MiB, and a rare wide character, which makes all of a block wide, costs 50 MiB less at the peak.
BLOCK_BYTES = 1 << 16
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
    root = Path(path)
    try:
        root = root.expanduser()
        mode = root.stat().st_mode
    except (OSError, ValueError, RuntimeError) as error:
        raise unreadable(root, error) from error
    if stat.S_ISREG(mode):
        return Corpus(source=root.name, root=root, files=(root,), skipped=0, one_file=True)
    if not stat.S_ISDIR(mode):
        raise BadInput(
            f"{root}: neither a file nor a folder; set data.path to a text file or a folder of them"
        )
    kept, others = walk(root, tuple(suffixes))
    if not kept:
        seen = ", ".join(f"{count} {suffix}" for suffix, count in Counter(map(kind, others)).most_common(5))
        raise BadInput(
            f"{root}: holds no file whose name ends in {' or '.join(suffixes)} (seen: {seen or 'no file'}); "
            "set data.suffixes to those that are text"
        )
    return Corpus(source=root.name, root=root, files=tuple(kept), skipped=len(others), one_file=False)


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


def walk(
    root: Path, suffixes: tuple[str, ...], left_out: set[str] | None = None
) -> tuple[list[Path], list[Path]]:
    """The files below `root` that count as text, and the others."""

    def refuse(error: OSError) -> None:
        raise unreadable(Path(error.filename), error) from error

    kept: list[Path] = []
    others: list[Path] = []
    for folder, folders, names in os.walk(root, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in (left_out or ())]
        for name in names:
            file = Path(folder, name)
            plain = not name.startswith(".") and stat.S_ISREG(file.lstat().st_mode)
            (kept if plain and name.endswith(suffixes) else others).append(file)

    def place(file: Path) -> str:
        return file.relative_to(root).as_posix()

    return sorted(kept, key=place), sorted(others, key=place)


def kind(file: Path) -> str:
    """What to call a file that was left out."""
    if file.is_symlink():
        return "link"
    return "hidden" if file.name.startswith(".") else file.suffix or "without a suffix"


def digest(file: Path) -> str:
    """SHA-256 of a file's bytes, as `sha256sum` prints it."""
    total = hashlib.sha256()
    for block in byte_blocks(file):
        total.update(block)
    return total.hexdigest()


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


def byte_blocks(file: Path) -> Iterator[bytes]:
    try:
        with file.open("rb", buffering=0) as stream:
            while block := stream.read(BLOCK_BYTES):
                yield block
    except OSError as error:
        raise unreadable(file, error) from error


def unreadable(path: Path, error: Exception) -> BadInput:
    """What to say of a path that the operating system refuses."""
    if isinstance(error, FileNotFoundError):
        return BadInput(f"{path}: no such file or folder; check data.path (relative to {Path.cwd()})")
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return BadInput(f"{path}: cannot be read ({reason}); data.path must be readable by you")
