"""Through a real Lightning fit on a real store: status, resume, parameters, notes."""

import os
import signal
import subprocess
import sys
from collections import Counter

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import MLFlowLogger
from pytorch_lightning.utilities import rank_zero_only

from elman.errors import BadInput
from elman.tracking.logger import RunLogger, status_of


class Line(pl.LightningModule):
    """y = w x; logs one training and one validation value for each step, from `first` on."""

    def __init__(self, first=0, event=None, at=2):
        super().__init__()
        self.w = torch.nn.Parameter(torch.ones(1))
        self.seen, self.event, self.at = first, event, at

    def training_step(self, batch, index):
        self.seen += 1
        self.logger.log_metrics({"train/loss": 1.0}, step=self.seen)
        if self.event and self.seen == self.at:
            self.event()
        return (self.w * batch).sum()

    def validation_step(self, batch, index):
        self.logger.log_metrics({"val/loss": 2.0}, step=self.seen)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def trainer(logger, steps=4):
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "enable_checkpointing": False}
    return pl.Trainer(
        logger=logger,
        max_steps=steps,
        limit_val_batches=1,
        num_sanity_val_steps=0,
        accelerator="cpu",
        **quiet,
    )


def fit(logger, **options):
    steps = options.pop("steps", 4)
    data = torch.utils.data.DataLoader(torch.ones(steps, 1))
    running = trainer(logger, steps)
    running.fit(Line(**options), data, data)
    return running


def logger_for(run_id=None, **options):
    return RunLogger(run_id=run_id, flush_seconds=0.05, system_metrics=False, **options)


def points(client, run_id):
    keys = client.get_run(run_id).data.metrics
    return Counter((m.key, m.step) for key in keys for m in client.get_metric_history(run_id, key))


@pytest.fixture
def keyboard():
    """Lightning ignores Ctrl-C after the first one; give it back."""
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


def crash():
    raise RuntimeError("out of luck")


def interrupt():
    raise KeyboardInterrupt


def crash_and_close(logger):
    try:
        crash()
    finally:
        logger.close()


def terminate():
    os.kill(os.getpid(), signal.SIGTERM)


def test_a_run_stays_open_over_fit_and_validate_until_it_is_closed(client):
    logger = logger_for(run_name="first")
    assert isinstance(logger, MLFlowLogger)
    running = fit(logger)
    assert client.get_run(logger.run_id).info.status == "RUNNING"
    running.validate(Line(first=4), torch.utils.data.DataLoader(torch.ones(4, 1)), verbose=False)
    logger.close()
    run = client.get_run(logger.run_id)
    assert (run.info.status, run.info.run_name) == ("FINISHED", "first")
    assert run.data.tags["elman.attempt"] == "1"
    assert run.data.tags["elman.last_step"] == "4"
    expected = [("train/loss", step) for step in (1, 2, 3, 4)] + [("val/loss", 4)]
    assert points(client, logger.run_id) == Counter(expected)


@pytest.mark.parametrize(
    ("event", "raised", "status"),
    [
        (crash, RuntimeError, "FAILED"),
        (interrupt, SystemExit, "KILLED"),
        (terminate, SystemExit, "KILLED"),
    ],
)
@pytest.mark.usefixtures("keyboard")
def test_a_run_says_how_it_ended(client, event, raised, status):
    logger = logger_for()
    with pytest.raises(raised):
        fit(logger, event=event)
    assert client.get_run(logger.run_id).info.status == status  # before anybody could close it
    assert points(client, logger.run_id) == Counter([("train/loss", 1), ("train/loss", 2)])
    logger.close()
    assert client.get_run(logger.run_id).info.status == status


def test_close_in_the_midst_of_an_exception_says_failed(client):
    logger = logger_for()
    logger.start()
    with pytest.raises(RuntimeError, match="out of luck"):
        crash_and_close(logger)
    assert client.get_run(logger.run_id).info.status == "FAILED"


