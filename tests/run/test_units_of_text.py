"""Networks trained on bytes and words: they predict, write on, and refuse another unit."""

import csv
import shutil
from pathlib import Path

import mlflow
import pytest

from elman.cli import main

RECIPE = """\
# What comes next?
model:
  core: {class_path: GRU, init_args: {hidden_size: 24}}
  bptt: {class_path: Truncated, init_args: {k1: 10, k2: 10}}
  optimizer: {class_path: Adam, init_args: {lr: 0.02}}
  log_every: 20
data:
  class_path: Text
  init_args: {path: text.txt, batch_size: 4, steps: 20}
trainer: {max_time_steps: 8_000, progress: false}
tracking: {system_metrics: false}
"""


@pytest.fixture
def answer(tmp_path, fresh_store, capsys):
    shutil.copy(fresh_store, tmp_path / "mlflow.db")
    Path("r.yaml").write_text(RECIPE)
    Path("text.txt").write_text("one two\nthree, four " * 150)

    def run(*words):
        capsys.readouterr()
        assert main(list(words)) == 0
        return capsys.readouterr().out

    return run


def run_id():
    client = mlflow.MlflowClient()
    (run,) = client.search_runs([e.experiment_id for e in client.search_experiments()])
    return run.info.run_id


def test_words(answer, capsys):
    printed = answer("fit", "r.yaml", "--data.unit=words")
    assert "a sample:" in printed
    run = run_id()
    said = answer("sample", run, "--prompt=one two", "--count=7", "--temperature=0")
    assert said == "one two\nthree, four one two\nthree,\n"
    assert main(["sample", run, "--prompt=one zebra two", "--count=2", "--temperature=0"]) == 0
    warned = capsys.readouterr().err
    assert "the prompt holds what training did not have, read as unknown: 'zebra'\n" in warned
    assert answer("sample", run, "--prompt=  ", "--count=2", "--temperature=0") == "  three, four\n"
    answer("predict", run, "--part=val", "--output=said.csv")
    with open("said.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["target"] for row in rows} == {"one", "two", "\n", "three,", "four"}
    assert main(["validate", run, "--data.unit=characters"]) == 2
    assert "another alphabet" in capsys.readouterr().err


def test_bytes(answer):
    content = "zwölf " * 500
    Path("text.txt").write_bytes(content.encode() + b"\0\xff")
    answer("fit", "r.yaml", "--data.unit=bytes")
    run = run_id()
    assert answer("sample", run, "--prompt=zw", "--count=11", "--temperature=0") == "zwölf zwölf\n"
    answer("predict", run, "--part=test", "--output=said.csv")
    with open("said.csv", newline="", encoding="utf-8") as file:
        targets = [row["target"] for row in csv.DictReader(file)]
    assert targets[-3:] == [" ", "\\x00", "\\xff"]
    assert {"\\xc3", "\\xb6"} < set(targets)


def test_lazy_characters(answer):
    answer("fit", "r.yaml", "--data.index=lazy")
    run = run_id()
    assert answer("sample", run, "--prompt=one t", "--count=8", "--temperature=0") == "one two\nthree\n"
    whole = answer("validate", run, "--data.index=whole")
    assert whole == answer("validate", run)
