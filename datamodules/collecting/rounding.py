"""Rounding: shares of classes, and of groups, as whole numbers."""

from __future__ import annotations

import numpy as np

Shares = tuple[float, float, float]
ALMOST = 1e-9
MANY = 10_000


def class_counts(sizes: np.ndarray, shares: Shares, draw: np.random.Generator) -> np.ndarray:
    """(C, 3) how many examples of each class train, validate and test.

    Every count, and every part's sum over the classes, is its exact value rounded down or up, however many
    and small the classes are. Each class is rounded for itself where the sums come out so (of 10,000 examples
    or more, where they are at most an example off); else the largest remainders over all are rounded up.

    Args:
        sizes: (C,) examples of each class.
        shares: of training, validation and test, which make 1.
        draw: decides between equal remainders.

    Source: Cox (1987), controlled rounding; as a transportation problem, whose corners are whole numbers.
    """
    exact = sizes[:, None] * np.array(shares)
    alone = _each_alone(sizes, shares)
    off = np.abs(alone.sum(0) - exact.sum(0))
    if off.max() < 1 - ALMOST or (off.max() < 1 + ALMOST and sizes.sum() >= MANY):
        return alone
    from scipy.optimize import linprog
    from scipy.sparse import eye_array, kron

    count = len(sizes)
    lowest, highest = _bounds(exact)
    least, most = _bounds(exact.sum(0))
    cost = 1 - 2 * (exact - lowest) + draw.uniform(0, 0.01, exact.shape)
    cost[lowest[:, 0] == 0, 0] -= 9  # a class that can be trained on, is
    of_class, of_part = kron(eye_array(count), np.ones((1, 3))), kron(np.ones((1, count)), eye_array(3))
    solved = linprog(
        cost.ravel(),
        A_eq=of_class,
        b_eq=sizes,
        A_ub=kron(np.array([[1], [-1]]), of_part),
        b_ub=np.concatenate([most, -least]),
        bounds=np.stack([lowest.ravel(), highest.ravel()], axis=1),
    )
    assert solved.success, solved.message
    return np.rint(solved.x).astype(np.int64).reshape(count, 3)


def _bounds(exact: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Exact values rounded down and up."""
    return np.floor(exact + ALMOST), np.ceil(exact - ALMOST)


def _each_alone(sizes: np.ndarray, shares: Shares) -> np.ndarray:
    """(C, 3) counts of each class by itself: test, then validation of what is left; one at least trains."""
    train, val, test = shares
    tests = np.minimum(np.rint(test * sizes), sizes - 1)
    left = sizes - tests
    vals = np.minimum(np.rint(val / (train + val) * left), left - 1)
    return np.stack([left - vals, vals, tests], axis=1).astype(np.int64)


def nearest_groups(sizes: np.ndarray, wanted: float, *, leave: int) -> list[int]:
    """Which groups together come nearest to `wanted` examples, in their order; at least one.

    A group is passed over where taking it would lead further away.

    Args:
        sizes: (G,) examples of each group.
        leave: groups that must not be taken.
    """
    taken: list[int] = []
    total = 0
    for number, size in enumerate(sizes.tolist()):
        if total + size / 2 < wanted and len(taken) < len(sizes) - leave:
            taken.append(number)
            total += size
    return taken or np.argsort(sizes, kind="stable")[: min(1, max(0, len(sizes) - leave))].tolist()


def fold_of_groups(sizes: np.ndarray, folds: int) -> np.ndarray:
    """(G,) the fold of each group, dealt out in their order; the largest first, where they are too unequal.

    Folds then differ by no more than the largest group.
    """
    fold = np.arange(len(sizes)) % folds
    found = np.bincount(fold, weights=sizes)
    if found.max() - found.min() > sizes.max():
        order = np.argsort(-sizes, kind="stable")
        fold[order] = np.arange(len(sizes)) % folds
    return fold