def test_status_of():
    from pytorch_lightning.utilities.exceptions import SIGTERMException

    assert status_of(None) == "FINISHED"
    assert status_of(KeyboardInterrupt()) == status_of(SIGTERMException()) == "KILLED"
    assert status_of(SystemExit(1)) == status_of(RuntimeError()) == "FAILED"


def test_resume_is_the_same_run_with_each_point_once(client):
    """Crash at step 3 after the checkpoint of step 1; steps 2 and 3 are computed again."""
    logger = logger_for()
    with pytest.raises(RuntimeError):
        fit(logger, event=crash, at=3)
    logger.log_hyperparams({"model": {"lr": 0.1}})
    logger.close()

    again = logger_for(run_id=logger.run_id)
    again.start()
    run = client.get_run(logger.run_id)
    assert run.info.status == "RUNNING"
    assert run.data.tags["elman.attempt"] == "2"
    assert again.last_logged_step == 3
    again.log_hyperparams({"model": {"lr": 99, "depth": 2}})  # MLflow would raise on the changed value
    fit(again, first=1, steps=3)
    again.close()
    assert again.run_id == logger.run_id
    run = client.get_run(logger.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params == {"model.lr": "0.1", "model.depth": "2"}
    expected = [("train/loss", step) for step in (1, 2, 3, 4)] + [("val/loss", 4)]
    assert points(client, logger.run_id) == Counter(expected)


def test_parameters_are_whole_up_to_six_thousand_characters(client):
    logger = logger_for()
    secret = {"tracking": {"uri": "postgresql://me:secret@host/db"}}
    logger.log_hyperparams(
        {"long": "x" * 6000, "longer": "y" * 7000, "a": {"b": [1, 2], "c": None}, **secret}
    )
    logger.close()
    params = client.get_run(logger.run_id).data.params
    assert params == {
        "long": "x" * 6000,
        "longer": "y" * 6000,
        "a.b": "[1, 2]",
        "a.c": "None",
        "tracking.uri": "postgresql://me:***@host/db",
    }


def test_a_step_that_does_not_fit_a_float32(client):
    logger = logger_for()
    logger.log_metrics({"a": 1}, step=16_777_217)
    logger.close()
    assert list(points(client, logger.run_id)) == [("a", 16_777_217)]


def test_non_finite_metrics_become_a_tag(client):
    logger = logger_for()
    logger.log_metrics({"a": float("nan"), "b": 1.0}, step=3)
    logger.close()
    run = client.get_run(logger.run_id)
    assert run.data.metrics == {"b": 1.0}
    assert run.data.tags["diverged_at_step"] == "3"
    assert run.data.tags["elman.non_finite_points"] == "1"


def test_texts_files_figures_data_and_note(client, folder):
    import json

    from matplotlib.figure import Figure

    logger = logger_for()
    logger.log_text("seen", "samples/1.txt")
    (folder / "recipe.yaml").write_text("a: 1")
    logger.log_artifact(folder / "recipe.yaml", "recipe")
    logger.log_figure(Figure(), "credit.png")
    for _ in range(2):  # as a resume does
        logger.log_dataset("text", "/data/a.txt", "d" * 64, context="train", profile={"characters": 5})
    logger.set_note("n" * 9000)
    logger.set_tags({"elman.checkpoints": folder, "long": "t" * 9000})
    logger.close()

    run = client.get_run(logger.run_id)
    listed = {
        f.path for part in ("", "samples", "recipe") for f in client.list_artifacts(logger.run_id, part)
    }
    assert {"samples/1.txt", "recipe/recipe.yaml", "credit.png"} <= listed
    assert (folder / "mlruns" / "elman" / logger.run_id / "artifacts" / "credit.png").is_file()
    note = run.data.tags["mlflow.note.content"]
    assert len(note) == 8000
    assert note.endswith("…")
    assert run.data.tags["elman.checkpoints"] == str(folder)
    (data,) = run.inputs.dataset_inputs
    assert (data.dataset.name, data.dataset.digest) == ("text", "d" * 36)
    assert json.loads(data.dataset.profile) == {"characters": 5, "digest": "d" * 64}
    assert data.tags[0].value == "train"


def test_a_failing_store_does_not_stop_training(caplog):
    logger = logger_for()
    logger.log_artifact("not/there.txt")
    logger.log_metrics({"a": "high"}, step=1)
    assert "log_artifact could not be recorded" in caplog.text
    assert "'a' must be a number" in caplog.text
    logger.close()


def test_other_ranks_do_nothing_at_all(folder, client, monkeypatch):
    monkeypatch.setattr(rank_zero_only, "rank", 1)
    (folder / "mlflow.db").unlink()
    logger = logger_for()
    logger.start()
    logger.log_metrics({"a": 1.0}, step=1)
    logger.log_hyperparams({"a": 1})
    logger.set_tags({"a": 1})
    logger.flush()
    logger.finalize("failed")
    logger.close()
    logger.experiment.log_metric("a", 1)  # Lightning's stand-in takes anything
    assert logger.run_id is None
    assert not (folder / "mlflow.db").exists()


def test_what_lightning_asks_for(folder):
    logger = logger_for(experiment="reach")
    assert (logger.save_dir, logger.name) == (str(folder / "mlruns"), "reach")
    assert logger.version == logger.run_id
    logger.after_save_checkpoint(None)
    logger.close()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"run_id": "f" * 32}, "is not in sqlite"),
        ({"experiment": ""}, "experiment must be a name"),
        ({"tracking_uri": "file:./mlruns"}, "is a folder"),
    ],
)
def test_refused_in_words(options, message):
    with pytest.raises(BadInput, match=message):
        logger_for(**options).start()


