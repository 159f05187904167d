"""One MLflow run for one job: opened once, reopened on resume, closed with the right status."""

from __future__ import annotations

import atexit
import functools
import logging
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ParamSpec

from pytorch_lightning.loggers import MLFlowLogger
from pytorch_lightning.loggers.logger import rank_zero_experiment
from pytorch_lightning.utilities import rank_zero_only

from elman.errors import BadInput
from elman.tracking import store, system
from elman.tracking.buffer import MetricBuffer
from elman.tracking.opening import create_run, reopen_run
from elman.tracking.retry import RetryingClient, within
from elman.tracking.writer import RunWriter

log = logging.getLogger(__name__)

P = ParamSpec("P")

CLOSE_SECONDS = 120.0  # what a run that ended well waits for its store
UNREACHABLE_SECONDS = 60.0  # what a note, a parameter or a picture waits for it
LAST_SECONDS = 3.0  # Lightning kills the main process 5 s after another rank died
NOWHERE = "http://127.0.0.1:9"  # a client of a server connects to nothing until it is used


def status_of(error: BaseException | None) -> str:
    """MLflow's word for how a run ended: KILLED if it was stopped, FAILED if it broke."""
    from pytorch_lightning.utilities.exceptions import SIGTERMException

    if error is None:
        return "FINISHED"
    return "KILLED" if isinstance(error, KeyboardInterrupt | SIGTERMException) else "FAILED"


def best_effort(method: Callable[P, None]) -> Callable[P, None]:
    """On rank zero only; the run is started if it is not; a store that fails is reported, never raised."""

    @functools.wraps(method)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        logger: Any = args[0]
        client = logger.writer.client
        try:
            method(*args, **kwargs)
            client.seconds = UNREACHABLE_SECONDS
        except Exception as error:
            client.seconds = 0.0  # the next call does not wait for it again
            log.warning("%s could not be recorded: %s", method.__name__, store.first_line(error))

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
        self.first_tags: Mapping[str, str] = {}  # of a new run, from its first moment on
        self._writer: RunWriter | None = None
        self._buffer: MetricBuffer | None = None
        self._monitor: Any | None = None
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
        resumed = bool(self._run)
        try:
            if self._run:
                run = reopen_run(self._client, self.tracking_uri, self._run)
                self._experiment = self._client.get_experiment(run.experiment_id).name
            else:
                run = create_run(
                    self._client,
                    self.tracking_uri,
                    experiment=self._experiment,
                    name=self._name,
                    tags=self.first_tags,
                )
        except MlflowException as error:
            shown = store.without_secrets(f"{self.tracking_uri}: {error}").split("\n", 1)[0]
            raise BadInput(f"MLflow cannot open the run in {shown}") from error
        self._run = run.id
        client = RetryingClient(self._client, seconds=UNREACHABLE_SECONDS)
        self._writer = RunWriter(client, run, resumed=resumed, flush_seconds=self._flush_seconds)
        self._buffer = self._writer.buffer
        if self._system_metrics:
            node = os.environ.get("GROUP_RANK") or os.environ.get("NODE_RANK") or "0"
            self._monitor = system.start_monitor(
                run.id, tracking_uri=self.tracking_uri, node_id=f"node_{node}", resumed=resumed
            )
        self._status = "RUNNING"
        atexit.register(self._at_exit)

    @property
    def writer(self) -> RunWriter:
        """Of the run, on rank zero."""
        self.start()
        assert self._writer is not None, "only rank zero writes a run"
        return self._writer

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
        self.writer.params(vars(params) if isinstance(params, Namespace) else params)

    @best_effort
    def log_text(self, text: str, artifact_file: str) -> None:
        self.writer.text(text, artifact_file)

    @best_effort
    def log_figure(self, figure: Any, artifact_file: str) -> None:
        """Save a matplotlib or plotly figure; the suffix of the file names the format."""
        self.writer.figure(figure, artifact_file)

    @best_effort
    def log_artifact(self, path: str | Path, folder: str | None = None) -> None:
        """Copy a file, or a folder with all in it, to the run's artifacts."""
        self.writer.files(path, folder)

    @best_effort
    def log_dataset(
        self,
        name: str,
        source: str,
        digest: str,
        context: str = "train",
        profile: Mapping[str, Any] | None = None,
    ) -> None:
        """Link the data a run read. MLflow shows 36 characters of the digest, the profile holds it whole."""
        self.writer.dataset(name, source, digest, context=context, profile=profile or {})

    @best_effort
    def set_note(self, markdown: str) -> None:
        """The text at the head of the run's page, at most 8,000 characters; markdown."""
        self.writer.note(markdown)

    @best_effort
    def set_tags(self, tags: Mapping[str, Any]) -> None:
        self.writer.tags(tags)

    @rank_zero_only
    def flush(self, timeout: float = CLOSE_SECONDS) -> None:
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

        Lightning calls this inside the `except` block, where the exception is at hand.
        """
        if self._buffer is None:
            return
        if status in ("success", "finished"):
            self.flush()
            return
        ended = status_of(sys.exc_info()[1])
        self._end("FAILED" if ended == "FINISHED" else ended, LAST_SECONDS)
        self._buffer.flush(LAST_SECONDS)

    @rank_zero_only
    def close(self, status: str | None = None) -> None:
        """Send what waits and end the run; the second call does nothing.

        Args:
            status: FINISHED, FAILED or KILLED; None: from Lightning's failure or the exception now
                being handled, else FINISHED.
        """
        if self._buffer is None or self._status == "CLOSED":
            return
        if status not in (None, "FINISHED", "FAILED", "KILLED"):
            raise ValueError(f"status must be FINISHED, FAILED or KILLED, got {status!r}")
        system.finish_monitor(self._monitor)
        ended = status or (self._status if self._status != "RUNNING" else status_of(sys.exc_info()[1]))
        seconds = CLOSE_SECONDS if ended == "FINISHED" else LAST_SECONDS
        self._buffer.close(seconds)
        self._end(ended, seconds)
        self._status = "CLOSED"
        atexit.unregister(self._at_exit)

    def _end(self, status: str, seconds: float) -> None:
        """Write the status, but wait at most `seconds` for a store that is unreachable."""
        if self._status == status:
            return
        writer = self.writer
        self._status, writer.client.seconds = status, seconds

        def write() -> None:
            try:
                writer.status(status)
            except Exception as error:
                log.warning("the run's status %s could not be recorded: %s", status, store.first_line(error))

        within(seconds, write)

    def _at_exit(self) -> None:
        """For a script that never calls `close`: an exception that ended it means FAILED."""
        self.close(None if getattr(sys, "last_value", None) is None else status_of(sys.last_value))

    def after_save_checkpoint(self, checkpoint_callback: Any) -> None:
        """Checkpoints stay where they are; the best is logged as a model at the end."""

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
        return None if self._writer is None else self._writer.experiment_id

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
