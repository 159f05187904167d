"""The study's record in MLflow: of several processes that share a study, the one that leads keeps it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from elman.errors import BadInput
from elman.run.summary import command
from elman.search.report.publisher import Publisher
from elman.search.results.review import Review
from elman.tracking.secrets import without_secrets
from elman.tracking.tags import BUDGET_TAG, COMMAND_TAG, STORAGE_TAG

if TYPE_CHECKING:
    from elman.search.workers.session import Session

WAIT_SECONDS = 1.0
LEADER_SECONDS = 300.0  # what another process may take to open the study's run
STATUS = {0: "FINISHED", 1: "FAILED"}


class Record:
    """What this process does for the study's own run: all of it while it leads, else nothing.

    Args:
        session: the study.

    Raises:
        BadInput: if another process leads that opens no run.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self._publisher: Publisher | None = None
        end = time.monotonic() + LEADER_SECONDS
        while not self.is_ours():
            if run_id := session.study.run_id:
                session.runs.attach(run_id)
                return
            if time.monotonic() > end:
                raise BadInput(
                    f"study {session.search.name!r} is led by another process that has opened no run in "
                    f"MLflow for {LEADER_SECONDS:.0f} s; look at its output"
                )
            time.sleep(WAIT_SECONDS)

    def is_ours(self) -> bool:
        """Whether this process leads; from now on, if the one that did has died."""
        leads = self.session.study.owners.lead()
        if leads and self._publisher is None:
            self._open()
        return leads

    def publish(self, review: Review) -> None:
        if self.is_ours() and self._publisher is not None:
            self._publisher.publish(review)

    def stay(self) -> bool:
        """Whether a process whose own work is done is still needed.

        The one that leads stays until no other runs a trial, and goes on with what dead ones leave; another
        one stays until it knows that the one that leads lives, and while confirming runs are left.
        """
        if self.is_ours():
            return self.session.study.owners.others_at_work()
        study = self.session.study
        return not study.owners.leader_is_known() or (
            bool(study.confirming.runs) and study.confirming.is_left()
        )

    def close(self, *, code: int) -> Review:
        """Publish the end of this search; what the study has found."""
        leads = self.is_ours()
        if leads:
            finalize_dead(self.session)
        review = self.session.review()
        if leads and self._publisher is not None:
            self._publisher.close(review, status=STATUS.get(code, "KILLED"))
            self.session.study.owners.release_lead()
        return review

    def _open(self) -> None:
        study, runs, search = self.session.study, self.session.runs, self.session.search
        run_id = runs.open(study.run_id, study_id=study.study_id(), recipe=search.file)
        runs.run.params(_params(self.session))
        runs.run.tags(_tags(self.session))
        runs.run.text(search.text, "search.yaml")
        runs.run.text(search.base.resolved, "recipe.yaml")
        study.lay_out()
        finalize_dead(self.session)
        study.run_id = run_id  # others begin when they see it
        self._publisher = Publisher(runs, search.folder, recipe=study.recipe)


def finalize_dead(session: Session) -> None:
    """Give every trial's run that no process writes any more the end that the study has."""
    review = session.review()
    trials = {trial.number: trial for trial in (*review.trials, *review.confirmations)}
    for run in session.runs.unfinished():
        trial = trials.get(run.trial) if run.trial is not None else None
        if run.alive:
            continue
        if trial is not None and trial.state in ("complete", "pruned", "failed"):
            session.runs.finalize(run.id, trial.state, why=trial.why)
        elif run.alive is False:
            session.runs.finalize(run.id, "stopped")


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
        COMMAND_TAG: command(),
        BUDGET_TAG: session.search.settings.budget.words(),
        STORAGE_TAG: without_secrets(session.storage_url or str(session.search.folder / "journal.log")),
    }
