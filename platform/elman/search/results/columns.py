"""The table of trials: its columns, in one order for the note, the report and the file of them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from elman.search.results.format import formatted, kind, labels, number
from elman.search.results.review import Review, TrialRow

ABOVE = "above a limit"


@dataclass(frozen=True)
class Column:
    """A column: its head, what a trial has there, and how that is written; None where it has nothing."""

    name: str
    of: Callable[[TrialRow], Any]
    written: Callable[[Any], str] = formatted
    numeric: bool = False


def columns(review: Review) -> list[Column]:
    """All of them: trial, state, the labels, the metrics, what it took."""

    def state(trial: TrialRow) -> str:
        return ABOVE if kind(review, trial) == "infeasible" else trial.state

    found = [Column("trial", attrgetter("number"), str, numeric=True), Column("state", state)]
    for label in labels(review):
        given = [trial.values[label] for trial in review.trials if label in trial.values]
        numeric = bool(given) and all(isinstance(v, int | float) and not isinstance(v, bool) for v in given)
        found.append(Column(label, _value(label), numeric=numeric))
    found += [Column(name, _metric(name), number, numeric=True) for name in _metrics(review)]
    found += [
        Column("time steps", attrgetter("time_steps"), number, numeric=True),
        Column("seconds", attrgetter("seconds"), "{:,.1f}".format, numeric=True),
        Column("run", attrgetter("run_id")),
    ]
    if any(trial.why for trial in review.trials):
        found.append(Column("why", lambda t: t.why or None))
    return found


def trials_csv(review: Review) -> str:
    """Every trial in a line, numbers with all their digits, nothing where there is nothing."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    table = [c if c.name != "state" else Column("state", attrgetter("state")) for c in columns(review)]
    if review.constraints:
        keeps = Column("within limits", lambda t: t.state != "complete" or review.keeps_limits(t))
        table.insert(2, keeps)
    writer.writerow([column.name for column in table])
    for trial in review.trials:
        cells = [column.of(trial) for column in table]
        writer.writerow(["" if cell is None else cell for cell in cells])
    return text.getvalue()


def _value(label: str) -> Callable[[TrialRow], Any]:
    return lambda trial: trial.values.get(label)


def _metric(name: str) -> Callable[[TrialRow], Any]:
    return lambda trial: trial.metric(name)


def _metrics(review: Review) -> list[str]:
    """Objectives, metrics that have a limit, costs."""
    found = dict.fromkeys([*review.objectives, *review.constraints])
    for trial in review.trials:
        found |= dict.fromkeys([*trial.constrained, *trial.costs])
    return [name for name in found if any(trial.metric(name) is not None for trial in review.trials)]
