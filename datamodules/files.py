"""Files: which ones a path stands for, what is in them, and writing them whole or not at all."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import stat
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from elman.errors import BadInput

# As fast as 1 MiB, and a rare wide character, which makes all of a block wide, costs 50 MiB less at the peak.
BLOCK_BYTES = 1 << 16
LARGEST_READ = 256 << 20
"""Bytes that all files of a data set together may have to be read for a digest."""


class Found(NamedTuple):
    """What a path stands for.

    Args:
        root: the path with `~` expanded: the file itself, or the folder that holds all files.
        files: in the order of their paths relative to `root`, compared as plain strings.
        others: files of the folder that are left out: of another suffix, hidden, or links.
    """

    root: Path
    files: list[Path]
    others: list[Path]


def find_files(
    path: str, suffixes: Sequence[str], *, argument: str = "data.path", way_out: str | None = None
) -> Found:
    """A file, or those of a folder and the folders inside it whose names end in one of `suffixes`.

    Args:
        argument: that holds `path`, for messages.
        way_out: ends the message when no name fits; None: to set `argument` to a folder of such files.

    Raises:
        BadInput: if there is none.
    """
    root, is_folder = look_up(path, wanted=f"set {argument} to a file or a folder of files")
    if not is_folder:
        return Found(root, [root], [])
    files, others = walk(root, suffixes)
    if not files:
        ends = dict.fromkeys(suffix.lower() for suffix in suffixes)
        seen = ", ".join(f"{count} {what}" for what, count in Counter(map(kind, others)).most_common(5))
        raise BadInput(
            f"{root}: holds no file whose name ends in {' or '.join(ends)} (seen: {seen or 'no file'}); "
            f"{way_out or f'set {argument} to a folder of such'}"
        )
    return Found(root, files, others)


def look_up(path: str | Path, *, wanted: str) -> tuple[Path, bool]:
    """The path with `~` expanded, and whether it is a folder.

    Args:
        wanted: ends the message when it is neither a file nor a folder.

    Raises:
        BadInput: if it is neither, or cannot be looked up.
    """
    root = Path(path)
    with reading(root, (OSError, ValueError, RuntimeError)):
        root = root.expanduser()
        mode = root.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise BadInput(f"{root}: neither a file nor a folder; {wanted}")
    return root, stat.S_ISDIR(mode)


def walk(
    root: Path, suffixes: Sequence[str], *, left_out: Collection[str] = ()
) -> tuple[list[Path], list[Path]]:
    """The files below `root` whose names end in one of `suffixes`, and the others, both by relative path.

    Links are not followed, and hidden files are among the others, so that nothing outside the folder and
    nothing twice is read. Hidden folders and those named in `left_out` are not looked into.

    Raises:
        BadInput: if a folder cannot be read.
    """

    def refuse(error: OSError) -> None:
        raise unreadable(Path(error.filename), error) from error

    kept: list[Path] = []
    others: list[Path] = []
    for folder, folders, names in os.walk(root, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in left_out]
        for name in names:
            file = Path(folder, name)
            plain = not name.startswith(".") and stat.S_ISREG(file.lstat().st_mode)
            (kept if plain and name.endswith(tuple(suffixes)) else others).append(file)
    for files in (kept, others):
        files.sort(key=lambda file: relative_name(file, root))
    return kept, others


def any_case(suffixes: Sequence[str]) -> tuple[str, ...]:
    """The suffixes, given in lower case, and in capitals."""
    return (*suffixes, *(suffix.upper() for suffix in suffixes))


def kind(file: Path) -> str:
    """What to call a file that was left out."""
    if file.is_symlink():
        return "link"
    return "hidden" if file.name.startswith(".") else file.suffix or "without a suffix"


def relative_name(file: Path, root: Path) -> str:
    """The path of `file` inside `root`, with forward slashes; of the root itself its name."""
    return file.name if file == root else file.relative_to(root).as_posix()


def natural(name: str) -> list[tuple[int, str]]:
    """Sorts names by their text and the numbers in them, numbers by their value: x_9 before x_10."""
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]


def byte_blocks(file: Path) -> Iterator[bytes]:
    """The bytes of a file, a block at a time.

    Raises:
        BadInput: if it cannot be read.
    """
    with reading(file), file.open("rb", buffering=0) as stream:
        while block := stream.read(BLOCK_BYTES):
            yield block


def digest(file: Path, algorithm: str = "sha256") -> str:
    """Hex digest of a file's bytes, as `sha256sum` prints it.

    Raises:
        BadInput: if it cannot be read.
    """
    with reading(file), file.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.new(algorithm, usedforsecurity=False)).hexdigest()


def digest_of(files: Sequence[Path], root: Path) -> tuple[str, bool]:
    """SHA-256 over the names of `files` relative to `root`, and their content where it is at most 256 MiB.

    Larger data is distinguished by names and sizes alone, so that its digest does not read all of it.

    Returns:
        The hex digest, and whether it is of the content.

    Raises:
        BadInput: if a file cannot be read.
    """
    sizes = []
    for file in files:
        with reading(file):
            sizes.append(file.stat().st_size)
    read = sum(sizes) <= LARGEST_READ
    total = hashlib.sha256()
    for file, size in zip(files, sizes, strict=True):
        name = "" if file == root else relative_name(file, root)
        total.update(f"{size} {name}\n".encode("utf-8", "surrogateescape"))
        for block in byte_blocks(file) if read else ():
            total.update(block)
    return total.hexdigest(), read


@contextmanager
def reading(path: Path, errors: tuple[type[Exception], ...] = (OSError,)) -> Iterator[None]:
    """Turns an error of the block that is one of `errors` into `unreadable`."""
    try:
        yield
    except errors as error:
        raise unreadable(path, error) from error


def first_line(error: Exception) -> str:
    """What an error says, in at most 120 characters; the name of its class if it says nothing."""
    return str(error).split("\n", 1)[0][:120] or type(error).__name__


def unreadable(path: Path, error: Exception) -> BadInput:
    """The message for a path that the operating system refuses."""
    if isinstance(error, FileNotFoundError):
        return BadInput(f"{path}: no such file or folder; check data.path (relative to {Path.cwd()})")
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return BadInput(f"{path}: cannot be read ({reason}); data.path must be readable by you")


def cache_folder(name: str = "") -> Path:
    """`$XDG_CACHE_HOME/elman/NAME`, or `~/.cache/elman/NAME`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "elman" / name


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """Hold `path` against other processes; the system releases it when this one dies.

    Its folder is made when missing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def atomic_write(path: Path, *, sync: bool = False) -> Iterator[Path]:
    """Where to write the file or folder that becomes `path` when the block ends, and is gone if it raises.

    It lies beside `path`, whose folder is made when missing. What a killed process has left there is
    replaced. Processes that may write the same path at the same time need a `lock`.

    Args:
        sync: wait until the disk has all of it; for files that a dying machine may not cut short.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    _remove(part)
    try:
        yield part
        if sync:
            with part.open("rb+") as file:
                os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        _remove(part)
        raise


def make_once(path: Path, make: Callable[[Path], None]) -> None:
    """Make the file or folder `path`, unless it is there; one process makes it while others wait.

    Args:
        make: writes it at the path it is given, as `atomic_write` has it.
    """
    if path.exists():
        return
    with lock(path.with_name(f".{path.name}.lock")):
        if not path.exists():
            with atomic_write(path) as part:
                make(part)


def write_whole(path: Path, text: str) -> None:
    """Write a text file by `atomic_write`."""
    with atomic_write(path) as part:
        part.write_text(text, encoding="utf-8")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
