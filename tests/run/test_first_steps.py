"""What a first run shows: its name, units, results, its page, and hints that can be pasted."""

import re
import signal
import sys
import time
from types import SimpleNamespace

import pytest
import torch

from elman.cli import main
from elman.program import program
from elman.run import stop
from elman.run.progress import Progress
from elman.run.results import in_a_table, result_rows
from elman.run.stop import Stop
from elman.tracking.note import without_measurements
from elman.tracking.tags import NOTE_TAG

RECIPE = """\
# Does an echo come back?
#
#   elman fit r.yaml
#
# Measured: val/bits_per_step 0.0123 after 1,000 time steps,
# on another data set.
model:
  core: {class_path: Elman, init_args: {hidden_size: 5}}
  bptt: {class_path: Full}
data: {class_path: Echo, init_args: {lag: 2, steps: 12, batch_size: 2}}
trainer: {max_time_steps: 240, val_every: 120, progress: false, accelerator: cpu}
tracking: {system_metrics: false}
"""


def test_a_run_by_its_name_and_its_results(folder, capsys):
    folder.write("r.yaml", RECIPE)
    for _ in range(2):
        assert main(["fit", "r.yaml"]) == 0
    printed = capsys.readouterr().out.split("dashboard:")[0]
    names = {run.info.run_name for run in folder.runs()}
    assert len(names) == 2
    assert all(re.fullmatch(r"elman-full-echo-[0-9a-f]{6}", name) for name in names)

    run = folder.runs()[1]
    table = [line for line in printed.splitlines() if line.startswith("  ")]
    best = min(p.value for p in folder.client.get_metric_history(run.info.run_id, "val/nats_per_step"))
    assert table[0].split() == ["best", "val/bits_per_step", f"{best / 0.6931471805599453:.4f}"]
    assert table[1].split() == ["best", "val/nats_per_step", f"{best:.4f}"]
    assert run.data.metrics["best/val/nats_per_step"] == best  # for lists of runs, which need no history
    assert ["time", "steps", "240"] in [line.split() for line in table]
    assert len({len(line) for line in table[:3]}) == 1  # numbers stand below one another

    note = run.data.tags[NOTE_TAG]
    assert note.split("\n")[0].endswith("** with Full, 1 layer of Elman")
    assert "Does an echo come back?" in note
    assert "Measured" not in note
    assert "0.0123" not in note
    assert "on another data set" not in note


def test_what_was_measured_elsewhere_is_left_out():
    assert without_measurements("Why?\n\nMeasured: 1,\nand 2.\n\nBecause.") == "Why?\n\nBecause."
    assert without_measurements("Measured, by the gradient: 3.") == ""
    assert without_measurements("Why?\n  Measured: 1,\nand 2.\n\nBecause.") == "Why?\n\nBecause."


def test_the_answer_comes_first():
    results = {"val/mse": 0.5, "cost/seconds": 3.25, "test/rmse": 12.5, "test/mse": 0.25}
    rows = result_rows(results, monitor="val/mse", best=0.125, others={"updates": 1234, "skipped": 0})
    assert list(rows) == ["test/rmse", "best val/mse", "test/mse", "val/mse", "cost/seconds", "updates"]
    assert in_a_table(rows) == (
        "  test/rmse     12.5000\n"
        "  best val/mse   0.1250\n"
        "  test/mse       0.2500\n"
        "  val/mse        0.5000\n"
        "  cost/seconds   3.2500\n"
        "  updates         1,234"
    )


@pytest.mark.parametrize(
    ("monitor", "metrics", "shown"),
    [
        (
            "val/nats_per_step",
            {"val/nats_per_step": 0.6931, "val/bits_per_step": 1.0, "train/bits_per_step": 2.0},
            {"train": "2.0000 bits", "val": "1.0000 bits"},
        ),
        ("val/nats_per_step", {"val/nats_per_step": 0.5}, {"val": "0.5000 nats"}),
        ("val/mse", {"val/mse": 0.25, "train/mse": 0.5}, {"train": "0.5000 mse", "val": "0.2500 mse"}),
        ("val/accuracy", {"val/accuracy": 0.75, "val/bits_per_step": 1.0}, {"val": "0.7500 accuracy"}),
    ],
)
def test_the_bar_names_its_unit(monitor, metrics, shown):
    trainer = SimpleNamespace(callback_metrics={name: torch.tensor(v) for name, v in metrics.items()})
    assert Progress(monitor)._metrics(trainer) == shown


def test_hints_are_called_as_the_shell_finds_them(tmp_path, monkeypatch):
    installed = tmp_path / ".venv" / "bin" / "elman"
    installed.parent.mkdir(parents=True)
    installed.touch(mode=0o755)
    monkeypatch.setattr(sys, "argv", [".venv/bin/elman", "fit"])
    monkeypatch.setenv("PATH", "/nowhere")
    assert program() == ".venv/bin/elman"
    monkeypatch.setenv("PATH", str(installed.parent))
    assert program() == "elman"
    monkeypatch.setattr(sys, "argv", ["/x/elman/__main__.py", "fit"])
    assert program() == f"{sys.executable} -m elman"
    monkeypatch.setattr(sys, "argv", ["script.py"])
    assert program() == "elman"


def test_a_stop_says_how_much_is_left(monkeypatch, capfd):
    """One line at once, then one every few seconds until the batch has ended."""
    monkeypatch.setattr(stop, "WORD_SECONDS", 0.05)
    callback = Stop()
    trainer = SimpleNamespace(validating=False)
    loop = SimpleNamespace(place=SimpleNamespace(share=0.25))
    task = SimpleNamespace(training_loop=loop, trainer=trainer)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        callback.on_train_start(trainer, task)
        callback.on_train_batch_start(trainer, task, None, 0)
        callback._batch_at -= 10.0
        signal.raise_signal(signal.SIGINT)
        time.sleep(0.3)
        trainer.validating = True
        time.sleep(0.3)
        callback.on_exception(trainer, task, KeyboardInterrupt())
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    lines = [line for line in capfd.readouterr().err.splitlines() if line]
    assert lines[0] == "SIGINT: stopping after this batch; again to stop at once"
    assert lines[1] in (
        "25% of this batch is done, about 30 s to go",
        "25% of this batch is done, about 31 s to go",
    )
    assert lines[-1] == "the validation that was due goes on"