def test_a_run_that_another_process_still_writes_is_not_reopened(client):
    import psutil

    logger = logger_for()
    logger.start()
    parent = psutil.Process(os.getppid())
    here = client.get_run(logger.run_id).data.tags["elman.process"].split(":")[0]
    client.set_tag(logger.run_id, "elman.process", f"{here}:{parent.pid}:{parent.create_time()}")
    with pytest.raises(BadInput, match="is being written by process"):
        logger_for(run_id=logger.run_id).start()
    logger.close()


def test_system_metrics_go_on_after_a_resume(client, monkeypatch):
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.05")
    run_id = None
    for enough in (2, 4):
        logger = RunLogger(run_id=run_id)
        run_id = logger.run_id
        wait_for(lambda run_id=run_id, enough=enough: len(system_steps(client, run_id)) >= enough)
        logger.close()
    steps = system_steps(client, run_id)
    assert steps == list(range(len(steps)))
    assert client.get_run(run_id).info.status == "FINISHED"


def system_steps(client, run_id):
    return sorted(
        m.step for m in client.get_metric_history(run_id, "system/node_0/cpu_utilization_percentage")
    )


def wait_for(condition):
    import time

    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


SCRIPT = """
from elman.tracking.logger import RunLogger
logger = RunLogger(system_metrics=False)
logger.log_metrics({"a": 1.0}, step=3)
print(logger.run_id, flush=True)
raise RuntimeError("nobody closes")
"""


def test_a_script_that_dies_without_closing(client):
    died = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False, timeout=300
    )
    run = client.get_run(died.stdout.strip())
    assert died.returncode == 1
    assert (run.info.status, run.data.metrics) == ("FAILED", {"a": 1.0})


def test_tags_that_hold_no_number_are_none(client):
    """Whoever wrote them: the run goes on, and counts anew what nobody can read."""
    logger = logger_for()
    logger.log_metrics({"loss": 1.0}, step=5)
    logger.close("KILLED")
    for tag in ("elman.attempt", "elman.last_step", "diverged_at_step"):
        client.set_tag(logger.run_id, tag, "many")
    again = logger_for(run_id=logger.run_id)
    again.log_metrics({"loss": 0.5}, step=6)
    again.close()
    run = client.get_run(logger.run_id)
    assert (run.info.status, run.data.tags["elman.attempt"]) == ("FINISHED", "2")
    assert run.data.tags["elman.last_step"] == "6"
    assert [point.step for point in client.get_metric_history(logger.run_id, "loss")] == [5, 6]
