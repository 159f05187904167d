"""Labelled examples: texts as ids, and the class of each."""

from __future__ import annotations

import numpy as np
import torch

from datamodules.collecting.examples import Example, many_to_one, many_to_one_batch, padded
from elman.batch import SequenceBatch


class LabelledExamples:
    """Slices of one array, many-to-one.

    Args:
        ids: of all texts on end.
        starts: (M + 1,) where each text begins, and the last one ends.
        chosen: (N,) the text of each example.
        labels: (N,) its class.
    """

    def __init__(self, ids: np.ndarray, starts: np.ndarray, chosen: np.ndarray, labels: np.ndarray) -> None:
        self.ids, self.starts, self.stops, self.labels = ids, starts[chosen], starts[chosen + 1], labels
        self.lengths = self.stops - self.starts

    def unknown(self, numbers: np.ndarray) -> float:
        """The share of steps of some examples that are id 0."""
        zeros = sum(int((self.ids[self.starts[n] : self.stops[n]] == 0).sum()) for n in numbers.tolist())
        return zeros / int(self.lengths[numbers].sum())

    def window(self, number: int, start: int, stop: int) -> Example:
        ids = self.ids[self.starts[number] : self.stops[number]]
        return many_to_one(torch.from_numpy(ids.astype(np.int64)), int(self.labels[number])).window(
            start, stop
        )

    def batch(self, numbers: np.ndarray) -> SequenceBatch:
        places = zip(self.starts[numbers].tolist(), self.stops[numbers].tolist(), strict=True)
        x = padded([torch.from_numpy(self.ids[start:stop].astype(np.int64)) for start, stop in places])
        labels, lengths = self.labels[numbers], self.lengths[numbers]
        return many_to_one_batch(x, torch.from_numpy(labels), torch.from_numpy(lengths))
