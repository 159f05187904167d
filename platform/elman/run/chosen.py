"""Which run this is and where it goes on: the first process decides, the others learn it."""

from __future__ import annotations

import os
from pathlib import Path

from elman.errors import BadInput
from elman.run.again import AUTO, AlreadyFinished, is_requeued, newest_unfinished, run_of_this_job
from elman.run.context import Run
from elman.run.folder import take
from elman.run.launched import launched
from elman.run.parallel import REFUSAL_VARIABLE
from elman.run.protocol import RUN_VARIABLE, STARTER_VARIABLE
from elman.run.resume import begun, resumed
from elman.run.summary import say
from elman.run.together import started_for_a_run
from elman.run.without_store import resumed_here
from elman.tracking.beginning import why_away
from elman.tracking.retry import retry
from elman.tracking.store import resolve_uri

RESUME_VARIABLE = "ELMAN_RESUME"


def choose_run(run: Run) -> None:
    """The run to go on with and its checkpoint, where it is not a new one.

    Raises:
        AlreadyFinished: on all processes, if there is nothing left to do.
    """
    if started_for_a_run():
        run.run_id, saved = os.environ[RUN_VARIABLE], os.environ.get(RESUME_VARIABLE)
    else:
        chosen = run.ranks.share(lambda: _chosen(run))
        if chosen is None:
            raise AlreadyFinished
        run.run_id, saved = chosen
    run.checkpoint = Path(saved) if saved else None


def open_run(run: Run) -> None:
    """The run in the store and the folder of its checkpoints, once all processes are ready to train."""
    if started_for_a_run():
        run.folder = run.folder / str(run.run_id)
        run.printed.keep_in(run.folder)
        return
    run.ranks.meet()
    run.run_id, folder, saved = run.ranks.share(lambda: _opened(run))
    run.folder, run.checkpoint = Path(folder), Path(saved) if saved else None
    run.printed.keep_in(run.folder)
    if launched() is None:
        _inform_those_it_starts(run)


def _chosen(run: Run) -> list[str | None] | None:
    """The run's id and its checkpoint, None for a new one; None: there is nothing left to do."""
    if run.fork is not None:
        return [None, str(run.fork.path)]
    if run.search is None:
        try:
            run_id, checkpoint = _resumed(run)
        except AlreadyFinished:
            return None
        return [run_id, None if checkpoint is None else str(checkpoint)]
    run_id = run.search.run_id
    folder = run.folder / run_id
    if folder.is_dir():  # its last process may be about to end
        what = "waiting for the trial's last process"
        retry(lambda: take(folder, str(run_id)), what=what, seconds=run.retry_seconds)
    checkpoint = begun(folder)
    return [run_id, None if checkpoint is None else str(checkpoint)]


def _resumed(run: Run) -> tuple[str | None, Path | None]:
    if (run.resume is not None or is_requeued()) and (
        why := why_away(resolve_uri(run.tracking["tracking_uri"]))
    ):
        name = "" if run.resume in (None, AUTO) else str(run.resume)
        if (left := resumed_here(run.recipe, run.folder, why, name)) is not None:
            return left
        if run.resume in (None, AUTO):
            return None, None
        raise BadInput(
            f"{why}, and {run.folder} knows no such unfinished run; start the store, or leave out --resume"
        )
    if run.resume in (None, AUTO) and is_requeued():
        found = run_of_this_job(run.recipe, run.tracking)
        if found[0] is not None:
            return found
    if run.resume == AUTO:
        return newest_unfinished(run.recipe, run.tracking)
    return resumed(run.recipe, run.tracking, run.resume)


def _opened(run: Run) -> list[str]:
    retry(run.logger.start, what="opening the run", seconds=run.retry_seconds)
    run.run_id = str(run.logger.version)
    folder = run.folder / run.run_id
    folder.mkdir(exist_ok=True)
    take(folder, run.run_id)
    (folder / "refusal.txt").unlink(missing_ok=True)
    if run.fork is not None:
        fresh = run.task.configure_optimizers().state_dict()
        run.checkpoint, lines = run.fork.begin(folder, run.recipe, fresh)
        for line in [*run.fork.lines(), *lines]:
            say(line)
    return [run.run_id, str(folder), str(run.checkpoint or "")]


def _inform_those_it_starts(run: Run) -> None:
    """Leave what was decided where processes find it that Lightning's launcher starts here."""
    os.environ[RUN_VARIABLE], os.environ[STARTER_VARIABLE] = str(run.run_id), str(os.getpid())
    os.environ[RESUME_VARIABLE] = str(run.checkpoint or "")
    os.environ[REFUSAL_VARIABLE] = str(run.folder / "refusal.txt")
