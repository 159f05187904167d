"""What a search shows in the terminal: a live table, or a line for each trial where nobody watches."""

from __future__ import annotations

import sys
import time
from typing import Any, TextIO

from elman.search.results.review import Review

REFRESH_PER_SECOND = 4
STOPPING = "stopping: trials save themselves; again to stop at once"


class Display:
    """Shows the newest review.

    Args:
        stream: where to; a table that renews itself on a terminal, plain lines elsewhere.
    """

    def __init__(self, *, stream: TextIO = sys.stdout) -> None:
        self.stream, self.began = stream, time.monotonic()
        self._live: Any = None
        self._said_stopping = False
        if stream.isatty():
            from rich.console import Console
            from rich.live import Live

            self._console = Console(file=stream)
            self._live = Live(
                console=self._console, refresh_per_second=REFRESH_PER_SECOND, redirect_stderr=True
            )
            self._live.start()

    def show(self, review: Review, *, ended: int | None = None, stopping: bool = False) -> None:
        """Show `review`; `ended` is the trial that has just ended, `stopping` after the first signal."""
        from elman.search.report.table import line, table

        if self._live is not None:
            from rich.console import Group

            passed = time.monotonic() - self.began
            shown = table(review, width=self._console.width, elapsed_seconds=passed)
            self._live.update(Group(shown, STOPPING) if stopping else shown)
            return
        if stopping and not self._said_stopping:
            self._said_stopping = True
            print(STOPPING, file=sys.stderr, flush=True)
        states = {trial.number: trial for trial in review.trials}
        if ended is not None and states[ended].state in ("complete", "pruned", "failed"):
            print(line(review, states[ended]), file=self.stream, flush=True)

    def close(self) -> None:
        """Leave the last table where it stands."""
        if self._live is not None:
            self._live.stop()
            self._live = None
