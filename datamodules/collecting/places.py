"""Places: where many examples stand, as file and line, without a string for each."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import overload

import numpy as np


class Places(Sequence[str]):
    """Names such as "train/pos.txt:17", made when read.

    Args:
        root: what files are named relative to; itself, if it is the one file.
        files: all of them.
    """

    def __init__(self, root: Path, files: Sequence[Path]) -> None:
        self.names = [file.name if file == root else file.relative_to(root).as_posix() for file in files]
        self._files, self._lines = array("i"), array("q")

    def add(self, file: int, line: int) -> None:
        """The next example stands in file number `file`; line 0: it is all of the file."""
        self._files.append(file)
        self._lines.append(line)

    def keep(self, kept: np.ndarray) -> None:
        """Forget the places that `kept`, (N,) bool, leaves out."""
        self._files = array("i", np.asarray(self._files)[kept].tolist())
        self._lines = array("q", np.asarray(self._lines)[kept].tolist())

    def __len__(self) -> int:
        return len(self._files)

    @overload
    def __getitem__(self, number: int) -> str: ...

    @overload
    def __getitem__(self, number: slice) -> list[str]: ...

    def __getitem__(self, number: int | slice) -> str | list[str]:
        if isinstance(number, slice):
            return [self[i] for i in range(*number.indices(len(self)))]
        return self.name(self._files[number], self._lines[number])

    def name(self, file: int, line: int) -> str:
        """What a place is called."""
        return f"{self.names[file]}:{line}" if line else self.names[file]
