"""The training metrics of a run, from sums since the last report and a clock of training alone."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from elman.bptt import BackpropThroughTime
from elman.tasks.evaluation import LEAST_UNKNOWN
from elman.tasks.loss import SequenceLoss
from elman.tasks.side_by_side import side_by_side
from elman.tasks.updates import Updates


class TrainingMetrics:
    """Turns what `Updates` has summed into metrics; the clock stands while validation runs."""

    def __init__(self, updates: Updates, loss: SequenceLoss, bptt: BackpropThroughTime) -> None:
        self.updates, self.loss, self.bptt = updates, loss, bptt
        self._then, self._seen, self._paused = 0.0, 0, 0.0
        self._before = 0  # updates summed before the clock started, in a run that goes on
        self._waited = 0.0
        self._seconds = self._waited_seconds = 0.0  # in all reports
        self._own_steps, self._exchanged = 0, 0.0  # of this process, since the last one

    @property
    def waiting_share(self) -> float:
        """Share of the training time, up to the last report, in which this process waited for data."""
        return self._waited_seconds / max(self._seconds, 1e-9)

    def begin(self, time_steps: int, loader: Any) -> None:
        """Start the clock.

        Args:
            loader: of training data; may count `waited_seconds`, and have `metrics`.
        """
        self._then, self._seen = time.perf_counter(), time_steps
        self._before = self.updates.running.updates
        self._waited = _waited_seconds(loader)

    def count(self, own_steps: int) -> None:
        """Note the time steps that this process has trained on."""
        self._own_steps += own_steps

    def pause(self) -> None:
        """Stop the clock."""
        self._paused = time.perf_counter()

    def go_on(self) -> None:
        """Let the clock run again after a pause."""
        self._then += time.perf_counter() - self._paused

    def report(
        self, time_steps: int, loader: Any, *, learning_rate: float, counts: Mapping[str, int]
    ) -> dict[str, float]:
        """The metrics since the last call, which start the next sums; none where no update was made.

        Args:
            counts: of rows, by name, since training began.
        """
        updates, sums = self.updates, self.updates.running
        if not (sums.updates and sums.scored):
            return {}
        means = self.loss.metrics(float(sums.loss) / sums.scored, None)
        metrics = {
            **{f"train/{name}": value for name, value in means.items()},
            "train/gradient_norm": sums.norm / sums.updates,
            "train/clipped_share": sums.clipped / sums.updates,
            "train/learning_rate": learning_rate,
            "train/updates": float(updates.made),
            **{f"bptt/{name}": value for name, value in self.bptt.metrics().items()},
        }
        if (share := getattr(loader, "unknown_share", 0.0)) >= LEAST_UNKNOWN:
            metrics["train/unknown_share"] = share
        if updates.skipped:
            metrics["train/skipped_updates"] = float(updates.skipped)
        metrics |= {f"train/{name}": float(count) for name, count in counts.items()}
        if (of_data := getattr(loader, "metrics", None)) is not None:
            metrics |= {f"train/{name}": value for name, value in of_data().items()}
        now, waited = time.perf_counter(), _waited_seconds(loader)
        if time_steps > self._seen:
            metrics["train/steps_per_second"] = (time_steps - self._seen) / (now - self._then)
            metrics["train/waiting_share"] = (waited - self._waited) / (now - self._then)
            metrics["train/update_ms"] = 1000 * (now - self._then) / max(1, sums.updates - self._before)
        metrics |= self._of_ranks(now - self._then)
        self._seconds += now - self._then
        self._waited_seconds += waited - self._waited
        updates.running = type(sums)()
        self._then, self._seen, self._before, self._waited = now, time_steps, 0, waited
        return metrics

    def _of_ranks(self, seconds: float) -> dict[str, float]:
        """What each process did meanwhile; nothing of one alone."""
        gradient = self.updates.gradient
        if gradient is None or gradient.ranks == 1:
            return {}
        exchanged, self._exchanged = gradient.exchanging - self._exchanged, gradient.exchanging
        own, self._own_steps = self._own_steps, 0
        return side_by_side(own, exchanged, seconds, like=gradient.buffer)


def _waited_seconds(loader: Any) -> float:
    """What training has waited for data so far, in this process."""
    return float(getattr(loader, "waited_seconds", 0.0))
