"""One MLflow run for one job: opened once, reopened on resume, closed with the right status."""

from __future__ import annotations

import atexit
import functools
import logging
import os
import sys
import threading
from argparse import Namespace
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ParamSpec

from pytorch_lightning.loggers import MLFlowLogger
from pytorch_lightning.loggers.logger import rank_zero_experiment
from pytorch_lightning.utilities import rank_zero_only

from elman.errors import BadInput
from elman.tracking import store, system
from elman.tracking.buffer import MetricBuffer, Point, RefusedError
from elman.tracking.opening import create_run, reopen_run
from elman.tracking.params import flat_params
from elman.tracking.retry import retry
from elman.tracking.tags import CONTEXT_TAG, DIVERGED_TAG, LAST_STEP_TAG, NON_FINITE_TAG, NOTE_TAG

log = logging.getLogger(__name__)

P = ParamSpec("P")

NOTE_CHARACTERS = 8000
TAG_CHARACTERS = 8000
DIGEST_CHARACTERS = 36
RETRY_SECONDS = 120.0  # what a run that ended well waits for its store
AWAY_SECONDS = 60.0  # what a note, a parameter or a picture waits for it
LAST_WORDS_SECONDS = 3.0  # Lightning kills the main process 5 s after another rank died
NOWHERE = "http://127.0.0.1:9"  # a client of a server connects to nothing until it is used


def status_of(error: BaseException | None) -> str:
    """MLflow's word for how a run ended: KILLED if somebody stopped it, FAILED if it broke."""
    from pytorch_lightning.utilities.exceptions import SIGTERMException

    if error is None:
        return "FINISHED"
    return "KILLED" if isinstance(error, KeyboardInterrupt | SIGTERMException) else "FAILED"


def best_effort(method: Callable[P, None]) -> Callable[P, None]:
    """On rank zero only; the run is started if it is not; a store that fails is reported, never raised."""

    @functools.wraps(method)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        logger: Any = args[0]
        logger.start()
        name = method.__name__
        try:
            # Once a store was away for so long, the next call does not wait for it again.
            seconds = 0.0 if logger.store_is_away else AWAY_SECONDS
            retry(lambda: method(*args, **kwargs), what=name, seconds=seconds)
            logger.store_is_away = False
        except Exception as error:
            logger.store_is_away = True
            log.warning("%s could not be recorded: %s", name, store.first_line(error))

    return rank_zero_only(guarded)


