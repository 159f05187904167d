"""The table of trials: its columns, in one order for the note, the report and the file of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from elman.search.results.format import labels, number, shown
from elman.search.results.review import Review, TrialRow


@dataclass(frozen=True)
class Column:
    """A column: its head, what a trial has there, and how that is written; None where it has nothing."""

    name: str
    of: Callable[[TrialRow], Any]
    written: Callable[[Any], str] = shown
    numeric: bool = False


def columns(review: Review) -> list[Column]:
    """All of them: trial, state, the labels, the figures, what it took."""
    found = [
        Column("trial", lambda t: t.number, str, numeric=True),
        Column("state", lambda t: _state(review, t)),
    ]
    for label in labels(review):
        given = [trial.values[label] for trial in review.trials if label in trial.values]
        numeric = bool(given) and all(isinstance(v, int | float) and not isinstance(v, bool) for v in given)
        found.append(Column(label, partial(_value, label), numeric=numeric))
    found += [Column(name, partial(_figure, name), number, numeric=True) for name in figures(review)]
    found.append(Column("time steps", lambda t: t.time_steps, number, numeric=True))
    found.append(Column("seconds", lambda t: t.seconds, lambda v: f"{v:,.1f}", numeric=True))
    found.append(Column("run", lambda t: t.run_id))
    if any(trial.why for trial in review.trials):
        found.append(Column("why", lambda t: t.why or None))
    return found


def figures(review: Review) -> list[str]:
    """Objectives, figures that have a limit, costs."""
    found = dict.fromkeys([*review.objectives, *review.constraints])
    for trial in review.trials:
        found |= dict.fromkeys([*trial.constrained, *trial.costs])
    return [name for name in found if any(trial.figure(name) is not None for trial in review.trials)]


def _value(label: str, trial: TrialRow) -> Any:
    return trial.values.get(label)


def _figure(name: str, trial: TrialRow) -> float | None:
    return trial.figure(name)


def _state(review: Review, trial: TrialRow) -> str:
    over = trial.state == "complete" and not review.keeps_limits(trial)
    return "above a limit" if over else trial.state
