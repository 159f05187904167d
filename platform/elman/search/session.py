"""One start of a search: from its file to the places that work on it, and what is said at its end."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from elman.errors import BadInput
from elman.launch.account import command, say
from elman.search.checks import common, refuse_impossible
from elman.search.definition import Search
from elman.search.display import Display
from elman.search.publisher import Publisher
from elman.search.review import Review
from elman.search.storage import open_storage
from elman.search.study import Study
from elman.tracking.find import reap
from elman.tracking.process import is_alive
from elman.tracking.store import resolve_uri, without_password
from elman.tracking.study_run import StudyRun
from elman.tracking.ui import dashboard_line

log = logging.getLogger(__name__)

REVIEW_SECONDS = 0.5  # between two looks at all trials, while none ends
WAIT_SECONDS = 1.0  # between two looks at what other machines do
LEADER_SECONDS = 120.0  # what another process may take to open the study's run


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
    study = Study(search, storage, max_time_steps=trials.max_time_steps, val_every=trials.val_every)
    if not study.begun:
        refuse_impossible(search)
    study.owners.beat()
    runs = StudyRun(uri, experiment=search.base.config.tracking.experiment, name=search.name)
    return Session(search=search, storage_url=storage_url, study=study, runs=runs)


class Runner(Protocol):
    """What runs the trials: a `Driver` on this machine, or a cluster."""

    gave_up: str

    def run(self) -> int: ...


def work(
    session: Session, started: Callable[[Callable[[int | None], None]], Runner], *, quiet: bool = False
) -> int:
    """Run trials until the budget is spent, and publish what comes of them.

    Of several processes that share a study one leads: it keeps the study's record.

    Args:
        started: makes what runs the trials, given what to call after each change.
        quiet: show nothing, record nothing of the study: another process does.

    Returns:
        The exit code.
    """
    study, runs, search = session.study, session.runs, session.search
    leads = not quiet and study.owners.lead()
    if leads:
        study.run_id = runs.open(study.run_id, study_id=study.study_id(), recipe=search.file)
        runs.describe(params=_params(session), tags=_tags(session))
        runs.text(search.text, "search.yaml")
        runs.text(search.base.resolved, "recipe.yaml")
        study.fill_grid()
        settle_dead(session)
    else:
        runs.attach(_leaders_run(study))
    publisher = None
    if leads:
        publisher = Publisher(runs, search.folder, recipe=study.recipe)
    display = None if quiet else Display(stream=sys.stdout)
    seen = [0.0]

    def changed(number: int | None) -> None:
        now = time.monotonic()
        if quiet or (number is None and now - seen[0] < REVIEW_SECONDS):
            return
        seen[0] = now
        review = session.review()
        if display is not None:
            display.show(review, ended=number)
        if publisher is not None and number is not None:
            publisher.publish(review)

    runner = started(changed)
    code = 1
    try:
        code = runner.run()
        if leads and not code:
            _wait_for_others(session, changed)
    finally:
        if display is not None:
            display.close()
        review = session.review()
        if publisher is not None:
            settle_dead(session)
            status = "FINISHED" if code == 0 else "FAILED" if code == 1 else "KILLED"
            publisher.close(review, status=status)
            study.owners.leave()
    if runner.gave_up and not quiet:
        raise BadInput(runner.gave_up)
    if not quiet:
        _say_end(session, review, code)
    return code


def settle_dead(session: Session) -> None:
    """Give every trial's run that no process writes any more the end that the study knows of."""
    states = {trial.number: trial for trial in session.review().trials}
    for run_id, number, process in session.runs.unsettled():
        trial = states.get(number)
        if process is not None and is_alive(process) is not False:
            continue
        if trial is None or trial.state not in ("complete", "pruned", "failed"):
            if process is not None:
                session.runs.settle(run_id, "stopped")
        else:
            session.runs.settle(run_id, trial.state, why=trial.why)


def _leaders_run(study: Study) -> str:
    """The study's run, which the process that leads opens."""
    end = time.monotonic() + LEADER_SECONDS
    while time.monotonic() < end:
        if run_id := study.run_id:
            return run_id
        time.sleep(WAIT_SECONDS)
    raise BadInput(
        f"study {study.search.name!r} is led by another process that has opened no run in MLflow for "
        f"{LEADER_SECONDS:.0f} s; look at its output"
    )


def _wait_for_others(session: Session, changed: Any) -> None:
    """Until no other living process runs a trial; what a dead one leaves is left to the next start."""
    while session.study.owners.others_at_work():
        time.sleep(WAIT_SECONDS)
        session.study.owners.beat()
        changed(None)


def _params(session: Session) -> dict[str, Any]:
    settings = session.search.settings
    space = {f"space.{target}": value for target, value in settings.space.items()}
    return {
        **space,
        "objectives": dict(settings.objectives),
        "sampler": settings.sampler,
        "pruner": settings.pruner,
        "constraints": dict(settings.constraints),
        "sampler_seed": settings.seed,
    }


def _tags(session: Session) -> dict[str, str]:
    return {
        "elman.command": command(),
        "elman.budget": session.search.settings.budget.words(),
        "elman.storage": without_password(session.storage_url or str(session.search.folder / "journal.log")),
    }


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
