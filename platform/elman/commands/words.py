"""The words that commands on recorded runs share."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from elman.commands.options import option
from elman.errors import BadInput

URI = "--tracking.tracking_uri"
EXPERIMENT = "--tracking.experiment"


def store_uri(words: Sequence[str]) -> tuple[str | None, list[str]]:
    """The store that the words name, and the other words."""
    uri, rest = option(words, URI, "")
    return uri or None, rest


def names(words: Sequence[str], usage: str, *, least: int, most: int | None = None) -> list[str]:
    """What is left once all options are taken: from `least` to `most` names.

    Raises:
        BadInput: for any other count, and for an option that is none; with `usage`, the command in a line.
    """
    for word in words:
        if word.startswith("-") and word != "-":
            raise BadInput(f"there is no option {word.partition('=')[0]} here; {usage}")
    if len(words) < least:
        raise BadInput(f"something is missing; {usage}")
    if most is not None and len(words) > most:
        raise BadInput(f"{words[most]!r} is one word too many; {usage}")
    return list(words)


def note(text: str) -> None:
    """Say something beside what was asked for, so that a file or a pipe does not get it."""
    print(text, file=sys.stderr, flush=True)
