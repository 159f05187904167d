"""Characters, Words, Sentences and RawBytes: text from a pipe."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

import torch
from torch import Tensor

from datamodules.live.lines import lines
from datamodules.live.reader import BLANK, LINE, NEVER, SOURCE, Chunk, Reader
from datamodules.texts.alphabet import Alphabet
from datamodules.texts.utf8 import decoded
from datamodules.texts.vocabulary import Vocabulary, word_blocks

ENDS = {LINE: re.compile("\n"), BLANK: re.compile("\n\r?\n")}


class Characters(Reader):
    """UTF-8 text, a step a character; no character is changed, line ends included.

    A character may be cut between two pieces. With `reset_on` line, a line end is the last step of its
    sequence; with blank, the line end of an empty line is.
    """

    unit = "text"
    resets = (NEVER, LINE, BLANK)
    predicts_next = True

    def __init__(self, alphabet: Alphabet) -> None:
        self.alphabet = alphabet
        self.outputs = [alphabet.decode([number]) for number in range(len(alphabet))]

    def chunks(self, pieces: Iterable[bytes], *, reset_on: str = NEVER) -> Iterator[Chunk]:
        before = ""  # the end of the sequence so far, where an end of sequence may have begun
        for text in decoded(pieces, SOURCE):
            start = 0
            if reset_on != NEVER:
                for end in ENDS[reset_on].finditer(before + text):
                    stop = end.end() - len(before)
                    yield self._chunk(text[start:stop], is_last=True)
                    start = stop
                before = (before + text)[-2:] if start == 0 else text[start:][-2:]
            if start < len(text):
                yield self._chunk(text[start:])

    def _chunk(self, text: str, *, is_last: bool = False) -> Chunk:
        return Chunk(self.alphabet.encode(text), {"character": list(text)}, is_last)


class Words(Reader):
    """UTF-8 text, a step a word; a word is read when the blank after it has come."""

    unit = "text, a step a word"
    resets = (NEVER, LINE)
    predicts_next = True

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.outputs = [vocabulary.decode([number]) for number in range(len(vocabulary))]

    def chunks(self, pieces: Iterable[bytes], *, reset_on: str = NEVER) -> Iterator[Chunk]:
        for words in word_blocks(decoded(pieces, SOURCE)):
            ends = [n for n, word in enumerate(words, start=1) if word == "\n"] if reset_on == LINE else []
            start = 0
            for stop in [*ends, len(words)]:
                if stop > start:
                    part = words[start:stop]
                    ids = torch.from_numpy(self.vocabulary.number(part).astype("int64"))
                    yield Chunk(ids, {"word": part}, is_last=stop in ends)
                start = stop


class Sentences(Reader):
    """UTF-8 text, a sequence a line; a line is read when it has ended.

    Args:
        tokens: a line to what its steps are.
        encode: a line to the ids of these, as many.
        step: what a step is, in the singular.
        outputs: names of the classes.
    """

    resets = (LINE,)

    def __init__(
        self,
        *,
        tokens: Callable[[str], Sequence[str]],
        encode: Callable[[str], Tensor],
        step: str,
        outputs: Sequence[str],
    ) -> None:
        self.tokens, self.encode, self.step, self.outputs = tokens, encode, step, outputs
        self.unit = f"text, a sequence a line, a step a {step}"

    def chunks(self, pieces: Iterable[bytes], *, reset_on: str = LINE) -> Iterator[Chunk]:
        for found in lines(pieces):
            for line in found:
                yield Chunk(self.encode(line), {self.step: self.tokens(line)}, is_last=True)


class RawBytes(Reader):
    """Bytes of anything, a step a byte, which is its own id.

    Args:
        outputs: how each byte is shown, (256,).
    """

    unit = "bytes"
    predicts_next = True

    def __init__(self, outputs: Sequence[str]) -> None:
        self.outputs = outputs

    def chunks(self, pieces: Iterable[bytes], *, reset_on: str = NEVER) -> Iterator[Chunk]:
        for piece in pieces:
            ids = torch.tensor(list(piece), dtype=torch.int64)
            yield Chunk(ids, {"byte": [self.outputs[number] for number in piece]})
