"""What the pictures of a study have in common: how a trial is drawn and described, how far axes reach."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite, log10
from statistics import quantiles
from typing import Any

from elman.pictures.plot import Dots, Rule
from elman.pictures.ticks import log_ticks, written
from elman.search.results.format import in_words, kind, number, seconds_in_words
from elman.search.results.named import named
from elman.search.results.review import Review, TrialRow

BLUE, VERMILLION, ORANGE, SKY, GREY = 0, 1, 4, 5, 6  # places in the palette
DECADES = 30.0  # what lies further apart is drawn in the logarithm
FENCE = 1.5
MANY = 1000  # trials of which each is described in a line


class TooFewError(Exception):
    """Why a picture has nothing to show yet, in a line."""


LOOKS: dict[str, dict[str, Any]] = {
    "complete": {"name": "complete", "colour": BLUE},
    "infeasible": {"name": "above a limit", "colour": BLUE, "hollow": True},
    "pruned": {"name": "pruned", "colour": ORANGE, "symbol": "cross"},
    "running": {"name": "running", "colour": SKY, "symbol": "diamond", "hollow": True},
    "failed": {"name": "failed", "colour": GREY, "symbol": "down", "hollow": True},
}
"""How the dots of trials look, by what became of them."""


@dataclass(frozen=True, kw_only=True)
class Reach:
    """How far an axis reaches: all values but a few that are far worse.

    One trial that diverged would press all others into a line. What spans decades is drawn in the logarithm,
    or what was learned would lie on zero.

    Args:
        low, high: ends of what is shown, without air.
        log: whether the axis is logarithmic.
    """

    low: float
    high: float
    log: bool = False

    @property
    def ends(self) -> tuple[float, float]:
        """With air on both sides."""
        low, high = (log10(v) if self.log else v for v in (self.low, self.high))
        air = (high - low) * 0.06 or abs(high) * 0.06 or 0.06
        return (10 ** (low - air), 10 ** (high + air)) if self.log else (low - air, high + air)

    def within(self, value: float) -> float:
        """The value, or the end that it lies beyond."""
        return min(max(value, self.low), self.high)

    def panel(self, axis: str) -> dict[str, Any]:
        """What a panel needs to be told of its axis `x` or `y`."""
        low, high = self.ends
        found: dict[str, Any] = {f"{axis}_from": low, f"{axis}_to": high, f"log_{axis}": self.log}
        if self.log:
            found[f"{axis}_ticks"] = [(tick, written(tick)) for tick in log_ticks(low, high)]
        return found


def reach(values: Sequence[float], *, maximize: bool) -> Reach:
    """How far an axis reaches that shows these values, at least one.

    Values further than 1.5 times the distance of the quartiles beyond the worse of them are left outside; in
    the logarithm, where values above zero span more than 30 times, twice as far.

    Source: Tukey (1977), "Exploratory Data Analysis", the fences of a box plot.
    """
    low, high = _inside(values, maximize=maximize, fence=FENCE)
    above = [value for value in values if value > 0]
    log = min(values) >= 0 and bool(above) and high > 0 and high / max(low, min(above)) >= DECADES
    if not log:
        return Reach(low=low, high=high)
    first, last = _inside([log10(value) for value in above], maximize=maximize, fence=2 * FENCE)
    return Reach(low=10**first, high=10**last, log=True)


def _inside(values: Sequence[float], *, maximize: bool, fence: float) -> tuple[float, float]:
    low, high = min(values), max(values)
    if len(values) >= 5:
        lower, _, upper = quantiles(values, n=4, method="inclusive")
        far = fence * (upper - lower)
        inside = [v for v in values if (v >= lower - far if maximize else v <= upper + far)]
        low, high = min(inside), max(inside)
    return low, high


def objective_reach(review: Review, trials: Sequence[TrialRow], name: str | None = None) -> Reach:
    """That of an objective over trials that have it."""
    name = name or review.objective
    values = [trial.measured(name) for trial in trials]
    return reach(values, maximize=review.objectives[name] == "maximize")


def dots(
    review: Review,
    trials: Sequence[TrialRow],
    x: Callable[[TrialRow], float],
    y: Callable[[TrialRow], float],
    **more: Any,
) -> list[Dots]:
    """Trials as dots, a mark for each thing that became of them, in the order of the legend."""
    found = []
    for key, look in LOOKS.items():
        those = [trial for trial in trials if kind(review, trial) == key]
        if those:
            texts = [hover(review, trial) for trial in those]
            places: dict[str, Any] = {"x": [x(t) for t in those], "y": [y(t) for t in those]}
            found.append(Dots(**places, texts=texts, **{**look, **more}))
    return found


def hover(review: Review, trial: TrialRow) -> str:
    """What is said of a trial where a reader points at it."""
    metrics = [f"{name} {number(value)}" for name, value in trial.objectives.items()]
    head = f"trial {trial.number}, {LOOKS[kind(review, trial)]['name']}"
    where = in_words(review, trial.values)
    if len(review.trials) > MANY:
        return "\n".join([head, ", ".join(metrics[:2]), where])
    spent = [f"{trial.time_steps:,} time steps"]
    if trial.seconds is not None:
        spent.append(seconds_in_words(trial.seconds))
    return "\n".join([head, *metrics, *where.split(", "), ", ".join(spent)])


def winner(review: Review) -> tuple[TrialRow, str] | None:
    """The trial that the study names, and what it is called in a legend."""
    found = named(review)
    if found is None:
        return None
    return found.trial, f"{'best' if found.how == 'observed' else 'named'}: trial {found.trial.number}"


def direction(review: Review, name: str | None = None) -> str:
    """`val/accuracy (higher is better)`, for the title of an axis."""
    name = name or review.objective
    return f"{name} ({'higher' if review.objectives[name] == 'maximize' else 'lower'} is better)"


def valued(trials: Sequence[TrialRow], *names: str) -> list[TrialRow]:
    """Trials that have all these metrics."""
    return [trial for trial in trials if all(trial.metric(name) is not None for name in names)]


def chance(review: Review, shown: Reach) -> list[Rule]:
    """What a network reaches that has learned nothing, where that is known and within what is shown."""
    level = review.chance.get(review.objective)
    if level is None or not isfinite(level) or not shown.ends[0] <= level <= shown.ends[1]:
        return []
    return [Rule(at=level, text="chance", level=True)]


def stairs(points: Sequence[tuple[float, float]], *, early: bool = False) -> tuple[list[float], list[float]]:
    """x and y of a staircase: level from each point to the next, then up or down.

    Args:
        points: by x.
        early: up or down at each point, then level to the next.
    """
    found = list(points[:1])
    for (x, y), (next_x, next_y) in pairwise(points):
        found += [(x, next_y) if early else (next_x, y), (next_x, next_y)]
    return [x for x, _ in found], [y for _, y in found]
