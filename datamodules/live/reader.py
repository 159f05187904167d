"""Reader: how one kind of data is read from a pipe."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from torch import Tensor

SOURCE = "standard input"
NEVER, LINE, BLANK = "never", "line", "blank"


class Chunk(NamedTuple):
    """Steps that arrived together.

    Args:
        x: (T, F) values or (T,) ids; T may be 0.
        columns: of the lines of predictions, before the predictions: name -> (T,) values.
        is_last: the sequence ends here; the next step begins another.
    """

    x: Tensor
    columns: Mapping[str, Sequence[str | float]]
    is_last: bool = False


class Reader(ABC):
    """The raw form of one kind of data, turned into steps as it arrives, in bounded memory.

    The steps and their order do not depend on how the bytes were cut into pieces.
    """

    unit: str
    """What is read, in words: "text", "rows of 3 values"."""

    resets: Sequence[str] = (NEVER,)
    """What may end a sequence, of never, line and blank (an empty line); the first is the default."""

    outputs: Sequence[str] = ()
    """Names of what is predicted, of the classes by number or of the values; empty: they have none."""

    scale: Tensor | None = None
    """(O,) what 1 stands for in a predicted value, in the data's own units; None: it is in those units."""

    shift: Tensor | None = None
    """(O,) what 0 stands for in a predicted value, in the data's own units; with `scale`."""

    predicts_next: bool = False
    """What is predicted at a step is the next step's id."""

    @abstractmethod
    def chunks(self, pieces: Iterable[bytes], *, reset_on: str = NEVER) -> Iterator[Chunk]:
        """The steps of each piece, at once; those before a fault come before the fault is raised.

        Args:
            pieces: bytes as they arrive, cut anywhere; the end of input is their end.
            reset_on: one of `resets`.

        Raises:
            BadInput: for bytes that are none of this kind of data.
        """
