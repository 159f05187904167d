"""How much of a regression tree's variance each candidate explains alone (functional ANOVA)."""

from __future__ import annotations

from typing import Any

import numpy as np

from elman.search.results.candidates import Candidate, Table


def main_effects(tree: Any, table: Table) -> np.ndarray:
    """(candidates,) shares of a tree's variance over the space that the table spans, each from 0 to 1.

    The prediction at a value of one candidate is averaged over all values of the others, evenly between the
    least and the largest of a number and over all words. The variance of that average, divided by that of the
    prediction over the whole space, is the share. What is left of 1 is interplay.

    Args:
        tree: `sklearn`'s, fitted to `table.numbers`.

    Cost: a few ms for 500 leaves, a hundredth of Optuna's evaluator, so that resamples can be afforded.

    Source: Hutter, Hoos & Leyton-Brown (2014), ICML, "An Efficient Approach for Assessing Hyperparameter
    Importance".
    Differs: a word is one of its words, never none or two of them.
    """
    low, high, value = _leaves(tree, table.numbers.min(0), table.numbers.max(0))
    parts = [_part(low, high, candidate) for candidate in table.candidates]  # each (leaves, cells), sums to 1
    sizes = np.stack([inside.sum(1) for inside, _ in parts], 1)  # (leaves, candidates)
    volume = sizes.prod(1)
    mean = volume @ value
    total = volume @ (value - mean) ** 2
    if not total > 0:
        return np.zeros(len(parts))
    shares = []
    for place, (inside, cell) in enumerate(parts):
        others = np.delete(sizes, place, 1).prod(1)
        average = (inside > 0).T @ (
            others * (value - mean)
        )  # (cells,) mean prediction in each, less the mean
        shares.append(float(cell @ average**2 / total))
    return np.clip(shares, 0, 1)


def _leaves(tree: Any, least: np.ndarray, largest: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The box of each leaf, (leaves, columns) twice, and its value, (leaves,)."""
    count = tree.node_count
    low, high = np.tile(least, (count, 1)), np.tile(largest, (count, 1))
    left, right = tree.children_left, tree.children_right
    for node in np.flatnonzero(left >= 0):  # a parent comes before its children
        column, threshold = tree.feature[node], tree.threshold[node]
        for child in (left[node], right[node]):
            low[child], high[child] = low[node], high[node]
        high[left[node], column] = min(high[node, column], threshold)
        low[right[node], column] = max(low[node, column], threshold)
    ends = left < 0
    return low[ends], high[ends], tree.value[ends, 0, 0]


def _part(low: np.ndarray, high: np.ndarray, candidate: Candidate) -> tuple[np.ndarray, np.ndarray]:
    """Cells of a candidate in which no leaf begins or ends: the share of each in each leaf, and in all.

    Returns:
        (leaves, cells) and (cells,), the latter summing to 1.
    """
    if candidate.one_of:
        columns = list(candidate.columns)
        words = np.eye(len(columns))  # (words, columns)
        inside = ((low[:, None, columns] <= words) & (words <= high[:, None, columns])).all(2)
        cell = np.full(len(columns), 1 / len(columns))
        return inside * cell, cell
    (column,) = candidate.columns
    ends = np.unique(np.concatenate([low[:, column], high[:, column]]))
    span = ends[-1] - ends[0]
    cell = np.diff(ends) / span if span > 0 else np.ones(0)
    inside = (low[:, column, None] <= ends[:-1]) & (ends[1:] <= high[:, column, None])
    return inside * cell, cell
