"""One start of a search: from its file to the places that work on it, and what is said at its end."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from elman.errors import BadInput
from elman.launch.account import command, say
from elman.search.checks import common, refuse_impossible
from elman.search.definition import Search
from elman.search.display import Display
from elman.search.kept_study import is_kept
from elman.search.record import Record
from elman.search.review import Review
from elman.search.storage import alone, open_storage
from elman.search.study import Study
from elman.tracking.find import reap
from elman.tracking.store import resolve_uri
from elman.tracking.study_run import StudyRun
from elman.tracking.ui import dashboard_line

REVIEW_SECONDS = 0.5  # between two looks at all trials, while none ends


@dataclass(frozen=True, kw_only=True)
class Session:
    """A study that is open, with its record.

    Args:
        search: what is searched.
        storage_url: where the study is kept; None: in its folder.
        study: in its storage.
        runs: in MLflow.
    """

    search: Search
    storage_url: str | None
    study: Study
    runs: StudyRun

    def review(self) -> Review:
        return self.study.review(command=command())


def open_session(search: Search, storage_url: str | None) -> Session:
    """Check the search, and open its study and its run in MLflow.

    Raises:
        BadInput: for whatever is wrong, before any trial.
    """
    uri = resolve_uri(search.base.config.tracking.tracking_uri)
    reap(uri)  # says at once if there is no such store
    trials = common(search)
    storage = open_storage(storage_url, search.folder)
    if not is_kept(storage, search.name):  # before anything is kept that a mended file would then contradict
        refuse_impossible(search)
    study = Study(
        search,
        storage,
        max_time_steps=trials.max_time_steps,
        val_every=trials.val_every,
        alone=partial(alone, storage_url, search.folder),
    )
    runs = StudyRun(uri, experiment=search.base.config.tracking.experiment, name=search.name)
    return Session(search=search, storage_url=storage_url, study=study, runs=runs)


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
    from elman.search.answer import answer

    say(answer(review))
    folder = Path(os.path.relpath(session.search.folder))
    if code:
        say(f"go on with: {command()}")
    if (folder / "best.yaml").is_file():
        say(f"the best recipe: elman fit {folder / 'best.yaml'}")
    if (folder / "report.html").is_file():
        say(f"the report: {folder / 'report.html'}")
    say(dashboard_line(session.runs.uri, session.runs.experiment))
