"""Lines of a pipe, as they come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from datamodules.live.reader import SOURCE
from datamodules.texts.corpus import decoded
from elman.errors import BadInput

LONGEST = 1 << 20  # characters; a line is held until it ends


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
