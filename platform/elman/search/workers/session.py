"""A study that is open, with its record in MLflow."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from elman.run.summary import command
from elman.search.results.review import Review
from elman.search.space.checks import common, refuse_impossible
from elman.search.space.definition import Search
from elman.search.study.kept_study import CHANCE, DATA, is_kept
from elman.search.study.storage import mutex, open_storage
from elman.search.study.study import Study
from elman.search.study.warm_start import refuse_other_data
from elman.tracking.find import mark_stale
from elman.tracking.store import resolve_uri
from elman.tracking.study_run import StudyRun


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
    mark_stale(uri)  # fails at once if there is no such store
    trials = common(search)
    storage = open_storage(storage_url, search.folder)
    measured = None
    if not is_kept(storage, search.name):  # before anything is kept that a mended file would then contradict
        measured = refuse_impossible(search)
        refuse_other_data(search, measured.digest)
    study = Study(
        search,
        storage,
        max_time_steps=trials.max_time_steps,
        val_every=trials.val_every,
        mutex=partial(mutex, storage_url, search.folder),
    )
    if measured is not None:
        study.kept.note(CHANCE, measured.chance)
        study.kept.note(DATA, measured.digest)
    runs = StudyRun(uri, experiment=search.base.config.tracking.experiment, name=search.name)
    return Session(search=search, storage_url=storage_url, study=study, runs=runs)
