"""A refusal is printed once, however many processes a launcher has started."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from elman.run.launched import launched


@contextmanager
def refusing(line: str) -> Iterator[bool]:
    """Whether this process prints the refusal that ends it: of those that a launcher started, the first."""
    launch = launched()
    if launch is None or launch.size == 1:
        yield True
        return
    from elman.run.ranks import ranks_of  # which imports torch

    with ranks_of(launch).refusing(line) as prints:
        yield prints
