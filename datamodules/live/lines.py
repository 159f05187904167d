"""Lines of a pipe, as they arrive, and the steps they hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from datamodules.live.reader import SOURCE, Chunk
from datamodules.texts.utf8 import decoded
from elman.errors import BadInput

LONGEST = 1 << 20  # characters; a line is held until it ends

Step = TypeVar("Step")


def lines(pieces: Iterable[bytes]) -> Iterator[list[str]]:
    """The lines that each piece completes, without their ends; a last line needs none.

    Raises:
        BadInput: for text that is not UTF-8, and a line of over a million characters.
    """
    waiting, count = "", 0
    for text in decoded(pieces, SOURCE):
        waiting += text
        *found, waiting = waiting.split("\n")
        count += len(found)
        yield [line.removesuffix("\r") for line in found]
        if len(waiting) > LONGEST:
            raise BadInput(
                f"{SOURCE}, line {count + 1}: is longer than {LONGEST:,} characters; give a line a step"
            )
    if waiting:
        yield [waiting.removesuffix("\r")]


def line_chunks(
    pieces: Iterable[bytes],
    *,
    step: Callable[[str, int], Step | None],
    chunk: Callable[[list[Step], bool], Chunk],
    blank_ends: bool,
) -> Iterator[Chunk]:
    """The chunks of data that has a step a line.

    Args:
        step: a line that is not empty and its number to the step it is; None: it is none.
        chunk: steps, and whether their sequence ends, to a chunk.
        blank_ends: an empty line ends a sequence; else it is skipped.

    Raises:
        BadInput: as `lines` and `step`; steps before the fault are given first.
    """
    number = 0
    for found in lines(pieces):
        steps: list[Step] = []
        try:
            for line in found:
                number += 1
                if line.strip():
                    made = step(line, number)
                    steps += [] if made is None else [made]
                elif blank_ends:
                    yield chunk(steps, True)
                    steps = []
        except BadInput:
            if steps:
                yield chunk(steps, False)
            raise
        if steps:
            yield chunk(steps, False)
