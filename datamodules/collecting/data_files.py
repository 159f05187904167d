"""The files that a path stands for."""

from __future__ import annotations

import stat
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from datamodules.texts.corpus import kind, unreadable, walk
from elman.errors import BadInput


def find_files(path: str, suffixes: Sequence[str], *, argument: str) -> tuple[Path, list[Path], int]:
    """A file, or those of a folder and the folders inside it whose names end in one of `suffixes`.

    Hidden files and folders are left out, and links are not followed.

    Returns:
        The path as given, the files in the order of their names, and how many others the folder holds.

    Raises:
        BadInput: if there is none.
    """
    root = Path(path)
    try:
        root = root.expanduser()
        mode = root.stat().st_mode
    except (OSError, ValueError, RuntimeError) as error:
        raise unreadable(root, error) from error
    if stat.S_ISREG(mode):
        return root, [root], 0
    if not stat.S_ISDIR(mode):
        raise BadInput(f"{root}: neither a file nor a folder; set {argument} to a file or a folder of files")
    files, others = walk(root, tuple(suffixes))
    if not files:
        seen = ", ".join(f"{count} {what}" for what, count in Counter(map(kind, others)).most_common(5))
        raise BadInput(
            f"{root}: holds no file whose name ends in {' or '.join(suffixes)} (seen: {seen or 'no file'}); "
            f"set {argument} to a folder of such"
        )
    return root, files, len(others)
