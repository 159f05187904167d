"""What a user can get wrong."""

import re

__all__ = ["BadInput", "out_of_memory"]

OUT_OF_MEMORY = ("can't allocate memory", "not enough memory", "out of memory", "calculation overflowed")
"""What torch says of a tensor that no memory can hold."""


class BadInput(ValueError):  # noqa: N818  (it is the user's, not ours)
    """A mistake the user can mend, in one line: the file or argument, the value, the rule, the way out.

    The command line prints it without a traceback and exits with code 2.
    """


def out_of_memory(error: BaseException) -> str | None:
    """The line for an error of too little memory; None: it is another error."""
    first = next(iter(str(error).strip().splitlines()), "")
    if not (isinstance(error, MemoryError) or any(words in first for words in OUT_OF_MEMORY)):
        return None
    asked = re.search(r"allocate (\d+) bytes", first)
    why = f" ({int(asked[1]):,} bytes at once)" if asked else f" ({first})" if first else ""
    return f"memory does not suffice{why}; lower batch_size or steps of the data, or the model's sizes"
