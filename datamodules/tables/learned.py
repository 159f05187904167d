"""What is learned from the training part of a table: scalings, and the values of text columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import torch

from datamodules.live import Rows
from datamodules.tables.cells import Codes
from datamodules.tables.pieces import Span
from datamodules.tables.scaling import Scaling, standardising
from datamodules.tables.series import Series
from datamodules.tables.series_folder import SeriesSet
from elman.errors import BadInput

MOST_VALUES = 1000
ScalingOf = Literal["all", "series"]


@dataclass(frozen=True)
class Learned:
    """All of it as plain values, for a checkpoint.

    Args:
        columns: names of the numeric inputs; `input_shift` and `input_scale` have a number for each.
        targets: names of the targets; `target_shift` and `target_scale` are in the file's units.
        horizon, difference: what is predicted.
        values: for each text column its values, in the order of their places in x.
        scaling: whose scalings x and y have: these, or those of each series.
    """

    columns: list[str]
    targets: list[str]
    horizon: int
    difference: bool
    input_shift: list[float]
    input_scale: list[float]
    target_shift: list[float]
    target_scale: list[float]
    values: list[list[str]]
    scaling: ScalingOf = "all"

    def plain(self) -> dict[str, Any]:
        """As a dictionary."""
        return asdict(self)

    @property
    def inputs(self) -> Scaling:
        return Scaling(np.array(self.input_shift), np.array(self.input_scale))

    @property
    def target(self) -> Scaling:
        return Scaling(np.array(self.target_shift), np.array(self.target_scale))

    def pipe(self, categories: Sequence[str], **written: Any) -> Rows:
        """How rows come out of a pipe: numbers in the file's units, text columns as columns of 0 and 1.

        Where each series has a scaling of its own, which a pipe does not know, numbers are standardised.

        Args:
            categories: names of the text columns.
            written: `separator` and `numerals` of `Rows`.
        """
        marks = [f"{name}={v}" for name, values in zip(categories, self.values, strict=True) for v in values]
        outputs = [f"change of {name}" if self.difference else name for name in self.targets]
        if self.scaling == "series":
            return Rows(
                input_size=len(self.columns) + len(marks),
                names=[*(f"standardised {name}" for name in self.columns), *marks],
                outputs=[f"standardised {name}" for name in outputs],
                **written,
            )
        return Rows(
            input_size=len(self.columns) + len(marks),
            names=[*self.columns, *marks],
            mean=torch.tensor([*self.input_shift, *[0.0] * len(marks)]),
            std=torch.tensor([*self.input_scale, *[1.0] * len(marks)]),
            outputs=outputs,
            scale=torch.tensor(self.target_scale),
            shift=torch.tensor(self.target_shift),
            **written,
        )

    def places(self, codes: Sequence[Codes]) -> list[np.ndarray]:
        """For each text column: the place of every code, and last, for code -1, that of no value.

        A value that training does not hold has the place of no value.
        """
        out = []
        for numbering, known in zip(codes, self.values, strict=True):
            place = {value: number for number, value in enumerate(known)}
            out.append(np.array([*(place.get(value, len(known)) for value in numbering.values), len(known)]))
        return out


def learn(
    read: SeriesSet,
    train: Sequence[Span],
    *,
    horizon: int,
    difference: bool,
    scaling: ScalingOf,
    source: str,
) -> tuple[Learned, list[str]]:
    """What the training rows hold; also names of inputs that do not change there.

    Raises:
        BadInput: for a target that does not change, or a text column of more than 1,000 values.
    """
    series, columns, targets = read.series, read.columns, read.targets
    seen = [(number, start - horizon, stop - horizon) for number, start, stop in train]
    inputs, constant = standardising([series[n].inputs[a:b] for n, a, b in seen], len(columns))
    asked = [asked_for(series[n], a, b, horizon=horizon, difference=difference) for n, a, b in seen]
    target, flat = standardising(asked, len(targets))
    if flat.any():
        raise BadInput(
            f"{source}: {targets[int(np.argmax(flat))]} {'changes evenly' if difference else 'is constant'} "
            "in training, so there is nothing to forecast; name another data.target"
        )
    values = []
    for number, numbering in enumerate(read.codes):
        there = np.unique(np.concatenate([series[n].codes[a:b, number] for n, a, b in seen]))
        names = list(numbering.values)
        values.append(sorted(names[code] for code in there if code >= 0))
        if len(values[-1]) > MOST_VALUES:
            raise BadInput(
                f"{source}: a text column has {len(values[-1]):,} values in training, more than "
                f"{MOST_VALUES:,}; leave it out of data.categories"
            )
    learned = Learned(
        columns=columns,
        targets=targets,
        horizon=horizon,
        difference=difference,
        input_shift=inputs.shift.tolist(),
        input_scale=inputs.scale.tolist(),
        target_shift=target.shift.tolist(),
        target_scale=target.scale.tolist(),
        values=values,
        scaling=scaling,
    )
    return learned, [name for name, still in zip(columns, constant, strict=True) if still]


def scalings(read: SeriesSet, train: Sequence[Span], learned: Learned) -> list[tuple[Scaling, Scaling]]:
    """Of the inputs and the targets of every series: those of all, or where it is to, its own.

    A column that does not change in a series' training rows keeps its scale of all.
    """
    found = [(learned.inputs, learned.target)] * len(read.series)
    for number, start, stop in train if learned.scaling == "series" else ():
        series, horizon = read.series[number], learned.horizon
        first, last = start - horizon, stop - horizon
        asked = asked_for(series, first, last, horizon=horizon, difference=learned.difference)
        found[number] = (_own(series.inputs[first:last], learned.inputs), _own(asked, learned.target))
    return found


def _own(values: np.ndarray, of_all: Scaling) -> Scaling:
    own, constant = standardising([values], values.shape[1])
    return Scaling(own.shift, np.where(constant, of_all.scale, own.scale))


def asked_for(series: Series, start: int, stop: int, *, horizon: int, difference: bool) -> np.ndarray:
    """(T, O) what steps [start, stop) predict, in the file's units."""
    value = series.targets[start + horizon : stop + horizon]
    return value - series.targets[start:stop] if difference else value


def taken_back(saved: dict[str, Any], learned: Learned, *, source: str) -> Learned:
    """What a checkpoint holds, if it is of a table like this one.

    Raises:
        BadInput: if the network was trained on other columns or to predict something else.
    """
    kept = Learned(**saved)
    for name in ("columns", "targets", "horizon", "difference", "scaling"):
        if getattr(kept, name) != getattr(learned, name):
            raise BadInput(
                f"{source}: data.{name} give {getattr(learned, name)}, but the checkpoint was trained on "
                f"{getattr(kept, name)}; give a table with those, or start anew"
            )
    return kept
