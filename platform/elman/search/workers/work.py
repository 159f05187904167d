"""One start of a search: trials run until the budget is spent, and what comes of them is published."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from elman.errors import BadInput
from elman.run.summary import command, say
from elman.search.report.display import Display
from elman.search.results.answer import answer
from elman.search.results.review import Review
from elman.search.workers.record import Record
from elman.search.workers.session import Session
from elman.tracking.ui import dashboard_line

REVIEW_SECONDS = 0.5  # between two looks at all trials, while none ends


class Runner(Protocol):
    """What runs the trials: a `Driver`."""

    gave_up: str
    stopping: int

    def run(self, stay: Callable[[], bool]) -> int: ...


def work(session: Session, started: Callable[[Callable[[int | None], None]], Runner]) -> int:
    """Run trials until the budget is spent, and publish what comes of them.

    Args:
        started: makes what runs the trials, given what to call after each change.

    Returns:
        The exit code.
    """
    with session.study.owners.beating():
        record = Record(session)
        display = Display(stream=sys.stdout)
        seen = 0.0

        def changed(number: int | None) -> None:
            nonlocal seen
            now = time.monotonic()
            if number is None and now - seen < REVIEW_SECONDS:
                return
            seen = now
            review = session.review()
            display.show(review, ended=number, stopping=bool(runner.stopping))
            if number is not None:
                record.publish(review)

        runner = started(changed)
        code = 1
        try:
            code = runner.run(record.stay)
        finally:
            display.close()
            review = record.close(code=code)
    if runner.gave_up:
        raise BadInput(runner.gave_up)
    _say_end(session, review, code)
    return code


def _say_end(session: Session, review: Review, code: int) -> None:
    say(answer(review))
    folder = Path(os.path.relpath(session.search.folder))
    if code:
        say(f"go on with: {command()}")
    if (folder / "best.yaml").is_file():
        say(f"the best recipe: elman fit {folder / 'best.yaml'}")
    if (folder / "report.html").is_file():
        say(f"the report: {folder / 'report.html'}")
    say(dashboard_line(session.runs.uri, session.runs.experiment))
