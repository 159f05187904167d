"""The training figures of a run, from sums since the last report and a clock of training alone."""

from __future__ import annotations

import time

from elman.tasks.loss import SequenceLoss
from elman.tasks.updates import Updates


class Report:
    """Turns what `Updates` has summed into figures; the clock stands while validation runs."""

    def __init__(self) -> None:
        self._then, self._seen, self._paused = 0.0, 0, 0.0
        self._before = 0  # updates summed before the clock started, in a run that goes on
        self._waited = 0.0
        self.seconds = self.waited_seconds = 0.0  # in all reports

    def begin(self, updates: Updates, time_steps: int, waited_seconds: float = 0.0) -> None:
        """Start the clock."""
        self._then, self._seen = time.perf_counter(), time_steps
        self._before = updates.since.updates
        self._waited = waited_seconds

    def pause(self) -> None:
        """Stop the clock."""
        self._paused = time.perf_counter()

    def go_on(self) -> None:
        """Let the clock run again after a pause."""
        self._then += time.perf_counter() - self._paused

    def figures(
        self,
        updates: Updates,
        *,
        loss: SequenceLoss,
        learning_rate: float,
        time_steps: int,
        restarted_rows: int,
        waited_seconds: float = 0.0,
    ) -> dict[str, float]:
        """The figures since the last call, which start the next sums; none where no update was made."""
        since = updates.since
        if not (since.updates and since.scored):
            return {}
        means = loss.metrics(float(since.loss) / since.scored, None)
        figures = {
            **{f"train/{name}": value for name, value in means.items()},
            "train/gradient_norm": since.norm / since.updates,
            "train/clipped_share": since.clipped / since.updates,
            "train/learning_rate": learning_rate,
            "train/updates": float(updates.made),
        }
        if updates.skipped:
            figures["train/skipped_updates"] = float(updates.skipped)
        if restarted_rows:
            figures["train/restarted_rows"] = float(restarted_rows)
        now = time.perf_counter()
        if time_steps > self._seen:
            figures["train/steps_per_second"] = (time_steps - self._seen) / (now - self._then)
            figures["train/waiting_share"] = (waited_seconds - self._waited) / (now - self._then)
            figures["train/update_ms"] = 1000 * (now - self._then) / max(1, since.updates - self._before)
        self.seconds += now - self._then
        self.waited_seconds += waited_seconds - self._waited
        updates.since = type(since)()
        self._then, self._seen, self._before, self._waited = now, time_steps, 0, waited_seconds
        return figures
