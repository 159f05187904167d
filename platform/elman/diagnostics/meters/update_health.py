"""Whether updates are of a healthy size."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median, quantiles
from typing import Any

import pytorch_lightning as pl
import torch

from elman.diagnostics.look import Look
from elman.diagnostics.meter import Meter, Reading
from elman.pictures.plot import Band, Line, Panel, Plot, Rule

HEALTHY = 1e-3
"""Of an update to the weights, as often recommended."""


OWN = {
    name: f"update_health/{name}"
    for name in ("norm", "norm_low", "norm_high", "clipped_share", "update_to_weights", "skipped")
}
TRAINED = {"norm": "train/gradient_norm", "clipped_share": "train/clipped_share"}
LOGGED = (*OWN.values(), *TRAINED.values())
"""Metrics of a run that has ended which tell of its updates."""


class UpdateHealth(Meter):
    """Gradient norms before clipping, the share that is clipped, |update| / |weights|, and what was skipped.

    Between two validations: the median and the middle 80 % of the norms of all updates; the median over every
    twentieth update of |new - old| / |old|, over all that learns. Only training makes updates, so the meter
    has to be listed in the recipe; of a run that has ended `elman diagnose` shows what it logged then.

    Args:
        every: updates from one whose weights are compared to the next.

    Cost: two copies of the weights every `every` updates.

    Source: the ratio: Karpathy, CS231n lecture notes, "Neural Networks Part 3".
    """

    name = "update_health"
    title = "Are updates of a healthy size?"
    needs_step = False

    def __init__(self, *, every: int = 20) -> None:
        if every < 1:
            raise ValueError(f"every counts updates and must be at least 1, got every={every}")
        self.every = every
        self.rows: list[dict[str, float]] = []  # a report each
        self._norms: list[float] = []
        self._ratios: list[float] = []
        self._clipped = self._skipped = self._count = 0
        self._old: torch.Tensor | None = None
        self._learns: list[torch.Tensor] = []

    def on_train_start(self, trainer: pl.Trainer, task: Any) -> None:
        self._learns = list(task.objective.parameters)
        task.updates.watcher = self

    def before(self, norm: float, *, clipped: bool) -> None:
        self._norms.append(norm)
        self._clipped += clipped
        if self._count % self.every == 0:
            self._old = self._weights()
        self._count += 1

    def after(self) -> None:
        if self._old is not None:
            size = float(self._old.norm())
            self._ratios.append(float((self._weights() - self._old).norm()) / max(size, 1e-300))
            self._old = None

    def skipped(self) -> None:
        self._skipped += 1

    def measure(self, task: Any, data: Any) -> Mapping[str, float]:
        if not self._norms:
            return {}
        low, high = _ends(self._norms)
        row = {
            "time_steps": float(task.time_steps),
            "norm": median(self._norms),
            "norm_low": low,
            "norm_high": high,
            "clipped_share": self._clipped / len(self._norms),
            "skipped": float(self._skipped),
        }
        if self._ratios:
            row["update_to_weights"] = median(self._ratios)
        self.rows.append(row)
        self._norms, self._ratios, self._clipped = [], [], 0
        return super().measure(task, data)

    def read(self, look: Look) -> Reading:
        rows = self.rows or logged_rows(look.history)
        if not rows:
            return _nothing(self.title)
        last = rows[-1]
        steps = [row["time_steps"] for row in rows]
        norms = [row["norm"] for row in rows]
        clip = look.task.updates.clip
        marks: list = [Line(x=steps, y=norms, name="median", marked=len(steps) < 40)]
        if "norm_low" in last:
            ends = ([row["norm_low"] for row in rows], [row["norm_high"] for row in rows])
            marks.insert(0, Band(x=steps, low=ends[0], high=ends[1], name="10 to 90 %"))
        marks += [] if clip is None else [Rule(at=clip, text=f"clip = {clip:g}", level=True)]
        shares = [row["clipped_share"] for row in rows]
        panels = [
            Panel(
                x="time steps",
                y="gradient norm before clipping",
                title="norms",
                marks=tuple(marks),
                log_y=True,
            ),
            Panel(
                x="time steps",
                y="share of updates clipped",
                title="clipping",
                marks=(Line(x=steps, y=shares, marked=len(steps) < 40),),
                y_from=0,
            ),
        ]
        clipped = f"{last['clipped_share']:.0%} of updates clipped"
        sentence = f"Gradient norms are {last['norm']:.2g} in the median, {clipped}"
        ratios = [row for row in rows if "update_to_weights" in row]
        if ratios:
            line = Line(
                x=[row["time_steps"] for row in ratios],
                y=[row["update_to_weights"] for row in ratios],
                marked=len(ratios) < 40,
            )
            healthy = Rule(at=HEALTHY, text="a thousandth", level=True)
            panels.append(
                Panel(
                    x="time steps",
                    y="|update| / |weights|",
                    title="updates",
                    marks=(line, healthy),
                    log_y=True,
                )
            )
            sentence += (
                f"; an update moves the weights by {ratios[-1]['update_to_weights']:.1e} of their size"
            )
        skipped = int(last.get("skipped", 0))
        sentence += (
            f"; {skipped} updates had no finite gradient." if skipped else "; all gradients were finite."
        )
        plot = Plot(title=self.title, caption="Between validations, over training.", panels=tuple(panels))
        metrics = {name: value for name, value in last.items() if name != "time_steps"}
        return Reading(metrics=metrics, plot=plot, sentence=sentence)

    def missing(self, task: Any, data: Any) -> str:
        return ""

    def state_dict(self) -> dict[str, Any]:
        return {
            "rows": [dict(row) for row in self.rows],
            "norms": list(self._norms),
            "ratios": list(self._ratios),
            "counts": [self._clipped, self._skipped, self._count],
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.rows, self._norms = [dict(row) for row in state_dict["rows"]], list(state_dict["norms"])
        self._ratios = list(state_dict["ratios"])
        self._clipped, self._skipped, self._count = state_dict["counts"]

    def _weights(self) -> torch.Tensor:
        return torch.cat([weight.detach().flatten() for weight in self._learns])


def logged_rows(history: Mapping[str, list[tuple[int, float]]]) -> list[dict[str, float]]:
    """What a run has logged of its updates: by this meter, else by every run's training metrics."""
    names = OWN if history.get(OWN["norm"]) else TRAINED
    by_step: dict[int, dict[str, float]] = {}
    for name, logged in names.items():
        for step, value in history.get(logged, []):
            by_step.setdefault(step, {"time_steps": float(step)})[name] = value
    return [row for _, row in sorted(by_step.items()) if {"norm", "clipped_share"} <= row.keys()]


def _ends(values: list[float]) -> tuple[float, float]:
    if len(values) < 2:
        return values[0], values[0]
    tenths = quantiles(values, n=10, method="inclusive")
    return tenths[0], tenths[-1]


def _nothing(title: str) -> Reading:
    panel = Panel(x="time steps", y="gradient norm before clipping", marks=())
    plot = Plot(title=title, caption="No update is on record.", panels=(panel,))
    return Reading(metrics={}, plot=plot, sentence="No update is on record.")
