"""Every fold once, tested on what it did not see; what is done is not done again."""

from pathlib import Path

import mlflow
import pytest

from elman.cli import main
from elman.errors import BadInput
from elman.run.folds import refuse_unlike
from elman.tracking.runs import RunRow

RECIPE = """\
# Which digit is it?
model:
  core: {class_path: GRU, init_args: {hidden_size: 12}}
  bptt: {class_path: Full}
data: {class_path: Digits, init_args: {batching: {batch_size: 100}}}
trainer: {max_epochs: 1}
tracking: {experiment: folds, system_metrics: false}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits.yaml").write_text(RECIPE)
    return tmp_path


def runs():
    client = mlflow.MlflowClient(f"sqlite:///{Path.cwd()}/mlflow.db")
    found = client.get_experiment_by_name("folds")
    return client.search_runs([found.experiment_id])


def test_every_fold_is_trained_and_tested_once(folder, capsys):
    command = ["crossvalidate", "digits.yaml", "--data.split.folds=2", "--workers=2"]
    assert main(command) == 0
    table = capsys.readouterr().out
    assert "mean" in table
    done = runs()
    assert sorted(run.data.params["data.init_args.split.fold"] for run in done) == ["0", "1"]
    assert sorted(run.info.run_name.rpartition("/")[2] for run in done) == ["digits fold 0", "digits fold 1"]
    tested = [float(run.data.metrics["test/accuracy"]) for run in done]
    assert f"{sum(tested) / 2:.4f}" in table
    assert main(command) == 0
    assert "trained before" in capsys.readouterr().out
    assert len(runs()) == 2


def test_what_cannot_be_dealt_out_is_refused(folder, capsys):
    assert main(["crossvalidate", "digits.yaml"]) == 2
    assert "--data.split.folds=10" in capsys.readouterr().err
    assert main(["crossvalidate", "digits.yaml", "--data=Echo"]) == 2
    assert "data=Echo cannot be dealt into folds" in capsys.readouterr().err


def test_the_best_checkpoint_is_that_of_the_highest_accuracy(folder, capsys):
    options = ["--trainer.max_epochs=4", "--trainer.val_every=2000", "--trainer.monitor=val/accuracy"]
    assert main(["fit", "digits.yaml", *options]) == 0
    client = mlflow.MlflowClient(f"sqlite:///{Path.cwd()}/mlflow.db")
    (run,) = runs()
    history = client.get_metric_history(run.info.run_id, "val/accuracy")
    highest = max(point.value for point in history)
    assert highest > min(point.value for point in history)
    first = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("  best "))
    assert first.split() == ["best", "val/accuracy", f"{highest:.4f}"]
    assert main(["fit", "digits.yaml", "--trainer.monitor=val/acuracy"]) == 2
    assert "name one of val/accuracy, val/bits_per_step, val/nats_per_step" in capsys.readouterr().err
    assert len(runs()) == 1  # told before a run exists
    assert main(["fit", "digits.yaml", "--trainer.monitor=train/accuracy"]) == 2


def test_folds_of_unlike_data_have_no_mean():
    def row(digest, fold):
        data = (("data.init_args.split.fold", str(fold)), ("train digits", digest))
        return RunRow(
            id=f"run{fold}", name="", experiment_id="1", status="FINISHED", state="", started_ms=0, data=data
        )

    refuse_unlike([row("aa", 0), row("aa", 1), None])
    with pytest.raises(BadInput, match="fold 0 and fold 2 read unlike data"):
        refuse_unlike([row("aa", 0), row("aa", 1), row("bb", 2)])
