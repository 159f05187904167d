"""Sequences that are arrays, as examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from datamodules.array_sets.files import Stored
from datamodules.collecting import Example
from datamodules.tables.scaling import Scaling
from elman.errors import BadInput

Targets = Literal["next", "class", "value", "step_class", "step_value"]

MOST_CLASSES = 10_000


@dataclass(frozen=True)
class Pair:
    """A sequence and its target.

    Args:
        name: no two are equal.
        x: (T, F) or (T,).
        y: the target; None: the next step.
        ahead: 1 where the next step is the target, so that x is read without its last step; else 0.
        folder: that the file lies in.
        part: train, val or test; None: not given.
    """

    name: str
    x: Stored
    y: Stored | None
    ahead: int
    folder: str
    part: str | None

    @property
    def steps(self) -> int:
        return self.x.shape[0] - self.ahead

    @property
    def width(self) -> int:
        return self.x.shape[1] if len(self.x.shape) == 2 else 1


class ArrayExamples:
    """Examples: an array each.

    Args:
        pairs: all of them.
        targets: of which kind.
        classes: name of a class -> its number; empty where targets are values.
        inputs, values: scaling of x, and of target values.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        targets: Targets,
        *,
        classes: Mapping[str, int],
        inputs: Scaling,
        values: Scaling,
    ) -> None:
        self.pairs, self.targets, self.classes = pairs, targets, classes
        self.inputs, self.values = inputs, values
        self.lengths = np.array([pair.steps for pair in pairs], dtype=np.int64)

    def window(self, number: int, start: int, stop: int) -> Example:
        pair = self.pairs[number]
        x = matrix(pair.x, start, stop + pair.ahead)
        scored = torch.arange(start, stop) == pair.steps - 1
        if self.targets not in ("class", "value"):
            scored[:] = True
        return Example(
            torch.from_numpy(self.inputs.apply(x[: stop - start])), self._y(pair, x, start, stop), scored
        )

    def _y(self, pair: Pair, x: np.ndarray, start: int, stop: int) -> torch.Tensor:
        steps = stop - start
        if pair.y is None:
            return torch.from_numpy(self.values.apply(x[1 : steps + 1]))
        if self.targets == "class":
            return torch.full((steps,), self.classes[text_of(pair.y)])
        if self.targets == "value":
            return torch.from_numpy(self.values.apply(matrix(pair.y).reshape(1, -1))).repeat(steps, 1)
        if self.targets == "step_value":
            return torch.from_numpy(self.values.apply(matrix(pair.y, start, stop)))
        names = pair.y.read(start, stop).reshape(-1)
        return torch.tensor([self.classes[str(name)] for name in names.tolist()], dtype=torch.int64)


def matrix(stored: Stored, start: int = 0, stop: int | None = None) -> np.ndarray:
    """(T, F) float64 of the steps [start, stop) of an array.

    Raises:
        BadInput: for NaN, an infinite value, or one beyond 32 bits.
    """
    values = stored.read(start, stop) if stored.shape else stored.read_all()
    found = values.astype(np.float64).reshape(len(values), -1) if values.ndim else values.reshape(1, 1)
    bad = ~(np.abs(found) <= np.finfo(np.float32).max)
    if bad.any():
        step, feature = (int(place) for place in np.argwhere(bad)[0])
        raise BadInput(
            f"{stored.name}: step {start + step}, feature {feature} is {found[step, feature]}, not a finite "
            "number of 32 bits; correct the file or take it out"
        )
    return found


def text_of(stored: Stored) -> str:
    """The one entry of an array, as text."""
    return str(np.asarray(stored.read_all()).reshape(-1)[0])


def class_names(
    pairs: Sequence[Pair], targets: Targets, *, source: str
) -> tuple[list[str], np.ndarray | None]:
    """Names of the classes in the order of their numbers, and the class of each sequence where it has one.

    Raises:
        BadInput: if there is one class only, or more than 10,000.
    """
    if targets == "class":
        texts = [text_of(pair.y) for pair in pairs if pair.y is not None]
        names = _ordered(set(texts), source)
        numbers = {name: number for number, name in enumerate(names)}
        return names, np.array([numbers[text] for text in texts], dtype=np.int64)
    if targets != "step_class":
        return [], None
    seen: set[str] = set()
    for pair in pairs:
        assert pair.y is not None
        seen |= set(map(str, np.unique(pair.y.read()).tolist()))
        if len(seen) > MOST_CLASSES:
            break
    return _ordered(seen, source), None


def _ordered(names: set[str], source: str) -> list[str]:
    if len(names) < 2:
        raise BadInput(f"{source}: all targets are {min(names)!r}; a classifier needs two classes or more")
    if len(names) > MOST_CLASSES:
        raise BadInput(
            f"{source}: more than {MOST_CLASSES:,} different classes; if these are values, set "
            "data.targets to value or step_value"
        )
    whole = all(name.lstrip("-").isdigit() for name in names)
    return sorted(names, key=int) if whole else sorted(names)
