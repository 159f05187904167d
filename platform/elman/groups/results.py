"""What the runs of a group have come to: metrics of each, which have learned, and the spread of those."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from elman.groups.spread import Spread, spread
from elman.tracking.floor import floors_of, learned
from elman.tracking.metrics import high_is_good, monitored, points
from elman.tracking.runs import RunRow
from elman.tracking.tags import DIVERGED_TAG, WHY_TAG

if TYPE_CHECKING:
    from mlflow import MlflowClient

Curve = list[tuple[int, float]]


@dataclass(frozen=True, kw_only=True)
class Result:
    """One run of a group.

    Args:
        name: which one it is: "seed 3".
        row: as the store has it.
        metric: what it monitored; None: it has no metric of validation yet.
        best, best_step: the best value of that, of equal ones the last, and its time step.
        curves: (time step, value) of every metric of validation.
        learned: whether it is better than a constant answer; None: nobody knows what that reaches.
    """

    name: str
    row: RunRow
    metric: str | None = None
    best: float | None = None
    best_step: int | None = None
    curves: Mapping[str, Curve] = field(default_factory=dict)
    learned: bool | None = None

    @property
    def finished(self) -> bool:
        return self.row.status == "FINISHED"

    @property
    def diverged(self) -> bool:
        return has_diverged(self.row)

    @property
    def failed(self) -> bool:
        """Whether it came to no result, and not by what it is."""
        return self.row.status == "FAILED" and not self.diverged

    @property
    def ended(self) -> bool:
        """Whether it has a result, if only that nothing was learned."""
        return self.finished or self.diverged

    @property
    def counts(self) -> bool:
        """Whether it is part of the mean: it has finished, and has not failed to learn."""
        return self.finished and self.learned is not False and self.best is not None

    @property
    def figures(self) -> dict[str, float]:
        """What is averaged: the best value, the last ones of validation, those of the test, and the cost."""
        found: dict[str, float] = {}
        if self.best is not None and self.metric is not None:
            found[f"best {self.metric}"] = self.best
        for kind in ("val/", "test/", "cost/"):
            found |= {name: v for name, v in sorted(self.row.metrics.items()) if name.startswith(kind)}
        return found

    def verdict(self) -> str:
        """How it ended, in a few words."""
        if self.failed:
            why = " ".join(self.row.tags.get(WHY_TAG, "").split())
            return f"failed: {why}" if why else "failed"
        if not self.ended:
            return {"RUNNING": "running", "SCHEDULED": "waiting"}.get(self.row.status, "stopped")
        if self.learned is False:
            return "diverged" if self.diverged or self.best is None else "did not learn"
        return ""


def has_diverged(row: RunRow) -> bool:
    """Whether a run has failed because what it learned was no number any more."""
    return row.status == "FAILED" and DIVERGED_TAG in row.tags


def result_of(client: MlflowClient, name: str, row: RunRow) -> Result:
    """What a run has come to.

    Cost: the histories of its metrics of validation.
    """
    names = [metric for metric in row.metrics if metric.startswith("val/")]
    curves = {metric: points(client, row.id, metric) for metric in names}
    best = {
        metric: found for metric, curve in curves.items() if (found := best_of(curve, metric)) is not None
    }
    metric = monitored(row.params, row.metrics)
    value, step = best.get(metric or "", (None, None))
    has_learned = learned(
        {each: found[0] for each, found in best.items()}, floors_of(row.tags), metric=metric
    )
    if has_diverged(row) or (row.status == "FINISHED" and metric is not None and value is None):
        has_learned = False
    return Result(
        name=name, row=row, metric=metric, best=value, best_step=step, curves=curves, learned=has_learned
    )


def best_of(curve: Curve, metric: str) -> tuple[float, int] | None:
    """The best value of a curve and its time step, of equal ones the last; None: it has no point."""
    sign = -1.0 if high_is_good(metric) else 1.0
    best = min(curve, key=lambda point: (sign * point[1], -point[0]), default=None)
    return None if best is None else (best[1], best[0])


@dataclass(frozen=True, kw_only=True)
class Summary:
    """A group as a whole.

    Args:
        varies: what its runs differ in.
        results: of its runs, in their order.
        asked: how many runs it is to have; some may not have begun.
    """

    varies: str
    results: Sequence[Result]
    asked: int = 0

    @property
    def total(self) -> int:
        return max(self.asked, len(self.results))

    @property
    def metric(self) -> str | None:
        """What its runs monitor."""
        return next((each.metric for each in self.results if each.metric is not None), None)

    @property
    def counted(self) -> list[Result]:
        """The runs that are averaged."""
        return [each for each in self.results if each.counts]

    def spreads(self) -> dict[str, Spread]:
        """Of every metric that all counted runs have."""
        rows = [each.figures for each in self.counted]
        names = [name for name in rows[0] if all(name in row for row in rows)] if rows else []
        return {name: found for name in names if (found := spread([row[name] for row in rows])) is not None}

    def counts(self) -> dict[str, int]:
        """Runs by how they ended; `learned` only where a floor is known."""
        ended = [each for each in self.results if each.ended]
        found = {
            "ended": len(ended),
            "failed": sum(each.failed for each in self.results),
            "open": self.total - sum(each.ended or each.failed for each in self.results),
        }
        if any(each.learned is not None for each in ended):
            found["learned"] = sum(each.learned is not False for each in ended)
        return found

    def headline(self) -> str:
        """The answer in a line: mean, interval, and how many learned."""
        known = self.spreads().get(f"best {self.metric}")
        lines = [share] if (share := self.share()) else []
        if known is not None:
            lines.insert(0, f"best {self.metric} {in_words(known)}")
        return "; ".join(lines) or "nothing yet"

    def share(self) -> str:
        """How many of the runs finished and learned: "4 of 5 seeds learned"."""
        found, total, what = self.counts(), self.total, f"{self.varies.replace(' and ', 's and ')}s"
        parts = []
        if found["open"]:
            parts.append(f"{found['ended']} of {total} {what} finished")
        if found["failed"]:
            parts.append(f"{found['failed']} of {total} failed")
        if found["ended"]:
            known = "learned" in found
            parts.append(
                f"{found['learned']} of {found['ended']} {what} learned"
                if known
                else f"{found['ended']} {what}"
            )
        return ", ".join(parts)

    def as_json(self) -> dict[str, Any]:
        """For programs; the names stay."""
        return {
            "varies": self.varies,
            "metric": self.metric,
            "counts": self.counts(),
            "runs": [
                {
                    "member": each.name,
                    "run": each.row.id,
                    "state": each.row.state,
                    "learned": each.learned,
                    "best_step": each.best_step,
                    "metrics": each.figures,
                }
                for each in self.results
            ],
            "spread": {
                name: {"count": s.count, "mean": s.mean, "sd": s.sd, "low": s.low, "high": s.high}
                for name, s in self.spreads().items()
            },
        }


def in_words(found: Spread) -> str:
    """A mean with its interval: "0.0213 (95 % interval 0.0198 to 0.0228)"."""
    if found.low is None or found.high is None:
        return f"{found.mean:.4g} (one run has no interval)"
    digits = digits_for(found.sd or 0.0, found.mean)
    low, high = (f"{value:.{digits}f}" for value in (found.low, found.high))
    return f"{found.mean:.{digits}f} (95 % interval {low} to {high})"


def digits_for(sd: float, mean: float) -> int:
    """Digits after the point that show two digits of a spread, at most 9."""
    from math import floor, isfinite, log10

    size = sd or abs(mean) / 100
    if not size or not isfinite(size):
        return 4
    return min(9, max(0, 1 - floor(log10(size))))
