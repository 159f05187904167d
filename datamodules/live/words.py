"""Words, Sentences and RawBytes: text from a pipe where a step is no character."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import torch
from torch import Tensor

from datamodules.live.lines import lines
from datamodules.live.reader import LINE, NEVER, SOURCE, Reader, Stretch
from datamodules.texts.corpus import decoded


class Words(Reader):
    """UTF-8 text, a step a word; a word is read when the blank after it has come.

    Args:
        words: a text to its words; it must divide at every blank, and may divide nowhere else but after
            `longest` characters.
        encode: words to their ids.
        outputs: the words by id.
        longest: characters of the longest word.
    """

    unit = "text, a step a word"
    resets = (NEVER, LINE)
    says_next = True

    def __init__(
        self,
        *,
        words: Callable[[str], Sequence[str]],
        encode: Callable[[Sequence[str]], Tensor],
        outputs: Sequence[str],
        longest: int,
    ) -> None:
        self.words, self.encode, self.outputs, self.longest = words, encode, outputs, longest

    def stretches(self, pieces: Iterable[bytes], *, reset_on: str = NEVER) -> Iterator[Stretch]:
        waiting = ""
        for text in decoded(pieces, SOURCE):
            waiting += text
            whole = len(waiting)  # characters of whole words, blanks after them included
            while whole and not waiting[whole - 1].isspace():
                whole -= 1
            whole += (len(waiting) - whole) // self.longest * self.longest
            yield from self._stretches(self.words(waiting[:whole]), reset_on)
            waiting = waiting[whole:]
        yield from self._stretches(self.words(waiting), reset_on)

    def _stretches(self, words: Sequence[str], reset_on: str) -> Iterator[Stretch]:
        start = 0
        ends = [n for n, word in enumerate(words, start=1) if word == "\n"] if reset_on == LINE else []
        for stop in [*ends, len(words)]:
            if stop > start:
                part = words[start:stop]
                yield Stretch(self.encode(part), {"word": part}, is_last=stop in ends)
            start = stop


class Sentences(Reader):
    """UTF-8 text, a sequence a line; a line is read when it has ended.

    Args:
        symbols: a line to what its steps are.
        encode: a line to the ids of these, as many.
        step: what a step is, in the singular.
        outputs: names of the classes.
    """

    resets = (LINE,)

    def __init__(
        self,
        *,
        symbols: Callable[[str], Sequence[str]],
        encode: Callable[[str], Tensor],
        step: str,
        outputs: Sequence[str],
    ) -> None:
        self.symbols, self.encode, self.step, self.outputs = symbols, encode, step, outputs
        self.unit = f"text, a sequence a line, a step a {step}"

    def stretches(self, pieces: Iterable[bytes], *, reset_on: str = LINE) -> Iterator[Stretch]:
        for found in lines(pieces):
            for line in found:
                yield Stretch(self.encode(line), {self.step: self.symbols(line)}, is_last=True)


class RawBytes(Reader):
    """Bytes of anything, a step a byte, which is its own id.

    Args:
        outputs: how each byte is shown, (256,).
    """

    unit = "bytes"
    says_next = True

    def __init__(self, *, outputs: Sequence[str]) -> None:
        self.outputs = outputs

    def stretches(self, pieces: Iterable[bytes], *, reset_on: str = NEVER) -> Iterator[Stretch]:
        for piece in pieces:
            ids = torch.tensor(list(piece), dtype=torch.int64)
            yield Stretch(ids, {"byte": [self.outputs[number] for number in piece]})
