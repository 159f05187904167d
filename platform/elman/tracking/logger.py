"""One MLflow run for one job: opened once, reopened on resume, closed with the right status."""

from __future__ import annotations

import atexit
import functools
import json
import logging
import shutil
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ParamSpec

from pytorch_lightning.loggers import MLFlowLogger
from pytorch_lightning.loggers.logger import rank_zero_experiment
from pytorch_lightning.utilities import rank_zero_only

from elman.errors import BadInput
from elman.tracking import store
from elman.tracking.beginning import open_run, why_away
from elman.tracking.params import flat_params
from elman.tracking.recording import LAST_SECONDS, Recording, recording
from elman.tracking.secrets import without_secrets
from elman.tracking.writer import clean_tags, note_tag

log = logging.getLogger(__name__)

P = ParamSpec("P")

NOWHERE = "http://127.0.0.1:9"  # a client of a server connects to nothing until it is used


def status_of(error: BaseException | None) -> str:
    """MLflow's word for how a run ended: KILLED if it was stopped, FAILED if it broke."""
    from pytorch_lightning.utilities.exceptions import SIGTERMException

    if error is None:
        return "FINISHED"
    return "KILLED" if isinstance(error, KeyboardInterrupt | SIGTERMException) else "FAILED"


def best_effort(method: Callable[P, None]) -> Callable[P, None]:
    """On rank zero only; a disk that takes nothing is reported, never raised."""

    @functools.wraps(method)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            method(*args, **kwargs)
        except Exception as error:
            log.warning("%s could not be recorded: %s", method.__name__, store.first_line(error))

    return rank_zero_only(guarded)


