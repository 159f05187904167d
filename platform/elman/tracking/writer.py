"""The one writer of runs: a single run's, a study's and those of its trials are written through it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from elman.tracking.buffer import MetricBuffer, Point, RefusedError
from elman.tracking.note import NOTE_CHARACTERS, shortened
from elman.tracking.params import clean_name, flat_params
from elman.tracking.retry import RetryingClient
from elman.tracking.runs import RunRow, whole
from elman.tracking.secrets import without_secrets
from elman.tracking.tags import CONTEXT_TAG, DIVERGED_TAG, LAST_STEP_TAG, NON_FINITE_TAG, NOTE_TAG

T = TypeVar("T")

TAG_CHARACTERS = 8000
DIGEST_CHARACTERS = 36
ITEMS = 100  # parameters or tags that MLflow takes in one call


class RunWriter:
    """Writes one run of MLflow. A call waits for a store that is unreachable as long as its client does.

    Metrics do not wait: they go through a buffer, from which each point arrives once.

    Args:
        client: of the store.
        run: as the store has it now; parameters that it has stay as they are.
        resumed: it was written before: the store is asked which points it has.
        counts_time: steps of its metrics are time steps, and its tags say how far it got.
        flush_seconds: time between two sends of metrics.
    """

    def __init__(
        self,
        client: RetryingClient,
        run: RunRow,
        *,
        resumed: bool = False,
        counts_time: bool = True,
        flush_seconds: float = 1.0,
    ) -> None:
        self.client, self.id, self.experiment_id = client, run.id, run.experiment_id
        self._run, self._resumed, self._counts_time = run, resumed, counts_time
        self._flush_seconds = flush_seconds
        self._params = set(run.params)
        self._buffer: MetricBuffer | None = None

    @property
    def buffer(self) -> MetricBuffer:
        """Of the run's metrics; its thread starts with the first use."""
        if self._buffer is None:
            tags = self._run.tags
            last = whole(tags.get(LAST_STEP_TAG))
            self._buffer = MetricBuffer(
                self._send,
                stored_steps=self._stored_steps if self._resumed else None,
                last_step=-1 if last is None else last,
                diverged_at=whole(tags.get(DIVERGED_TAG)),
                flush_seconds=self._flush_seconds,
            )
        return self._buffer

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

        items = [RunTag(key, without_secrets(str(v))[:TAG_CHARACTERS]) for key, v in tags.items()]
        for part in _parts(items):
            self.client.log_batch(self.id, tags=part, synchronous=True)

    def note(self, markdown: str) -> None:
        """The text at the head of the run's page, at most 8,000 characters; markdown."""
        self.tags({NOTE_TAG: shortened(without_secrets(markdown), NOTE_CHARACTERS)})

    def text(self, text: str, artifact_file: str) -> None:
        self.client.log_text(self.id, without_secrets(text), artifact_file)

    def figure(self, figure: Any, artifact_file: str) -> None:
        """Save a matplotlib or plotly figure; the suffix of the file names the format."""
        self.client.log_figure(self.id, figure, artifact_file)

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
            self.client.plain.log_inputs(self.id, datasets=inputs)
        except MlflowException:  # another run may have recorded the same data at this moment
            self.client.log_inputs(self.id, datasets=inputs)

    def results(self, values: Mapping[str, float], *, step: int) -> None:
        """Metrics of one point each, at `step`; those that the run has already stay as they are."""
        from mlflow.entities import Metric

        now, named = int(time.time() * 1000), {clean_name(k): float(v) for k, v in values.items()}
        fresh = [Metric(key, v, now, step) for key, v in named.items() if key not in self._run.metrics]
        if fresh:
            self.client.log_batch(self.id, metrics=fresh, synchronous=True)

    def status(self, status: str) -> None:
        """How the run has ended, in MLflow's words: FINISHED, FAILED, KILLED."""
        if self._buffer is not None and self._buffer.non_finite and self._counts_time:
            self.client.set_tag(self.id, NON_FINITE_TAG, self._buffer.non_finite)
        self.client.set_terminated(self.id, status)

    def _send(self, points: list[Point], tags: dict[str, str]) -> None:
        """Called from the buffer's thread, which tries again itself."""
        from mlflow.entities import Metric, RunTag
        from mlflow.exceptions import MlflowException

        metrics = [Metric(p.key, p.value, p.timestamp_ms, p.step) for p in points]
        items = [RunTag(key, value) for key, value in tags.items()] if self._counts_time else []
        if not metrics and not items:
            return
        try:
            self.client.plain.log_batch(self.id, metrics=metrics, tags=items, synchronous=True)
        except MlflowException as error:
            if error.error_code in ("INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST"):
                raise RefusedError(str(error)) from error
            raise

    def _stored_steps(self, key: str) -> list[int]:
        return [metric.step for metric in self.client.plain.get_metric_history(self.id, key)]


def _parts(items: Sequence[T]) -> Iterable[Sequence[T]]:
    return (items[first : first + ITEMS] for first in range(0, len(items), ITEMS))