class RunLogger(MLFlowLogger):
    """Lightning's logger interface on one MLflow run that lasts from `start` to `close`.

    Lightning ends a run with every entry point; this one stays open over fit, validate and test
    until `close`. On ranks above zero every method does nothing and no run is created.

    Args:
        experiment: name of the MLflow experiment, created when missing.
        run_name: name of the run; None lets MLflow draw one.
        tracking_uri: the store; None: MLFLOW_TRACKING_URI, else `sqlite:///mlflow.db` in this folder.
        run_id: a run to continue.
        flush_seconds: time between two sends of metrics.
        system_metrics: record the use of processor, memory and GPU.

    Raises:
        BadInput: if the store cannot be opened or the run cannot be continued.

    Differs: from `MLFlowLogger`, whose metrics are sent one by one, whose parameters are cut at 250
    characters and whose status is FAILED for Ctrl-C. No checkpoint is uploaded. The global tracking
    URI of `mlflow` is left alone.
    """

    def __init__(
        self,
        *,
        experiment: str = "elman",
        run_name: str | None = None,
        tracking_uri: str | None = None,
        run_id: str | None = None,
        flush_seconds: float = 1.0,
        system_metrics: bool = True,
    ) -> None:
        if flush_seconds <= 0:
            raise BadInput(f"flush_seconds must be positive, got {flush_seconds}")
        if not experiment:
            raise BadInput("experiment must be a name, got ''")
        self.tracking_uri = store.resolve_uri(tracking_uri)
        first = getattr(rank_zero_only, "rank", 0) == 0
        if first:
            store.open_store(self.tracking_uri)
        super().__init__(
            experiment_name=experiment,
            run_name=run_name,
            tracking_uri=self.tracking_uri if first else NOWHERE,
            run_id=run_id,
        )
        self._client = self._mlflow_client
        self._experiment, self._name, self._run = experiment, run_name, run_id
        self._flush_seconds, self._system_metrics = flush_seconds, system_metrics
        self._experiment_number: str | None = None
        self._buffer: MetricBuffer | None = None
        self._monitor: Any | None = None
        self._params: set[str] = set()
        self.store_is_away = False
        self._status = "NEW"

    # Opening.

    @rank_zero_only
    def start(self) -> None:
        """Create the run, or reopen it and say RUNNING again. The second call does nothing."""
        if self._status != "NEW":
            return
        from mlflow.exceptions import MlflowException

        from elman.tracking.find import mark_stale

        mark_stale(self.tracking_uri)
        try:
            if self._run:
                opened = reopen_run(self._client, self.tracking_uri, self._run)
            else:
                opened = create_run(
                    self._client, self.tracking_uri, experiment=self._experiment, name=self._name
                )
        except MlflowException as error:
            shown = store.without_password(f"{self.tracking_uri}: {error}").split("\n", 1)[0]
            raise BadInput(f"MLflow cannot open the run in {shown}") from error
        self._run, self._experiment = opened.id, opened.experiment
        self._experiment_number, self._params = opened.experiment_id, set(opened.params)
        self._begin(opened.tags, resumed=opened.resumed)
        self._status = "RUNNING"
        atexit.register(self._at_exit)

    def _begin(self, tags: Mapping[str, str], *, resumed: bool) -> None:
        self._buffer = MetricBuffer(
            self._send,
            stored_steps=self._stored_steps if resumed else None,
            last_step=int(tags.get(LAST_STEP_TAG, "-1")),
            diverged_at=int(tags[DIVERGED_TAG]) if DIVERGED_TAG in tags else None,
            flush_seconds=self._flush_seconds,
        )
        if self._system_metrics:
            node = os.environ.get("GROUP_RANK") or os.environ.get("NODE_RANK") or "0"
            self._monitor = system.start_monitor(
                str(self._run), tracking_uri=self.tracking_uri, node_id=f"node_{node}", resumed=resumed
            )

    # Recording.

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Take the metrics of time step `step`; None: of the last one logged. Costs microseconds."""
        if self._buffer is None:
            self.start()
        assert self._buffer is not None
        try:
            self._buffer.add(metrics, max(self._buffer.last_step, 0) if step is None else step)
        except TypeError as error:
            log.warning("%s", error)

    @best_effort
    def log_hyperparams(self, params: dict[str, Any] | Namespace, *_: Any, **__: Any) -> None:
        """Record a nested dict, each key once: MLflow keeps the first value, also over a resume."""
        from mlflow.entities import Param

        given = flat_params(vars(params) if isinstance(params, Namespace) else params)
        fresh = [Param(key, value) for key, value in given.items() if key not in self._params]
        for first in range(0, len(fresh), 100):  # as many as MLflow takes in one call
            self._client.log_batch(str(self._run), params=fresh[first : first + 100], synchronous=True)
        self._params.update(given)

    @best_effort
    def log_text(self, text: str, artifact_file: str) -> None:
        self._client.log_text(str(self._run), store.without_password(text), artifact_file)

    @best_effort
    def log_figure(self, figure: Any, artifact_file: str) -> None:
        """Save a matplotlib or plotly figure; the suffix of the file names the format."""
        self._client.log_figure(str(self._run), figure, artifact_file)

    @best_effort
    def log_artifact(self, path: str | Path, folder: str | None = None) -> None:
        """Copy a file, or a folder with all in it, to the run's artifacts."""
        save = self._client.log_artifacts if Path(path).is_dir() else self._client.log_artifact
        save(str(self._run), str(path), folder)

    @best_effort
    def log_dataset(
        self,
        name: str,
        source: str,
        digest: str,
        context: str = "train",
        profile: Mapping[str, Any] | None = None,
    ) -> None:
        """Link the data a run saw. MLflow shows 36 characters of the digest, the profile holds it whole."""
        import json

        from mlflow.entities import Dataset, DatasetInput, InputTag
        from mlflow.exceptions import MlflowException

        dataset = Dataset(
            name=name,
            digest=digest[:DIGEST_CHARACTERS],
            source_type="elman",
            source=json.dumps({"uri": store.without_password(source)}),
            profile=json.dumps({**(profile or {}), "digest": digest}, default=str),
        )
        inputs = [DatasetInput(dataset, [InputTag(key=CONTEXT_TAG, value=context)])]
        try:
            self._client.log_inputs(str(self._run), datasets=inputs)
        except MlflowException:  # another run may have recorded the same data at this moment
            self._client.log_inputs(str(self._run), datasets=inputs)

    @best_effort
    def set_note(self, markdown: str) -> None:
        """The text at the head of the run's page, at most 8,000 characters; markdown."""
        text = store.without_password(markdown)
        if len(text) > NOTE_CHARACTERS:
            text = text[: NOTE_CHARACTERS - 2].rstrip() + "\n…"
        self._client.set_tag(str(self._run), NOTE_TAG, text)

    @best_effort
    def set_tags(self, tags: Mapping[str, Any]) -> None:
        from mlflow.entities import RunTag

        items = [RunTag(key, store.without_password(str(v))[:TAG_CHARACTERS]) for key, v in tags.items()]
        for first in range(0, len(items), 100):
            self._client.log_batch(str(self._run), tags=items[first : first + 100], synchronous=True)

    @rank_zero_only
    def flush(self, timeout: float = RETRY_SECONDS) -> None:
        """Wait until the points logged so far are stored. Call it before each checkpoint is written.

        A point older than the checkpoint is not computed again after a kill, so it must have
        arrived by then.
        """
        if self._buffer is not None and not self._buffer.flush(timeout):
            log.warning("metrics are still waiting for the tracking store after %.0f s", timeout)

    @property
    def last_logged_step(self) -> int:
        """The last time step logged, before a resume included; -1 if none."""
        return -1 if self._buffer is None else self._buffer.last_step

    # Ending.

    @rank_zero_only
    def finalize(self, status: str = "success") -> None:
        """Lightning's end of an entry point. Success leaves the run open; a failure is written at once.

        Lightning calls this inside the `except` block, which tells who stopped the run.
        """
        if self._status == "NEW" or self._buffer is None:
            return
        if status in ("success", "finished"):
            self.flush()
            return
        ended = status_of(sys.exc_info()[1])
        self._terminate("FAILED" if ended == "FINISHED" else ended, LAST_WORDS_SECONDS)
        self._buffer.flush(LAST_WORDS_SECONDS)

    @rank_zero_only
    def close(self, status: str | None = None) -> None:
        """Send what waits and end the run; the second call does nothing.

        Args:
            status: FINISHED, FAILED or KILLED; None: as Lightning's failure or the exception now
                being handled says, else FINISHED.
        """
        if self._status in ("NEW", "CLOSED") or self._buffer is None:
            return
        if status not in (None, "FINISHED", "FAILED", "KILLED"):
            raise ValueError(f"status must be FINISHED, FAILED or KILLED, got {status!r}")
        system.finish_monitor(self._monitor)
        ended = self._status if self._status != "RUNNING" else status_of(sys.exc_info()[1])
        calm = (status or ended) == "FINISHED"
        patience = RETRY_SECONDS if calm else LAST_WORDS_SECONDS
        self._buffer.close(patience)
        self._terminate(status or ended, patience)
        self._status = "CLOSED"
        atexit.unregister(self._at_exit)

    def _terminate(self, status: str, patience: float) -> None:
        """Write the status, but wait at most `patience` seconds for a store that is away."""
        if self._status == status:
            return
        self._status = status
        write = threading.Thread(target=self._write_status, args=(status, patience), daemon=True)
        write.start()
        write.join(patience)

    def _write_status(self, status: str, patience: float) -> None:
        def write() -> None:
            if self._buffer is not None and self._buffer.non_finite:
                self._client.set_tag(str(self._run), NON_FINITE_TAG, self._buffer.non_finite)
            self._client.set_terminated(str(self._run), status)

        try:
            retry(write, what=f"recording the status {status}", seconds=patience)
        except Exception as error:
            log.warning("the run's status %s could not be recorded: %s", status, store.first_line(error))

    def _at_exit(self) -> None:
        """For a script that never calls `close`: an exception that ended it means FAILED."""
        self.close(None if getattr(sys, "last_value", None) is None else status_of(sys.last_value))

    def after_save_checkpoint(self, checkpoint_callback: Any) -> None:
        """Checkpoints stay where they are; the best is logged as a model at the end."""

    # Storing, called from the buffer's thread.

    def _send(self, points: list[Point], tags: dict[str, str]) -> None:
        from mlflow.entities import Metric, RunTag
        from mlflow.exceptions import MlflowException

        metrics = [Metric(p.key, p.value, p.timestamp_ms, p.step) for p in points]
        items = [RunTag(key, value) for key, value in tags.items()]
        try:
            self._client.log_batch(str(self._run), metrics=metrics, tags=items, synchronous=True)
        except MlflowException as error:
            if error.error_code in ("INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST"):
                raise RefusedError(str(error)) from error
            raise

    def _stored_steps(self, key: str) -> list[int]:
        return [metric.step for metric in self._client.get_metric_history(str(self._run), key)]

    # What Lightning asks.

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """The MLflow client of this store."""
        self.start()
        return self._client

    @property
    def run_id(self) -> str | None:
        """None above rank zero, unless a run is continued."""
        self.start()
        return self._run

    @property
    def experiment_id(self) -> str | None:
        self.start()
        return self._experiment_number

    @property
    def save_dir(self) -> str | None:
        folder = store.artifact_folder(self.tracking_uri)
        return None if folder is None else str(folder)

    @property
    def name(self) -> str | None:
        return self._experiment

    @property
    def version(self) -> str | None:
        return self.run_id
