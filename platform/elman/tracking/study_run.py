"""A study in MLflow: one run for itself, and one nested run for each of its trials."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from elman.errors import BadInput
from elman.tracking.buffer import MetricBuffer, Point
from elman.tracking.note import shortened
from elman.tracking.opening import create_run, first_tags, reopen_run
from elman.tracking.retry import RetryingClient, retry
from elman.tracking.runs import RunRow, present_run, row_of, search_runs
from elman.tracking.secrets import without_secrets
from elman.tracking.sender import Sender
from elman.tracking.spool import Spool
from elman.tracking.store import open_store
from elman.tracking.tags import (
    ATTEMPT_TAG,
    NOTE_TAG,
    OWN_NOTE_TAG,
    PARENT_TAG,
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
from elman.tracking.writer import RunWriter

STATUS = {"complete": "FINISHED", "pruned": "KILLED", "failed": "FAILED", "stopped": "KILLED"}
"""MLflow's word for how a trial, or a study, has ended."""
EXPERIMENT_TAG_CHARACTERS = 5000


class StudyRun:
    """The runs of one study. Every call waits for a store that is unreachable for a while.

    Args:
        tracking_uri: the store.
        experiment: name of the experiment, created when missing.
        name: of the study.
    """

    def __init__(self, tracking_uri: str, *, experiment: str, name: str) -> None:
        self.uri, self.experiment, self.name = tracking_uri, experiment, name
        self.client = RetryingClient(retry(lambda: open_store(tracking_uri), what="opening the store"))
        self._run: RunWriter | None = None
        self._buffer: MetricBuffer | None = None
        # What a study measures of its trials is counted anew by the process that goes on with it.
        self._spool = Spool(None)
        self._sender = Sender(self._spool, lambda: self.run, tracking_uri)
        self._with_results: set[str] = set()  # trials' runs
        self._view = ""

    # The study's own run.

    def open(self, run_id: str | None, *, study_id: str, recipe: str) -> str:
        """Go on with the study's run, or make it; its id.

        Args:
            run_id: as the study remembers it; None: look for it, since a kill may have come in between.
            study_id: tells it from others of the same name.
            recipe: the name of the search's file.
        """
        known = self._present(run_id) or self._find(f"tags.`{STUDY_ID_TAG}` = '{study_id}'")
        if known is not None:
            # Also while the process that wrote it before is about to end.
            run = retry(lambda: reopen_run(self.client, self.uri, known.id), what="opening the study's run")
        else:
            tags = {STUDY_ID_TAG: study_id, STUDY_TAG: self.name, RECIPE_TAG: recipe}
            run = create_run(
                self.client, self.uri, experiment=self.experiment, name=self.name, tags=first_tags(tags)
            )
        self._run = self._writer(run, resumed=known is not None)
        return run.id

    def attach(self, run_id: str) -> None:
        """Write below a study's run that another process has opened.

        Raises:
            BadInput: if it is not in this store.
        """
        run = self._present(run_id)
        if run is None:
            raise BadInput(
                f"the study's run {run_id} is not in {without_secrets(self.uri)}; give the "
                "--tracking.tracking_uri of the search that leads this study"
            )
        self._run = self._writer(run, resumed=True)

    @property
    def run(self) -> RunWriter:
        """The writer of the study's own run, once it was opened."""
        assert self._run is not None, "open or attach comes first"
        return self._run

    @property
    def id(self) -> str:
        return self.run.id

    @property
    def experiment_id(self) -> str:
        return self.run.experiment_id

    def metrics(self, values: Mapping[str, float], *, step: int) -> None:
        """Metrics of the study after `step` trials; what is recorded at this step stays as it is."""
        if self._buffer is None:
            self._buffer = MetricBuffer(self._keep)
            self._sender.start()
        self._buffer.add(values, step)

    def _keep(self, points: list[Point]) -> None:
        self._spool.append("metrics", {"points": points})

    def experiment_note(self, markdown: str) -> None:
        """The head of the experiment's page, unless a user has written another."""
        text = shortened(without_secrets(markdown), EXPERIMENT_TAG_CHARACTERS)
        tags = self.client.get_experiment(self.experiment_id).tags
        found = tags.get(NOTE_TAG, "")
        if found in (text, "") or found == tags.get(OWN_NOTE_TAG):
            for tag in (OWN_NOTE_TAG, NOTE_TAG) if found != text else ():
                self.client.set_experiment_tag(self.experiment_id, tag, text)

    def view(self, state: str) -> None:
        """How the page of runs shows this study, under its run's id; one that is too long is left out."""
        if state != self._view and len(state) <= EXPERIMENT_TAG_CHARACTERS:
            self.client.set_experiment_tag(self.experiment_id, f"{VIEW_TAG}{self.id}", state)
            self._view = state

    def end(self, status: str) -> None:
        if self._buffer is not None:
            self._buffer.close()
            self._sender.wait(self.client.seconds)
            self._sender.close()
        self.run.status(status)

    # The runs of its trials.

    def trial(
        self, number: int, *, params: Mapping[str, Any], name: str = "", known: str | None = None
    ) -> str:
        """The run of a trial, made when missing; its id. It is SCHEDULED until the trial's process starts.

        Args:
            known: its run as the study remembers it.
        """
        run = self._present(known) or self._find(
            f"tags.`{TRIAL_TAG}` = '{number}' and tags.`{PARENT_TAG}` = '{self.id}'"
        )
        if run is None:
            run = self._make_trial(number, name)
        self._writer(run).params({key: str(value) for key, value in params.items()})
        return run.id

    def _make_trial(self, number: int, name: str) -> RunRow:
        tags = {
            PARENT_TAG: self.id,
            STUDY_TAG: self.name,
            TRIAL_TAG: str(number),
            ATTEMPT_TAG: "0",
            USER_TAG: self.client.get_run(self.id).data.tags.get(USER_TAG, "unknown"),
            SOURCE_TAG: "elman search",
            SOURCE_TYPE_TAG: "LOCAL",
        }
        run = self.client.create_run(self.experiment_id, run_name=name or f"trial {number}", tags=tags)
        self.client.update_run(run.info.run_id, "SCHEDULED")
        return row_of(run)

    def finalize(self, run_id: str, state: str, *, why: str = "") -> None:
        """Record in a trial's run how the trial has ended, also where its process could not.

        Args:
            state: complete, pruned, failed, or stopped: it will go on.
            why: it failed.
        """
        run = row_of(self.client.get_run(run_id))
        writer = self._writer(run)
        ended = {} if state == "stopped" else {STATE_TAG: state}
        writer.tags(ended | ({WHY_TAG: why} if why else {}))
        if run.status != STATUS[state]:
            writer.status(STATUS[state])

    def result(self, run_id: str, objectives: Mapping[str, float], *, time_steps: int) -> None:
        """What an ended trial counts for in the study, once: lists of runs sort by it."""
        if run_id in self._with_results:
            return
        run = row_of(self.client.get_run(run_id))
        values = {f"value/{name}": value for name, value in objectives.items()}
        self._writer(run).results(values, step=time_steps)
        self._with_results.add(run_id)

    def unfinished(self) -> list[RunRow]:
        """The trials' runs that say they are running or about to."""
        below = f"tags.`{PARENT_TAG}` = '{self.id}' and attributes.status = "
        return [
            run
            for status in ("'RUNNING'", "'SCHEDULED'")
            for run in search_runs(self.client, [self.experiment_id], below + status)
        ]

    def _writer(self, run: RunRow, *, resumed: bool = False) -> RunWriter:
        return RunWriter(self.client, run, resumed=resumed, counts_time=False)

    def _present(self, run_id: str | None) -> RunRow | None:
        """A run that this store has, and has not deleted."""
        return present_run(self.client, run_id) if run_id else None

    def _find(self, wanted: str) -> RunRow | None:
        """The oldest run of the experiment that a filter of MLflow finds."""
        if self._run is not None:
            numbers = [self.experiment_id]
        else:
            found = self.client.get_experiment_by_name(self.experiment)
            numbers = [] if found is None else [str(found.experiment_id)]
        runs = list(search_runs(self.client, numbers, wanted))
        return runs[-1] if runs else None
