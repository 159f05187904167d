"""Text from a store or a file, made fit for a terminal."""

from __future__ import annotations


def printable(text: str, *, keep: str = "") -> str:
    """`text` without what could move the cursor, change colours or break the line; a run may have any name.

    Args:
        keep: further characters that stay, such as the end of a line.
    """
    return "".join(c if c.isprintable() or c in keep else "?" for c in text)