class RunLogger(MLFlowLogger):
    """Lightning's logger interface on one MLflow run that lasts from `start` to `close`.

    What is logged goes to a spool on this machine's disk, and from there to the store, in order, each point
    once: training never waits for the store, and the run begins, goes on and ends while the store is away.
    What is left then is sent by `elman sync`, or by the next command that opens the store. Lightning ends a
    run with every entry point; this one stays open over fit, validate and test until `close`. On ranks above
    zero every method does nothing and no run is created.

    Args:
        experiment: name of the MLflow experiment, created when missing.
        run_name: name of the run; None lets MLflow draw one.
        tracking_uri: the store; None: MLFLOW_TRACKING_URI, else `sqlite:///mlflow.db` in this folder.
        run_id: a run to continue.
        flush_seconds: time between two sends of metrics.
        system_metrics: record the use of processor, memory and GPU.
        folder: the spool of a run lies in FOLDER/RUN/spool, beside its checkpoints.

    Raises:
        BadInput: if the store refuses us, the run cannot be continued, or the spool cannot be written.

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
        folder: str | Path = "checkpoints",
    ) -> None:
        if flush_seconds <= 0:
            raise BadInput(f"flush_seconds must be positive, got {flush_seconds}")
        if not experiment:
            raise BadInput("experiment must be a name, got ''")
        self.tracking_uri = store.resolve_uri(tracking_uri)
        first = getattr(rank_zero_only, "rank", 0) == 0
        self._away = why_away(self.tracking_uri) if first else ""
        super().__init__(
            experiment_name=experiment,
            run_name=run_name,
            tracking_uri=self.tracking_uri if first and not self._away else NOWHERE,
            run_id=run_id,
        )
        self._client = self._mlflow_client
        self._experiment, self._name, self._run = experiment, run_name, run_id
        self._flush_seconds, self.system_metrics = flush_seconds, system_metrics
        self.first_tags: Mapping[str, Any] = {}  # of a new run, from its first moment on
        self._folder = Path(folder).absolute()
        self._stored_in: str | None = None
        self._recording: Recording | None = None
        self._stopped = False

    # Opening.

    @rank_zero_only
    def start(self) -> None:
        """Create the run, or reopen it and say RUNNING again. The second call does nothing."""
        if self._recording is not None or self._stopped:
            return
        try:
            begun = open_run(
                self._client,
                self.tracking_uri,
                self._folder,
                run_id=self._run,
                experiment=self._experiment,
                name=self._name,
                tags=self.first_tags,
                away=self._away,
            )
            self._run, self._experiment, self._stored_in = begun.id, begun.experiment, begun.experiment_id
            self._recording = recording(
                begun, self.tracking_uri, seconds=self._flush_seconds, system_metrics=self.system_metrics
            )
        except BaseException as error:
            self._stopped = not isinstance(error, Exception)  # after a signal nothing may begin it once more
            raise
        atexit.register(self._at_exit)

    @property
    def recording(self) -> Recording:
        """Of the run, on rank zero."""
        self.start()
        if self._recording is None:
            raise RuntimeError("the run was stopped before it began")
        return self._recording

    @property
    def has_begun(self) -> bool:
        """Whether there is a run, on rank zero."""
        return self._recording is not None

    # Recording.

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Take the metrics of time step `step`; None: of the last one logged. Costs microseconds."""
        ours = self._recording or self.recording
        try:
            ours.add(metrics, max(ours.last_step, 0) if step is None else step)
        except TypeError as error:
            log.warning("%s", error)

    @rank_zero_only
    def measure_also(self, read: Callable[[], dict[str, float]]) -> None:
        """As of `Recording`."""
        self.recording.measure_also(read)

    @best_effort
    def log_hyperparams(self, params: dict[str, Any] | Namespace, *_: Any, **__: Any) -> None:
        """Record a nested dict, each key once: MLflow keeps the first value, also over a resume."""
        given = vars(params) if isinstance(params, Namespace) else params
        self.recording.append("params", params=flat_params(given))

    @best_effort
    def log_text(self, text: str, artifact_file: str) -> None:
        with self.recording.artifact(artifact_file) as place:
            place.write_text(without_secrets(text), encoding="utf-8")

    @best_effort
    def log_figure(self, figure: Any, artifact_file: str) -> None:
        """Save a matplotlib or plotly figure; the suffix of the file names the format."""
        with self.recording.artifact(artifact_file) as place:
            if hasattr(figure, "savefig"):
                figure.savefig(place)
            elif place.suffix == ".html":
                figure.write_html(place, include_plotlyjs="cdn", auto_open=False)
            else:
                figure.write_image(place)

    @best_effort
    def log_artifact(self, path: str | Path, folder: str | None = None) -> None:
        """Copy a file, or a folder with all in it, to the run's artifacts."""
        source = Path(path)
        with self.recording.artifact(folder or "", "" if source.is_dir() else source.name) as place:
            if source.is_dir():
                shutil.copytree(source, place, dirs_exist_ok=True)
            else:
                shutil.copyfile(source, place)

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
        self.recording.append(
            "dataset",
            name=name,
            source=without_secrets(source),
            digest=digest,
            context=context,
            profile=json.loads(json.dumps(profile or {}, default=str)),
        )

    @rank_zero_only
    def log_saved_model(
        self,
        save: Callable[[Path], None],
        *,
        name: str,
        params: Mapping[str, str],
        step: int,
        metrics: Mapping[str, float],
    ) -> None:
        """Log a model of MLflow.

        Args:
            save: writes it to a folder, which it makes.
            params: of the model.
            step: time step of its weights.
            metrics: what it reached at that step.
        """
        self.recording.model(save, metrics, name=name, params=dict(params), step=step)

    @best_effort
    def set_note(self, markdown: str) -> None:
        """The text at the head of the run's page, at most 8,000 characters; markdown."""
        self.recording.append("tags", tags=note_tag(markdown))

    @best_effort
    def set_tags(self, tags: Mapping[str, Any]) -> None:
        self.recording.append("tags", tags=clean_tags(tags))

    @rank_zero_only
    def flush(self) -> None:
        """Put the points logged so far on the disk. Call it before each checkpoint is written.

        A point older than the checkpoint is not computed again after a kill.
        """
        if self._recording is not None:
            self._recording.flush()

    @rank_zero_only
    def deliver(self, seconds: float = 60.0) -> bool:
        """Wait until the store has all that was logged so far; False if it did not take it in `seconds`."""
        return self.recording.deliver(seconds)

    @property
    def last_logged_step(self) -> int:
        """The last time step logged, before a resume included; -1 if none."""
        return -1 if self._recording is None else self._recording.last_step

    # Ending.

    @rank_zero_only
    def finalize(self, status: str = "success") -> None:
        """Lightning's end of an entry point. Success leaves the run open; a failure is written at once.

        Lightning calls this inside the `except` block, where the exception is at hand.
        """
        recording = self._recording
        if recording is None or recording.is_closed:
            return
        recording.flush()
        if status not in ("success", "finished"):
            ended = status_of(sys.exc_info()[1])
            recording.end("FAILED" if ended == "FINISHED" else ended)
            recording.deliver(LAST_SECONDS / 2)

    @rank_zero_only
    def close(self, status: str | None = None) -> None:
        """Send what waits and end the run; the second call does nothing.

        A store that takes nothing for ten seconds gets the rest later: by `elman sync`.

        Args:
            status: FINISHED, FAILED or KILLED; None: from Lightning's failure or the exception now
                being handled, else FINISHED.
        """
        if status not in (None, "FINISHED", "FAILED", "KILLED"):
            raise ValueError(f"status must be FINISHED, FAILED or KILLED, got {status!r}")
        recording = self._recording
        if recording is None or recording.is_closed:
            return
        ended = recording.status if recording.status != "RUNNING" else status_of(sys.exc_info()[1])
        recording.close(status or ended)
        atexit.unregister(self._at_exit)

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
        return self._stored_in

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
