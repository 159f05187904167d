"""Which files a path stands for."""

from __future__ import annotations

import os
import re
import stat
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

from datamodules.files.read import reading, relative_name, unreadable
from elman.errors import BadInput

MOST_NAMED = 8
"""Suffixes that a message names."""


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
        ends = [*dict.fromkeys(suffix.lower() for suffix in suffixes)]
        ends[MOST_NAMED:] = [f"{len(ends) - MOST_NAMED} others"] if len(ends) > MOST_NAMED else []
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


def not_read(files: Sequence[Path]) -> list[str]:
    """A line of a summary on files that were left out, by their kind; none where there are none."""
    counts = Counter(map(kind, files)).most_common()
    seen = ", ".join(f"{count:,} {what}" for what, count in counts[:8])
    more = f" and {len(counts) - 8} more kinds" if len(counts) > 8 else ""
    return [f"not read, by their names: {seen}{more}"] if counts else []


def natural(name: str) -> list[tuple[int, str]]:
    """Sorts names by their text and the numbers in them, numbers by their value: x_9 before x_10."""
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]
