"""The one writer of runs: a single run's, a study's and those of its trials are written through it."""

from __future__ import annotations

import json
import time
from array import array
from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from elman.tracking.buffer import Point
from elman.tracking.note import NOTE_CHARACTERS, shortened
from elman.tracking.params import clean_name, flat_params
from elman.tracking.runs import RunRow, whole
from elman.tracking.secrets import without_secrets
from elman.tracking.tags import (
    ATTEMPT_TAG,
    CONTEXT_TAG,
    DIVERGED_TAG,
    LAST_STEP_TAG,
    NON_FINITE_TAG,
    NOTE_TAG,
    PROCESS_TAG,
    WHY_TAG,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient

T = TypeVar("T")

TAG_CHARACTERS = 8000
DIGEST_CHARACTERS = 36
ITEMS = 100  # parameters or tags that MLflow takes in one call
ASIDE = "system/"
"""How metrics begin whose steps are no time steps."""


class RunWriter:
    """Writes one run of MLflow, each point once: whatever may come twice, as after a kill, is there once.

    Args:
        client: of the store.
        run: as the store has it now; parameters that it has stay as they are.
        resumed: it was written before: the store is asked which points it has.
        counts_time: steps of its metrics are time steps, and its tags say how far it got.

    Cost: memory holds 8 bytes for each point written.
    """

    def __init__(
        self, client: MlflowClient, run: RunRow, *, resumed: bool = False, counts_time: bool = True
    ) -> None:
        self.client, self.id, self.experiment_id = client, run.id, run.experiment_id
        self._run, self._resumed, self._counts_time = run, resumed, counts_time
        self._params = set(run.params)
        self._known: dict[str, array[int]] = {}  # sorted steps that the store holds, by key
        last = whole(run.tags.get(LAST_STEP_TAG))
        self._last_step = -1 if last is None else last
        self._diverged_at = whole(run.tags.get(DIVERGED_TAG))

    def metrics(self, points: Iterable[Point], diverged_at: int | None = None) -> None:
        """Store those points whose (key, step) the store does not hold yet, at most 1,000 in one call.

        Args:
            diverged_at: first time step of a value that is not finite; None: there is none.
        """
        from mlflow.entities import Metric, RunTag

        fresh: dict[tuple[str, int], Point] = {}
        for point in points:
            if not self._is_known(point.key, point.step):
                fresh.setdefault((point.key, point.step), point)
        last = max([self._last_step, *(p.step for p in fresh.values() if not p.key.startswith(ASIDE))])
        tags = {}
        if self._counts_time and last != self._last_step:
            tags[LAST_STEP_TAG] = str(last)
        if self._counts_time and diverged_at not in (None, self._diverged_at):
            tags[DIVERGED_TAG] = str(diverged_at)
        if fresh or tags:
            self.client.log_batch(
                self.id,
                metrics=[Metric(p.key, p.value, p.timestamp_ms, p.step) for p in fresh.values()],
                tags=[RunTag(key, value) for key, value in tags.items()],
                synchronous=True,
            )
        self._last_step, self._diverged_at = last, diverged_at
        for point in fresh.values():
            insort(self._known[point.key], point.step)

    def _is_known(self, key: str, step: int) -> bool:
        if key not in self._known:
            found = self.client.get_metric_history(self.id, key) if self._resumed else []
            self._known[key] = array("q", sorted({metric.step for metric in found}))
        known = self._known[key]
        if not known or step > known[-1]:
            return False
        return known[bisect_left(known, step)] == step

    def running(self, process: str) -> None:
        """The run goes on, written by another process."""
        attempt = (whole(self._run.tags.get(ATTEMPT_TAG)) or 1) + 1
        self.client.update_run(self.id, "RUNNING")
        if WHY_TAG in self._run.tags:  # of its last end
            self.client.delete_tag(self.id, WHY_TAG)
        self.tags({PROCESS_TAG: process, ATTEMPT_TAG: attempt})

    def params(self, params: Mapping[str, Any]) -> None:
        """Record a nested dict, each key once: MLflow keeps the first value, also over a resume."""
        from mlflow.entities import Param

        given = flat_params(params)
        fresh = [Param(key, value) for key, value in given.items() if key not in self._params]
        for part in _parts(fresh):
            self.client.log_batch(self.id, params=part, synchronous=True)
        self._params.update(given)

    def tags(self, tags: Mapping[str, Any]) -> None:
        from mlflow.entities import RunTag

        items = [RunTag(key, value) for key, value in clean_tags(tags).items()]
        for part in _parts(items):
            self.client.log_batch(self.id, tags=part, synchronous=True)

    def note(self, markdown: str) -> None:
        """The text at the head of the run's page, at most 8,000 characters; markdown."""
        self.tags(note_tag(markdown))

    def text(self, text: str, artifact_file: str) -> None:
        self.client.log_text(self.id, without_secrets(text), artifact_file)

    def files(self, path: str | Path, folder: str | None = None) -> None:
        """Copy a file, or a folder with all in it, to the run's artifacts."""
        save = self.client.log_artifacts if Path(path).is_dir() else self.client.log_artifact
        save(self.id, str(path), folder)

    def dataset(
        self, name: str, source: str, digest: str, *, context: str, profile: Mapping[str, Any]
    ) -> None:
        """Link the data a run read. MLflow shows 36 characters of the digest, the profile holds it whole."""
        from mlflow.entities import Dataset, DatasetInput, InputTag
        from mlflow.exceptions import MlflowException

        dataset = Dataset(
            name=name,
            digest=digest[:DIGEST_CHARACTERS],
            source_type="elman",
            source=json.dumps({"uri": without_secrets(source)}),
            profile=json.dumps({**profile, "digest": digest}, default=str),
        )
        inputs = [DatasetInput(dataset, [InputTag(key=CONTEXT_TAG, value=context)])]
        try:
            self.client.log_inputs(self.id, datasets=inputs)
        except MlflowException:  # another run may have recorded the same data at this moment
            self.client.log_inputs(self.id, datasets=inputs)

    def results(self, values: Mapping[str, float], *, step: int) -> None:
        """Metrics of one point each, at `step`; those that the run has already stay as they are."""
        from mlflow.entities import Metric

        now, named = int(time.time() * 1000), {clean_name(k): float(v) for k, v in values.items()}
        fresh = [Metric(key, v, now, step) for key, v in named.items() if key not in self._run.metrics]
        if fresh:
            self.client.log_batch(self.id, metrics=fresh, synchronous=True)

    def model(
        self, path: Path, name: str, params: Mapping[str, str], step: int, metrics: Mapping[str, float]
    ) -> None:
        """Log a model saved in a folder, linked with what it reached; once for a name and step."""
        from mlflow.entities import LoggedModelOutput
        from mlflow.models import Model

        there = self.client.search_logged_models([self.experiment_id], f"source_run_id = '{self.id}'")
        same = [m for m in there if m.name == name and (m.params or {}).get("step") == str(step)]
        if any(str(m.status) == "READY" for m in same):
            return
        logged = next((m for m in same if str(m.status) == "PENDING"), None)
        if logged is None:
            logged = self.client.create_logged_model(
                self.experiment_id,
                name=name,
                source_run_id=self.id,
                model_type="streaming",
                params={**params, "step": str(step)},
            )
        described = Model.load(str(path))
        described.artifact_path, described.run_id = logged.artifact_location, self.id
        described.model_id = described.model_uuid = logged.model_id
        described.save(str(path / "MLmodel"))
        self.client.log_model_artifacts(logged.model_id, str(path))
        outputs = self.client.get_run(self.id).outputs
        if outputs is None or all(each.model_id != logged.model_id for each in outputs.model_outputs):
            self.client.log_outputs(self.id, [LoggedModelOutput(logged.model_id, step)])
        self._link_metrics(str(logged.model_id), step, metrics)
        self.client.finalize_logged_model(logged.model_id, "READY")  # last: until then all is done again

    def _link_metrics(self, model_id: str, step: int, metrics: Mapping[str, float]) -> None:
        """Attach metrics to a model. A point that the run has is sent as it is, so it is not there twice."""
        from mlflow.entities import Metric

        now, linked = int(time.time() * 1000), []
        for key, value in metrics.items():
            same = [m for m in self.client.get_metric_history(self.id, key) if m.step == step]
            number, stamp = (same[0].value, same[0].timestamp) if same else (float(value), now)
            linked.append(Metric(key, number, stamp, step, model_id=model_id, run_id=self.id))
        if linked:
            self.client.log_batch(self.id, metrics=linked, synchronous=True)

    def status(self, status: str, *, ended_ms: int | None = None, non_finite: int = 0) -> None:
        """How the run has ended, in MLflow's words: FINISHED, FAILED, KILLED.

        Args:
            ended_ms: when, in milliseconds since 1970; None: now.
            non_finite: values of metrics that were no numbers.
        """
        if non_finite:
            self.client.set_tag(self.id, NON_FINITE_TAG, non_finite)
        self.client.set_terminated(self.id, status, ended_ms)


def clean_tags(tags: Mapping[str, Any]) -> dict[str, str]:
    """Tags as MLflow takes them, without passwords."""
    return {key: without_secrets(str(value))[:TAG_CHARACTERS] for key, value in tags.items()}


def note_tag(markdown: str) -> dict[str, str]:
    return {NOTE_TAG: shortened(without_secrets(markdown), NOTE_CHARACTERS)}


def _parts(items: Sequence[T]) -> Iterable[Sequence[T]]:
    return (items[first : first + ITEMS] for first in range(0, len(items), ITEMS))
