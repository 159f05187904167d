"""One start of a search: trials run until the budget is spent, and what comes of them is published."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from elman.errors import BadInput
from elman.program import program
from elman.run.again import requeue
from elman.run.summary import command, say
from elman.search.report.terminal import Display
from elman.search.results.answer import answer
from elman.search.results.review import Review
from elman.search.workers.driver import Driver
from elman.search.workers.record import Record
from elman.search.workers.session import Session
from elman.tracking.ui import dashboard_line

REVIEW_SECONDS = 0.5  # between two reviews of all trials, while none ends


def work(driver: Driver) -> int:
    """Run trials until the budget is spent, and publish what comes of them; the exit code."""
    session = driver.session
    with session.study.owners.beating():
        record = Record(session)
        display = Display(stream=sys.stdout)
        reviewed = 0.0

        def changed(number: int | None) -> None:
            nonlocal reviewed
            now = time.monotonic()
            if number is None and now - reviewed < REVIEW_SECONDS:
                return
            reviewed = now
            review = session.review()
            display.show(review, ended=number, stopping=bool(driver.stopping))
            if number is not None:
                record.publish(review)

        driver.changed = changed
        code = 1
        try:
            code = driver.run(record.stay)
        finally:
            display.close()
            review = record.close(code=code)
    if driver.gave_up:
        raise BadInput(driver.gave_up)
    _print_end(session, review, code)
    if code == 128 + signal.SIGUSR1:
        requeue()
    return code


def _print_end(session: Session, review: Review, code: int) -> None:
    say(answer(review))
    folder = Path(os.path.relpath(session.search.folder))
    if code:
        say(f"go on with: {command(calls=program())}")
    if (folder / "best.yaml").is_file():
        say(f"the best recipe: {program()} fit {folder / 'best.yaml'}")
    if (folder / "report.html").is_file():
        say(f"the report: {folder / 'report.html'}")
    say(dashboard_line(session.runs.uri, session.runs.experiment))
