"""The best recipe of an experiment without a study: by the mean over its seeds and folds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from elman.commands._table import printable
from elman.commands._winners import Winner, ranked_runs
from elman.comparing.arms import has_ended, member, recipe_key
from elman.errors import BadInput
from elman.groups.results import has_diverged, in_words
from elman.groups.spread import Spread, spread
from elman.program import program
from elman.tracking.floor import floors_of, learned
from elman.tracking.metrics import BEST, high_is_good, monitored
from elman.tracking.runs import RunRow, newest_rows
from elman.tracking.tags import GROUP_TAG

if TYPE_CHECKING:
    from mlflow import MlflowClient


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The ended runs of one recipe.

    Args:
        rows: with a value, best first; those that did not learn last.
        learned: how many of its runs did; None: no floor is known.
        of: how many ended, those that diverged among them.
        group: the run above them; None: there is none.
    """

    rows: Sequence[RunRow]
    learned: int | None
    of: int
    group: RunRow | None

    @property
    def first(self) -> RunRow:
        return self.rows[0]

    @property
    def spread(self) -> Spread:
        """Of those that learned; of all where none did."""
        count = self.learned or len(self.rows)
        found = spread([row.best for row in self.rows[:count] if row.best is not None])
        assert found is not None, "a recipe has a run with a value"
        return found

    @property
    def what(self) -> str:
        """In what its runs differ: "5 seeds"."""
        members = [member(row) for row in self.rows]
        folds, seeds = {each.fold for each in members}, {each.seed for each in members}
        name = "run" if len(folds) > 1 and len(seeds) > 1 else "fold" if len(folds) > 1 else "seed"
        return f"{self.of} {name}{'s' * (self.of != 1)}"

    def share(self) -> str:
        """`4 of 5 seeds learned`, as a group says it."""
        return self.what if self.learned is None else f"{self.learned} of {self.what} learned"

    def rank(self, sign: float) -> tuple[float, float, int]:
        """As of a comparison: the largest share that learned first, of equal ones the best mean."""
        share = 1.0 if self.learned is None else self.learned / self.of
        return (-share, sign * self.spread.mean, min(row.started_ms for row in self.rows))

    def facts(self) -> dict[str, Any]:
        """For programs, by names that stay."""
        row, found = self.first, self.spread
        return {
            "run": row.id,
            "name": row.name,
            "recipe": row.recipe,
            "metrics": {str(row.metric): row.best},
            "time_steps": row.time_steps,
            "seconds": row.seconds,
            "group": None if self.group is None else self.group.id,
            "runs": self.of,
            "learned": self.learned,
            "mean": found.mean,
            "sd": found.sd,
            "low": found.low,
            "high": found.high,
        }


def best_recipe(
    client: MlflowClient, experiment: str, name: str, *, metric: str | None, top: int, like: RunRow | None
) -> Winner:
    """The best recipe of an experiment without a study, by the mean of the best values of its runs.

    The best of many seeds says how many there were, not which recipe is good. Metrics of other data are no
    better or worse: only runs on the same data are compared.

    Args:
        experiment, name: its id and name.
        metric: None: what the newest of these runs has monitored.
        like: a run on the data that is meant; None: the newest one.
    """
    everything, _ = newest_rows(client, [experiment], states=("finished", "complete", "failed"))
    groups = {row.id: row for row in everything if row.is_group}
    ended = [row for row in everything if not row.is_group and has_ended(row)]
    finished = [row for row in ended if not has_diverged(row)]
    if not finished:
        raise BadInput(f"no run of experiment {name!r} has finished; `elman runs {name}` lists its runs")
    model = like or finished[0]
    rows = [row for row in ended if _data(row) == _data(model)]
    if all(has_diverged(row) for row in rows):
        raise BadInput(f"no run on the data of run {model.id} ({model.name}) has finished; name another run")
    valued, metric = ranked_runs(client, [row for row in rows if not has_diverged(row)], metric)
    sign = -1.0 if high_is_good(metric) else 1.0
    recipes = sorted(_recipes(client, rows, valued, groups), key=lambda each: each.rank(sign))
    several = any(each.of > 1 for each in recipes)
    lines = [f"{len(valued)} finished runs of experiment {name} have {metric}; the best:"]
    if several:
        count = f"{len(recipes)} recipe{'s' * (len(recipes) != 1)}"
        lines = [f"{count}, {lines[0].removesuffix(' the best:')} the best by the mean of a recipe:"]
    for each in recipes[:top]:
        lines += _lines(each) if several else [run_line(each.first)]
    lines += _others(name, [row for row in finished if _data(row) != _data(model)], model)
    best = recipes[0]
    lines.append(f"train it once more: {program()} rerun {best.first.id}")
    groups_first = () if best.group is None else ((best.group.id, "recipe_minimal.yaml"),)
    return Winner(
        id=best.first.id,
        lines=tuple(lines),
        sources=(*groups_first, (best.first.id, "recipe_minimal.yaml")),
        best=best.facts(),
        ranked=tuple(each.facts() for each in recipes[:top]),
        metric=metric,
    )


