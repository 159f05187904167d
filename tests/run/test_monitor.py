"""The metric that names the best checkpoint."""

from pathlib import Path

import mlflow
import pytest

from elman.cli import main

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
