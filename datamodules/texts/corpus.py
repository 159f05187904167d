"""Corpus: which files a text is made of."""

from __future__ import annotations

import platform
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from datamodules.files import find_files, walk
from datamodules.texts.utf8 import is_text
from elman.errors import BadInput

# Tests repeat themselves and hold broken text on purpose; _sysconfigdata differs from build to build.
LEFT_OUT = {"test", "tests", "idle_test", "site-packages", "dist-packages", "__pycache__"}
BUILD_RECORD = "_sysconfigdata"


@dataclass(frozen=True)
class Corpus:
    """Files of text in a fixed order.

    Args:
        source: what to call it.
        root: the file, or the folder that holds the files.
        files: in the order of their paths relative to `root`, compared as plain strings.
        others: files that were left out: of another suffix, hidden, links, unreadable text.
    """

    source: str
    root: Path
    files: Sequence[Path]
    others: Sequence[Path]

    @property
    def one_file(self) -> bool:
        """`root` itself is the text."""
        return list(self.files) == [self.root]


def find(path: str | None, suffixes: Sequence[str]) -> Corpus:
    """The text at `path`, as `find_files` finds it; None is Python's own standard library.

    Raises:
        BadInput: if there is nothing to read.
    """
    if path is None:
        return standard_library()
    root, files, others = find_files(path, suffixes, way_out="set data.suffixes to those that are text")
    return Corpus(source=root.name, root=root, files=files, others=others)


def standard_library() -> Corpus:
    """The modules of the running Python, tests left out; real text that is on every machine."""
    root = Path(sysconfig.get_paths()["stdlib"])
    modules, _ = walk(root, (".py",), left_out=LEFT_OUT)
    modules = [file for file in modules if not file.name.startswith(BUILD_RECORD)]
    files = [file for file in modules if is_text(file)]
    if not files:
        raise BadInput(
            f"{root}: this Python comes without its library's source; set data.path to a text of yours"
        )
    source = f"python {platform.python_version()} standard library"
    kept = set(files)
    return Corpus(source=source, root=root, files=files, others=[f for f in modules if f not in kept])
