"""A study in MLflow: one run for itself, and one nested run for each of its trials."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from elman.errors import BadInput
from elman.tracking.find import search_runs
from elman.tracking.logger import NOTE_CHARACTERS, TAG_CHARACTERS
from elman.tracking.opening import create_run, reopen_run
from elman.tracking.params import clean_name, flat_params
from elman.tracking.retry import RETRY_SECONDS, retry
from elman.tracking.store import open_store, without_password
from elman.tracking.tags import (
    ATTEMPT_TAG,
    NOTE_TAG,
    OWN_NOTE_TAG,
    PARENT_TAG,
    PROCESS_TAG,
    RECIPE_TAG,
    SOURCE_TAG,
    SOURCE_TYPE_TAG,
    STATE_TAG,
    STUDY_ID_TAG,
    STUDY_TAG,
    TRIAL_TAG,
    USER_TAG,
    VIEW_TAG,
    WHY_TAG,
)

T = TypeVar("T")

STATUS = {"complete": "FINISHED", "pruned": "KILLED", "failed": "FAILED", "stopped": "KILLED"}
"""MLflow's word for how a trial, or a study, has ended."""
EXPERIMENT_TAG_CHARACTERS = 5000


class StudyRun:
    """The runs of one study. Every call waits for a store that is away for a while.

    Args:
        tracking_uri: the store.
        experiment: name of the experiment, created when missing.
        name: of the study.
    """

    def __init__(self, tracking_uri: str, *, experiment: str, name: str) -> None:
        self.uri, self.experiment, self.name = tracking_uri, experiment, name
        self.client = retry(lambda: open_store(tracking_uri), what="opening the tracking store")
        self.id = ""
        self.experiment_id = ""
        self.patience_seconds = RETRY_SECONDS
        self._logged: dict[str, int] = {}  # largest step of each metric of the study
        self._resulted: set[str] = set()  # trials' runs that have their result
        self._view = ""

    # The study's own run.

    def open(self, run_id: str | None, *, study_id: str, recipe: str) -> str:
        """Go on with the study's run, or make it; its id.

        Args:
            run_id: as the study remembers it; None: look for it, since a kill may have come in between.
            study_id: tells it from others of the same name.
            recipe: the name of the search's file.
        """
        known = run_id if self._is_there(run_id) else self._find(f"tags.`{STUDY_ID_TAG}` = '{study_id}'")
        if known is not None:
            opened = self._try(lambda: reopen_run(self.client, self.uri, known), "opening the study's run")
        else:
            opened = self._try(
                lambda: create_run(self.client, self.uri, experiment=self.experiment, name=self.name),
                "making the study's run",
            )
            self._tags(opened.id, {STUDY_ID_TAG: study_id, STUDY_TAG: self.name, RECIPE_TAG: recipe})
        self.id, self.experiment_id = opened.id, opened.experiment_id
        return self.id

    def attach(self, run_id: str) -> None:
        """Write below a study's run that another process has opened.

        Raises:
            BadInput: if it is not in this store.
        """
        if not self._is_there(run_id):
            raise BadInput(
                f"the study's run {run_id} is not in {without_password(self.uri)}; give the "
                "--tracking.tracking_uri of the search that leads this study"
            )
        self.id = run_id
        run = self._try(lambda: self.client.get_run(run_id), "reading the study's run")
        self.experiment_id = run.info.experiment_id

    def describe(self, *, params: Mapping[str, Any], tags: Mapping[str, str]) -> None:
        """Parameters and tags of the study. A parameter that was recorded before stays as it was."""
        known = self._try(lambda: self.client.get_run(self.id), "reading the study's run").data.params
        self._params(self.id, {k: v for k, v in flat_params(params).items() if k not in known})
        self._tags(self.id, tags)

    def note(self, markdown: str) -> None:
        self._tags(self.id, {NOTE_TAG: _shortened(markdown, NOTE_CHARACTERS)})

    def experiment_note(self, markdown: str) -> None:
        """The head of the experiment's page, unless somebody has written another."""
        text = _shortened(markdown, EXPERIMENT_TAG_CHARACTERS)
        experiment = self._try(
            lambda: self.client.get_experiment(self.experiment_id), "reading the experiment"
        )
        found = experiment.tags.get(NOTE_TAG, "")
        if found in (text, "") or found == experiment.tags.get(OWN_NOTE_TAG):
            for tag in (OWN_NOTE_TAG, NOTE_TAG) if found != text else ():
                self._experiment_tag(tag, text)

    def view(self, state: str) -> None:
        """How the page of runs shows this study, under its run's id; one that is too long is left out."""
        if state != self._view and len(state) <= EXPERIMENT_TAG_CHARACTERS:
            self._experiment_tag(f"{VIEW_TAG}{self.id}", state)
            self._view = state

    def text(self, text: str, artifact_file: str) -> None:
        self._try(
            lambda: self.client.log_text(self.id, without_password(text), artifact_file),
            f"recording {artifact_file}",
        )

    def folder(self, folder: Path, artifact_path: str) -> None:
        """Copy all files of a folder."""
        self._try(
            lambda: self.client.log_artifacts(self.id, str(folder), artifact_path),
            f"recording {artifact_path}",
        )

    def metrics(self, values: Mapping[str, float], *, step: int) -> None:
        """Metrics of the study after `step` trials; what is recorded at this step or later is skipped."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        fresh = []
        for key, value in values.items():
            if key not in self._logged:
                history = self._try(
                    lambda key=key: self.client.get_metric_history(self.id, key),
                    "reading the study's metrics",
                )
                self._logged[key] = max((metric.step for metric in history), default=-1)
            if step > self._logged[key]:
                fresh.append(Metric(clean_name(key), float(value), now, step))
        if fresh:
            self._try(lambda: self.client.log_batch(self.id, metrics=fresh), "recording the study's metrics")
            self._logged.update((metric.key, step) for metric in fresh)

    def end(self, status: str) -> None:
        self._try(lambda: self.client.set_terminated(self.id, status), "recording the study's end")

    # The runs of its trials.

    def trial(
        self, number: int, *, params: Mapping[str, Any], name: str = "", known: str | None = None
    ) -> str:
        """The run of a trial, made when missing; its id. It is SCHEDULED until the trial's process starts.

        Args:
            known: its run as the study remembers it.
        """
        found = known if self._is_there(known) else None
        if found is None:
            found = self._find(f"tags.`{TRIAL_TAG}` = '{number}' and tags.`{PARENT_TAG}` = '{self.id}'")
        if found is None:
            found = self._try(lambda: self._make_trial(number, name), f"making the run of trial {number}")
        self._params(found, {clean_name(key): str(value) for key, value in params.items()})
        return found

    def _make_trial(self, number: int, name: str) -> str:
        run = self.client.create_run(
            self.experiment_id,
            run_name=name or f"trial {number}",
            tags={
                PARENT_TAG: self.id,
                STUDY_TAG: self.name,
                TRIAL_TAG: str(number),
                ATTEMPT_TAG: "0",
                USER_TAG: self.client.get_run(self.id).data.tags.get(USER_TAG, "unknown"),
                SOURCE_TAG: "elman search",
                SOURCE_TYPE_TAG: "LOCAL",
            },
        )
        self.client.update_run(run.info.run_id, "SCHEDULED")
        return str(run.info.run_id)

    def settle(self, run_id: str, state: str, *, why: str = "") -> None:
        """Make sure that a trial's run says how the trial has ended, also where its process could not.

        Args:
            state: complete, pruned, failed, or stopped: it will go on.
            why: it failed.
        """
        tags = {STATE_TAG: state} if state != "stopped" else {}
        if why:
            tags[WHY_TAG] = why
        self._tags(run_id, tags)
        run = self._try(lambda: self.client.get_run(run_id), "reading a trial's run")
        if run.info.status != STATUS[state]:
            self._try(lambda: self.client.set_terminated(run_id, STATUS[state]), "recording a trial's end")

    def result(self, run_id: str, objectives: Mapping[str, float], *, time_steps: int) -> None:
        """What an ended trial counts for in the study, once: lists of runs sort by it."""
        from mlflow.entities import Metric

        if run_id in self._resulted:
            return
        known = self._try(lambda: self.client.get_run(run_id), "reading a trial's run").data.metrics
        now = int(time.time() * 1000)
        values = {clean_name(f"value/{name}"): value for name, value in objectives.items()}
        fresh = [Metric(k, float(v), now, time_steps) for k, v in values.items() if k not in known]
        if fresh:
            self._try(lambda: self.client.log_batch(run_id, metrics=fresh), "recording a trial's result")
        self._resulted.add(run_id)

    def unsettled(self) -> list[tuple[str, int, str | None]]:
        """(id, trial, process) of the trials' runs that say they are running or about to."""
        below = f"tags.`{PARENT_TAG}` = '{self.id}' and attributes.status = "
        found = self._try(
            lambda: [
                run
                for status in ("'RUNNING'", "'SCHEDULED'")
                for run in search_runs(self.client, [self.experiment_id], below + status)
            ],
            "reading the trials' runs",
        )
        return [(r.info.run_id, int(r.data.tags[TRIAL_TAG]), r.data.tags.get(PROCESS_TAG)) for r in found]

    # Calls that are tried again.

    def _find(self, wanted: str) -> str | None:
        """The oldest run of the experiment that a filter of MLflow finds."""
        number = self.experiment_id
        if not number:
            experiment = self._try(
                lambda: self.client.get_experiment_by_name(self.experiment), "reading the experiment"
            )
            if experiment is None:
                return None
            number = experiment.experiment_id
        runs = self._try(lambda: list(search_runs(self.client, [number], wanted)), "looking for a run")
        return runs[-1].info.run_id if runs else None

    def _is_there(self, run_id: str | None) -> bool:
        """Whether this store has a run, and has not deleted it."""
        from mlflow.exceptions import MlflowException

        if run_id is None:
            return False
        try:
            run = self._try(lambda: self.client.get_run(run_id), "reading a run")
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return False
        return bool(run.info.lifecycle_stage == "active")

    def _params(self, run_id: str, params: Mapping[str, str]) -> None:
        from mlflow.entities import Param

        items = [Param(key, value) for key, value in params.items()]
        for first in range(0, len(items), 100):
            part = items[first : first + 100]
            self._try(lambda part=part: self.client.log_batch(run_id, params=part), "recording parameters")

    def _tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        from mlflow.entities import RunTag

        items = [RunTag(key, without_password(str(v))[:TAG_CHARACTERS]) for key, v in tags.items()]
        if items:
            self._try(lambda: self.client.log_batch(run_id, tags=items), "recording tags")

    def _experiment_tag(self, key: str, value: str) -> None:
        self._try(
            lambda: self.client.set_experiment_tag(self.experiment_id, key, value),
            "recording a tag of the experiment",
        )

    def _try(self, call: Any, what: str) -> Any:
        return retry(call, what=what, seconds=self.patience_seconds)


def _shortened(markdown: str, limit: int) -> str:
    text = without_password(markdown)
    return text if len(text) <= limit else text[: limit - 2].rstrip() + "\n…"