def run_line(row: RunRow) -> str:
    """A run by its best value, with what it is and what it cost."""
    cost = f"{row.time_steps or 0:,} time steps" + (f", {row.seconds:,.0f} s" if row.seconds else "")
    return f"{row.metric} {row.best:.6g}; {_what(row)}; {cost}; run {row.id} ({printable(row.name)})"


def _recipes(
    client: MlflowClient, rows: Sequence[RunRow], valued: Sequence[RunRow], groups: dict[str, RunRow]
) -> list[Recipe]:
    """The runs by recipe: of each seed and fold one, those with a value first, then the newest.

    Args:
        rows: that ended, newest first.
        valued: those of them with the value that counts.
    """
    by_id = {row.id: row for row in valued}
    of_recipe: dict[str, dict[object, RunRow]] = {}
    for row in sorted(rows, key=lambda row: row.id not in by_id):
        which = member(row)
        known = which.seed is not None or GROUP_TAG in row.tags
        same = of_recipe.setdefault(recipe_key(row) if known else row.id, {})
        same.setdefault(row.id if which.seed is None else which, row)
    found = []
    for kept in of_recipe.values():
        told = {row.id: _learned(by_id.get(row.id, row)) for row in kept.values()}
        there = [row for row in valued if row.id in told]  # best first
        if not there:
            continue
        known = any(each is not None for each in told.values())
        found.append(
            Recipe(
                rows=sorted(there, key=lambda row: told[row.id] is False),
                learned=sum(each is not False for each in told.values()) if known else None,
                of=len(kept),
                group=next((groups[r.parent] for r in there if r.parent in groups), None),
            )
        )
    return found


def _learned(row: RunRow) -> bool | None:
    """As a group counts it, by what the run has recorded as best."""
    if has_diverged(row):
        return False
    floors = floors_of(row.tags)
    best = {name: row.metrics[f"{BEST}{name}"] for name in floors if f"{BEST}{name}" in row.metrics}
    if row.metric is not None and row.best is not None:
        best[row.metric] = row.best
    return learned(best, floors, metric=monitored(row.params, row.metrics))


def _lines(each: Recipe) -> list[str]:
    """A recipe, and the best of its runs below it."""
    row = each.first
    above = "" if each.group is None else f"; group {each.group.id} ({printable(each.group.name)})"
    mean = f"{each.spread.mean:.6g}, one run" if each.of == 1 else f"mean {in_words(each.spread)}"
    first = f"{row.metric} {mean}; {each.share()}; {_what(row)}{above}"
    return [first, f"    its best run: {run_line(row)}"]


def _what(row: RunRow) -> str:
    windows = "".join(f", {n}={v}" for n, v in (("k1", row.k1), ("k2", row.k2), ("depth", row.depth)) if v)
    return printable(f"{row.recipe} {row.strategy}{windows}".strip())


def _data(row: RunRow) -> set[tuple[str, str]]:
    """What its metrics are of; the folds of a recipe are one thing."""
    return {(key, value) for key, value in row.data if not key.endswith(".fold")}


def _others(name: str, rows: Sequence[RunRow], model: RunRow) -> list[str]:
    """A line on runs that cannot be compared with `model`: what differs, and how to compare them."""
    if not rows:
        return []
    differs = sorted({key for key, _ in _data(rows[0]) ^ _data(model)})
    shown = ", ".join(differs[:3]) + (", ..." if len(differs) > 3 else "")
    return [
        f"{len(rows)} more are on other data, which does not compare ({shown}): "
        f"{program()} best {name} --like={rows[0].id[:8]}"
    ]
