"""Characters: text from a pipe, a step a character."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from torch import Tensor

from datamodules.live.reader import BLANK, LINE, NEVER, SOURCE, Reader, Stretch
from datamodules.texts.corpus import decoded

ENDS = {LINE: re.compile("\n"), BLANK: re.compile("\n\r?\n")}


class Symbols(Protocol):
    """Ids of characters, an `Alphabet`."""

    def __len__(self) -> int: ...
    def encode(self, text: str) -> Tensor: ...
    def decode(self, ids: Sequence[int]) -> str: ...


class Characters(Reader):
    """UTF-8 text, read as it is: no character is changed, line ends included.

    A character may be cut between two pieces. With `reset_on` line, a line end is the last step of its
    sequence; with blank, the line end of an empty line is.

    Args:
        symbols: ids of characters.
    """

    unit = "text"
    resets = (NEVER, LINE, BLANK)
    says_next = True

    def __init__(self, symbols: Symbols) -> None:
        self.symbols = symbols
        self.outputs = [symbols.decode([number]) for number in range(len(symbols))]

    def stretches(self, pieces: Iterable[bytes], *, reset_on: str = NEVER) -> Iterator[Stretch]:
        before = ""  # the end of the sequence so far, where an end of sequence may have begun
        for text in decoded(pieces, SOURCE):
            start = 0
            if reset_on != NEVER:
                for end in ENDS[reset_on].finditer(before + text):
                    stop = end.end() - len(before)
                    yield self._stretch(text[start:stop], is_last=True)
                    start = stop
                before = (before + text)[-2:] if start == 0 else text[start:][-2:]
            if start < len(text):
                yield self._stretch(text[start:])

    def _stretch(self, text: str, *, is_last: bool = False) -> Stretch:
        return Stretch(self.symbols.encode(text), {"character": list(text)}, is_last)
