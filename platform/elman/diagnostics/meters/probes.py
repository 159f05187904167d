"""Linear probes: how well an item can be read from a carry."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite

import torch
from torch import Tensor

from elman.diagnostics.look import Look, Stretch
from elman.errors import BadInput
from elman.tree import Carry

RIDGE = 1e-6
"""Of the mean variance of a carry's numbers: what varies by less than a thousandth of that is lost."""
SAMPLES = 2
"""Carries to train on, for each number of a carry, below which a probe fits noise."""
MOST_CLASSES = 256
"""Rarer ids are one class together."""
RECALLED = 0.5
"""A score above which an item counts as recalled."""
ONES = ("1: it is all there; 0: nothing.", "1: every id is right; 0: as many as the most frequent id.")
"""What scores of values and of ids mean."""
UNITS = ("R^2 of the input", "accuracy gained (share)")
"""What scores of values and of ids are."""


class Probe:
    """A ridge regression from carries to items, solved once for all items.

    B = (C + r v I)^-1 S, with C the covariance of the carries trained on, v its mean diagonal, S their
    covariance with the items, and r = `RIDGE`. Classes are read as the one whose indicator comes out largest.

    Args:
        learn, test: carries, (n, P) and (m, P).
        variance: v, where it is not that of the carries trained on.

    Raises:
        BadInput: if the carries are not finite.

    Cost: n P^2 + P^3 / 3, and (n + m) P more for each value or class of an item.
    """

    def __init__(self, learn: Tensor, test: Tensor, *, variance: float | None = None) -> None:
        self.centre = learn.mean(0)
        self.learn, self.test = learn - self.centre, test - self.centre
        covariance = self.learn.t() @ self.learn / len(learn)
        own = float(covariance.diagonal().mean())
        if not isfinite(own):
            raise BadInput("the carry is not finite at steps of validation, so nothing can be read from it")
        self.variance = own if variance is None else variance
        self.still = self.variance <= 0 or own <= 0
        if not self.still:
            covariance.diagonal().add_(RIDGE * self.variance)
            self.factor = torch.linalg.cholesky(covariance)

    def scores(self, learn: Tensor, test: Tensor) -> Tensor:
        """1 for items that are all read, 0 for what a constant does as well, NaN for what does not vary.

        Args:
            learn, test: items beside the carries, (n, F) and (m, F) values or (n) and (m) classes.

        Returns:
            Of values, R^2 of each on those tested, (F,). Of classes, the accuracy above that of the most
            frequent class, as a share of what that is short of 1, (1,).
        """
        if learn.is_floating_point():
            spread = (test - test.mean(0)).square().sum(0)
            read = self._read(self.learn.t() @ (learn - learn.mean(0)), learn.mean(0))
            found = 1 - (test - read).square().sum(0) / spread
            return torch.where((spread > 0) & (learn.std(0, correction=0) > 0), found, torch.nan)
        counts = torch.bincount(learn).to(self.learn)
        sums = self.learn.new_zeros(len(counts), self.learn.shape[1]).index_add_(0, learn, self.learn)
        right = (self._read(sums.t(), counts / len(learn)).argmax(1) == test).double().mean()
        base = (test == counts.argmax()).double().mean()
        return torch.where(base < 1, (right - base) / (1 - base), torch.nan)[None]

    def _read(self, products: Tensor, mean: Tensor) -> Tensor:
        """What it reads in the carries tested, of items with this mean and (P, F) products with carries."""
        if self.still:
            return mean.expand(len(self.test), -1)
        return mean + self.test @ torch.cholesky_solve(products / len(self.learn), self.factor)


def probed(look: Look, meter: str, steps: int, rows: int, *, each: Callable[[int], int]) -> Stretch:
    """Sequences enough for probes of the whole carry, half of them to train on.

    Args:
        steps, rows: as of `Look.stretch`; more rows are read where the carry is large.
        each: how many carries of a sequence of so many steps are probed.

    Raises:
        BadInput: if there are too few.
    """
    numbers = sum(leaf[0].numel() for leaf in look.network.core.initial_carry(1))
    stretch = look.stretch(steps, rows=rows)
    length = stretch.batch.steps
    needed = 2 * -(-SAMPLES * (numbers + 1) // each(length))
    if needed > len(stretch.given):
        stretch = look.stretch(steps, rows=needed)
    if (there := len(stretch.given)) < needed:
        raise BadInput(
            f"{meter} trains probes of the {numbers} numbers of a carry on half of the sequences and needs "
            f"{needed} of {length} steps; validation has {there}: give it more, or the meter more steps"
        )
    return stretch


def items_of(stretch: Stretch) -> Tensor:
    """What is to be recalled: (B, T, F) values, or (B, T) classes from 0, the most frequent ids first."""
    if stretch.given.is_floating_point():
        return stretch.given
    ids, place, counts = stretch.given.unique(return_inverse=True, return_counts=True)
    rank = torch.empty_like(ids)
    rank[counts.argsort(descending=True, stable=True)] = torch.arange(len(ids))
    return rank.clamp(max=MOST_CLASSES - 1)[place]


def views(names: list[str], layers: int) -> list[tuple[str, str, list[int], slice]]:
    """What is probed: panel, line, parts of the carry and layers; the whole carry is last."""
    every, both = list(range(len(names))), " and ".join(names)
    one = [f"layer {layer + 1}" for layer in range(layers)] if layers > 1 else [""]
    found = [(names[0], one[n], [0], slice(n, n + 1)) for n in range(layers)] if len(names) > 1 else []
    found += [(both, one[n], every, slice(n, n + 1)) for n in range(layers)]
    return found + ([(both, "all layers", every, slice(0, layers))] if layers > 1 else [])


def numbers_of(carry: Carry, parts: list[int], layers: slice) -> Tensor:
    """(B, P), parts of a carry of some layers as one vector."""
    return torch.cat([carry[part][:, layers].flatten(1) for part in parts], 1)
