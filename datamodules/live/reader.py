"""Reader: how one kind of data comes out of a pipe."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from torch import Tensor

SOURCE = "standard input"
NEVER, LINE, BLANK = "never", "line", "blank"


class Stretch(NamedTuple):
    """Steps that came together.

    Args:
        x: (T, F) values or (T,) ids; T may be 0.
        shown: what a line of predictions says of each step: column -> (T,) values.
        is_last: the sequence ends here; the next step begins another.
    """

    x: Tensor
    shown: Mapping[str, Sequence[str | float]]
    is_last: bool = False


class Reader(ABC):
    """The raw form of one kind of data, turned into steps as it comes, in memory that does not grow.

    The steps and their order do not depend on how the bytes were cut into pieces.
    """

    unit: str
    """What is read, in words: "text", "rows of 3 values"."""

    resets: Sequence[str] = (NEVER,)
    """What may end a sequence, of never, line and blank (an empty line); the first is usual."""

    outputs: Sequence[str] = ()
    """Names of what is predicted, of the classes by number or of the values; empty: they have none."""

    scale: Tensor | None = None
    """(O,) what 1 stands for in a predicted value, in the data's own units; None: it is in those units."""

    shift: Tensor | None = None
    """(O,) what 0 stands for in a predicted value, in the data's own units; with `scale`."""

    says_next: bool = False
    """What is predicted at a step is the next step's id."""

    @abstractmethod
    def stretches(self, pieces: Iterable[bytes], *, reset_on: str = NEVER) -> Iterator[Stretch]:
        """The steps of each piece, at once; those before a fault come before the fault is raised.

        Args:
            pieces: bytes as they arrive, cut anywhere; the end of input is their end.
            reset_on: one of `resets`.

        Raises:
            BadInput: for bytes that are none of this kind of data.
        """
