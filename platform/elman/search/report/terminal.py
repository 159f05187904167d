"""A search in the terminal: a live table of the latest trials, or a line for each trial that ends."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

from elman.search.results.format import brief, counts_in_words, in_words, kind, labels, number, short
from elman.search.results.named import named
from elman.search.results.remaining import in_words as in_hours
from elman.search.results.remaining import remaining_hours
from elman.search.results.review import ENDED, Review, TrialRow

if TYPE_CHECKING:
    from rich.console import RenderableType

REFRESH_PER_SECOND = 4
STOPPING = "stopping: trials save themselves; again to stop at once"
LATEST = 15
GAP = 2
WORDS = {"infeasible": "over limit"}
STYLES = {"running": "cyan", "pruned": "yellow", "failed": "red", "infeasible": "yellow"}


class Display:
    """Displays the newest review: a live table, or a line for each trial where the output is no terminal.

    Args:
        stream: where to.
    """

    def __init__(self, *, stream: TextIO = sys.stdout) -> None:
        self.stream, self.began = stream, time.monotonic()
        self._live: Any = None
        self._stopping_printed = False
        if stream.isatty():
            from rich.console import Console
            from rich.live import Live

            self._console = Console(file=stream)
            self._live = Live(
                console=self._console, refresh_per_second=REFRESH_PER_SECOND, redirect_stderr=True
            )
            self._live.start()

    def show(self, review: Review, *, ended: int | None = None, stopping: bool = False) -> None:
        """Display `review`; `ended` is the trial that has just ended, `stopping` after the first signal."""
        if self._live is not None:
            from rich.console import Group

            passed = time.monotonic() - self.began
            now = table(review, width=self._console.width, elapsed_seconds=passed)
            self._live.update(Group(now, STOPPING) if stopping else now)
            return
        if stopping and not self._stopping_printed:
            self._stopping_printed = True
            print(STOPPING, file=sys.stderr, flush=True)
        states = {trial.number: trial for trial in (*review.trials, *review.confirmations)}
        if ended is not None and states[ended].state in ENDED:
            print(line(review, states[ended]), file=self.stream, flush=True)

    def close(self) -> None:
        """Leave the last table where it stands."""
        if self._live is not None:
            self._live.stop()
            self._live = None


@dataclass(frozen=True)
class _Column:
    name: str
    cell: Callable[[TrialRow], str]
    need: int  # columns with the largest go first where there is no room
    right: bool = True

    def width(self, trials: list[TrialRow]) -> int:
        return max(*map(len, self.name.split("\n")), *(len(self.cell(trial)) for trial in trials))


def table(review: Review, *, width: int, elapsed_seconds: float) -> RenderableType:
    """The latest trials and all that run, the one that is named bold, and how the search stands below.

    Args:
        width: of the terminal, in characters; what is least needed is left out first.
        elapsed_seconds: since this command began.
    """
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    rows, answer = latest(review), named(review)
    parts: list[RenderableType] = []
    if rows:
        columns = _fitting(_columns(review), rows, width)
        grid = Table(box=None, padding=(0, GAP, 0, 0), header_style="dim", pad_edge=False)
        for column in columns:
            grid.add_column(
                Text(column.name),
                justify="right" if column.right else "left",
                no_wrap=True,
                overflow="ellipsis",
            )
        for trial in rows:
            first = answer is not None and trial.number == answer.trial.number
            style = "bold" if first else STYLES.get(kind(review, trial), "")
            grid.add_row(*(Text(column.cell(trial)) for column in columns), style=style)
        parts += [grid, Text("")]
    return Group(*parts, Text(standing(review, elapsed_seconds)))


def latest(review: Review, count: int = LATEST) -> list[TrialRow]:
    """About `count` trials by number: all that run, the one that is named, and those that began last."""
    begun = [trial for trial in review.trials if trial.state != "waiting" or trial.time_steps]
    answer = named(review)
    first = answer.trial if answer else None
    always = [trial for trial in begun if trial.state == "running" or trial is first]
    others = [trial for trial in begun if trial not in always]
    room = max(0, count - len(always))
    return sorted(
        [*always, *others[len(others) - room if room < len(others) else 0 :]], key=lambda t: t.number
    )


def standing(review: Review, elapsed_seconds: float) -> str:
    """`12 complete, 2 running · best 1.912 (trial 7) · 48.0M time steps · 0:12:05 · budget 24 trials`"""
    best, answer = review.best(), named(review)
    seconds = int(elapsed_seconds)
    confirmed = sum(run.state in ENDED for run in review.confirmations)
    parts = [
        counts_in_words(review) or "no trial yet",
        f"{confirmed} of {review.confirm_runs} confirming runs" if review.confirmations else "",
        f"best {number(best.measured(review.objective))} (trial {best.number})" if best else "",
        f"trial {answer.trial.number} named ({answer.how})" if answer and answer.how != "observed" else "",
        f"{_compact(sum(trial.time_steps for trial in review.trials))} time steps",
        f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}",
        f"{in_hours(review.hours)} at work" if review.hours else "",
        f"about {in_hours(left)} left" if (left := remaining_hours(review)) else "",
        f"budget {review.budget}" if review.budget else "",
    ]
    return " · ".join(part for part in parts if part)


def line(review: Review, trial: TrialRow) -> str:
    """What came of a trial, in one line."""
    name, best = review.objective, review.best()
    state = "complete, above a limit" if kind(review, trial) == "infeasible" else trial.state
    head = f"trial {trial.number} {state}"
    if trial.confirms is not None:
        head = f"trial {trial.confirms} again with seed {trial.seed} {state}"
        best = None
    if trial.state == "pruned":
        head += f" after {trial.time_steps:,} time steps"
    where = in_words(review, trial.values)
    parts = [head]
    if trial.state == "failed" and trial.why:
        parts.append(trial.why)
    else:
        metrics = [f"{n} {number(v)}" for n in review.objectives if (v := trial.metric(n)) is not None]
        if best is None:
            standing = ""
        elif best.number == trial.number:
            standing = " (best so far)"
        else:
            standing = f" (best {number(best.measured(name))}, trial {best.number})"
        if metrics:
            parts.append(f"{', '.join(metrics)}{standing}")
    return " ".join(": ".join([*parts, where] if where else parts).split())


def _columns(review: Review) -> list[_Column]:
    """All of them, from left to right."""
    found = [
        _Column("trial", lambda t: str(t.number), 0),
        _Column("state", lambda t: WORDS.get(kind(review, t), t.state), 0, right=False),
    ]
    for place, label in enumerate(labels(review)):
        given = [trial.values[label] for trial in review.trials if label in trial.values]
        right = all(isinstance(value, int | float) for value in given)
        need = 90 if "/" in label else 10 + place
        found.append(_Column(label, _value(label), need, right=right))
    for place, name in enumerate(review.objectives):
        head = name.replace("/", "/\n")  # names of metrics are wider than their values
        found.append(_Column(head, _metric(name), 5 if place else 0))
    found.append(_Column("steps\nseen", lambda t: _compact(t.time_steps), 12))
    found.append(_Column("s", lambda t: "-" if t.seconds is None else f"{t.seconds:.0f}", 80))
    return found


def _fitting(columns: list[_Column], rows: list[TrialRow], width: int) -> list[_Column]:
    """Those that fit side by side, the least needed left out."""
    kept = list(columns)
    while sum(c.width(rows) + GAP for c in kept) - GAP > width and any(c.need for c in kept):
        kept.remove(max(reversed(kept), key=lambda c: c.need))
    return kept


def _value(label: str) -> Callable[[TrialRow], str]:
    return lambda trial: short(brief(trial.values[label])) if label in trial.values else "-"


def _metric(name: str) -> Callable[[TrialRow], str]:
    return lambda trial: "-" if (value := trial.metric(name)) is None else number(value)


def _compact(steps: int) -> str:
    """950, 12.5k, 4.00M."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if steps >= size:
            return f"{steps / size:.3g}{unit}"
    return str(steps)
