"""How few steps have to run again if only so many carries can be kept: Revolve's schedule, in numbers.

A sequence of `runs` equal pieces is run backwards, last piece first, from `slots` kept carries, the one
before the first piece included. Every piece is run once with its activations kept (taped), right before
its backward pass; what leads there is run without.
"""

from __future__ import annotations

from math import comb


def repetitions(runs: int, slots: int) -> int:
    """The least r with binom(slots + r, slots) >= runs: no piece is run more than r + 1 times."""
    r = 0
    while comb(slots + r, slots) < runs:
        r += 1
    return r


def forward_runs(runs: int, slots: int) -> int:
    """How many pieces are run forward in all, the taped ones included.

    Source: Griewank and Walther (2000), ACM Transactions on Mathematical Software 26(1), Algorithm 799.
    """
    r = repetitions(runs, slots)
    return runs + r * runs - comb(slots + r, slots + 1)


def advance(runs: int, slots: int) -> int:
    """How many pieces to run from a kept carry to the next one, with `runs` >= 2 pieces still ahead.

    Args:
        slots: that are free, the one of the kept carry included.

    Any number that leaves both parts within reach of r repetitions is best; this is the largest.
    """
    if slots == 1:
        return runs - 1
    r = repetitions(runs, slots)
    return max(1, min(comb(slots + r - 1, slots), runs - comb(slots + r - 2, slots - 1)))
