"""Groups of real runs: seeds under one parent, killed and resumed; folds, each tested."""

import json
import os
import signal
from pathlib import Path

import pytest
from group_toys import ECHO, group_runs
from launching import Fit, wait_until
from plotly.offline import get_plotlyjs

from elman.cli import main
from elman.errors import BadInput
from elman.groups.group import refuse_unlike
from elman.tracking.runs import RunRow

DIGITS = """\
# Which digit is it?
model:
  core: {class_path: GRU, init_args: {hidden_size: 12}}
  bptt: {class_path: Full}
  optimizer: {class_path: torch.optim.Adam, init_args: {lr: 0.02}}
data: {class_path: Digits, init_args: {batching: {batch_size: 50}}}
trainer: {max_epochs: 2, accelerator: cpu}
tracking: {experiment: echo, system_metrics: false}
"""


@pytest.fixture
def recipe(folder):
    (folder / "echo.yaml").write_text(ECHO)
    (folder / "digits.yaml").write_text(DIGITS)
    return folder


def artifact(run, name):
    place = Path(run.info.artifact_uri.removeprefix("file://"))
    return (place / name).read_text() if (place / name).is_file() else ""


def test_seeds_are_runs_under_one_that_has_their_mean(recipe, forked, client, capsys):
    assert main(["fit", "echo.yaml", "--seed_everything=2", "--trainer.progress=false"]) == 0  # alone
    assert main(["fit", "echo.yaml", "--seeds=2", "--workers=1"]) == 0
    out = capsys.readouterr().out
    own, members = group_runs(client)
    assert sorted(members) == ["seed 1", "seed 2"]
    assert "seed 2: trained before" in out  # the run alone belongs to the group now
    assert {run.info.status for run in (own, *members.values())} == {"FINISHED"}
    best = [
        min(p.value for p in client.get_metric_history(m.info.run_id, "val/nats_per_step"))
        for m in members.values()
    ]
    assert own.data.metrics["best/val/nats_per_step"] == pytest.approx(sum(best) / 2)
    assert own.data.metrics["runs/learned"] == 2
    assert own.data.params["model.core.init_args.hidden_size"] == "12"
    assert "seed_everything" not in own.data.params
    found = json.loads(artifact(own, "group.json"))
    assert found["spread"]["best val/nats_per_step"]["count"] == 2
    assert [run["member"] for run in found["runs"]] == ["seed 1", "seed 2"]
    assert get_plotlyjs() in artifact(own, "curves.html")  # whole: nothing of it taken for a secret
    mean = {
        p.step: p.value for p in client.get_metric_history(own.info.run_id, "mean_of_2/val/nats_per_step")
    }
    both = [client.get_metric_history(m.info.run_id, "val/nats_per_step") for m in members.values()]
    assert mean == {p.step: pytest.approx((p.value + q.value) / 2) for p, q in zip(*both, strict=True)}
    assert own.data.tags["mlflow.note.content"].startswith("**best val/nats_per_step ")
    assert not [name for name in own.data.metrics if name.startswith("mean_of_1/")]

    assert main(["fit", "echo.yaml", "--seeds=1,2,5", "--workers=1"]) == 0  # adds one
    same, more = group_runs(client)
    assert same.info.run_id == own.info.run_id
    assert {which: run.info.run_id for which, run in more.items() if which != "seed 5"} == {
        which: run.info.run_id for which, run in members.items()
    }
    assert same.data.metrics["runs/ended"] == 3
    means = {name.partition("/")[0] for name in same.data.metrics if name.startswith("mean_of")}
    assert means == {"mean_of_2", "mean_of_3"}  # of the group as it was, and as it is
    assert main(["runs", "echo"]) == 0
    assert f"{same.data.metrics['best/val/nats_per_step']:.6g}" in capsys.readouterr().out


def test_a_seed_at_chance_is_counted_apart(recipe, forked, client, capsys):
    words = ["fit", "echo.yaml", "--seeds=2", "--data.lag=11", "--model.bptt.k2=4", "--model.bptt.k1=4"]
    assert main(words) == 0
    assert "0 of 2 seeds learned" in capsys.readouterr().out
    own, _ = group_runs(client)
    assert "best/val/nats_per_step" not in own.data.metrics
    assert own.data.metrics["runs/learned"] == 0


def test_the_same_command_goes_on_after_all_were_killed(recipe, client):
    words = ["echo.yaml", "--trainer.max_time_steps=20000", "--trainer.checkpoint_every_minutes=0.001"]
    alone = Fit(
        "fit", *words, "--seed_everything=1", "--trainer.progress=false", "--tracking.experiment=alone"
    )
    group = Fit("fit", *words, "--seeds=1")
    wait_until(lambda: list(Path("checkpoints").glob("*/output.txt")))
    started = next(Path("checkpoints").glob("*/output.txt")).parent
    wait_until(lambda: list(started.glob("step-*.ckpt")))
    run = group_runs(client)[1]["seed 1"]
    child = int(run.data.tags["elman.process"].split(":")[1])
    group.signal(signal.SIGKILL)
    os.kill(child, signal.SIGKILL)
    group.process.join()
    wait_until(lambda: not os.path.exists(f"/proc/{child}"))
    assert client.get_run(run.info.run_id).info.status == "RUNNING"
    again = Fit("fit", *words, "--seeds=1")
    assert (again.wait(), alone.wait()) == (0, 0), again.output
    assert "seed 1: goes on" in again.output
    own, members = group_runs(client)
    assert [each.info.run_id for each in members.values()] == [run.info.run_id]
    assert {own.info.status, members["seed 1"].info.status} == {"FINISHED"}
    (whole,) = client.search_runs([client.get_experiment_by_name("alone").experiment_id])
    for key in ("val/nats_per_step", "train/nats_per_step"):
        both = [client.get_metric_history(each.info.run_id, key) for each in (members["seed 1"], whole)]
        assert [(p.step, p.value) for p in both[0]] == [(p.step, p.value) for p in both[1]]


def test_every_fold_is_trained_and_tested_once(recipe, forked, client, capsys):
    command = ["crossvalidate", "digits.yaml", "--data.split.folds=2", "--workers=2"]
    assert main(command) == 0
    table = capsys.readouterr().out
    own, members = group_runs(client)
    assert sorted(run.data.params["data.init_args.split.fold"] for run in members.values()) == ["0", "1"]
    names = [run.info.run_name.rpartition("/")[2] for run in members.values()]
    assert sorted(names) == ["digits fold 0", "digits fold 1"]
    tested = [float(run.data.metrics["test/accuracy"]) for run in members.values()]
    mean = next(line.split() for line in table.splitlines() if line.startswith("mean"))
    assert float(mean[2]) == pytest.approx(sum(tested) / 2, abs=0.01)
    assert "the interval is rather too narrow" in own.data.tags["mlflow.note.content"]
    assert main(command) == 0
    assert "fold 1: trained before" in capsys.readouterr().out
    assert sorted(group_runs(client)[1]) == ["fold 0", "fold 1"]


def test_what_cannot_be_dealt_out_is_refused(recipe, capsys):
    assert main(["crossvalidate", "digits.yaml"]) == 2
    assert "--data.split.folds=10" in capsys.readouterr().err
    assert main(["crossvalidate", "digits.yaml", "--data=Echo"]) == 2
    assert "data=Echo cannot be dealt into folds" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--seeds=0"], "--seeds=0 must be 1 to 1000"),
        (["--seeds=3", "--resume"], "leave out --resume"),
        (["--seeds=3", "--resume=abc"], "leave out --resume"),
        (["--seeds=3", "--seed_everything=4"], "--seeds=3 and --seed_everything=4 both name seeds"),
        (["--workers=2"], "--workers=2 counts runs at the same time"),
        (["--seeds"], "--seeds needs a value"),
        (["--seeds=2", "--trainer.seed=3"], "trainer.seed: there is no key 'seed'"),
    ],
)
def test_what_does_not_go_together_is_refused(recipe, capsys, words, line):
    assert main(["fit", "echo.yaml", *words]) == 2
    err = capsys.readouterr().err
    assert line in err
    assert err.count("\n") == 1


def test_runs_of_unlike_data_have_no_mean():
    def row(digest, fold):
        data = (("data.init_args.split.fold", str(fold)), ("train digits", digest))
        return RunRow(
            id=f"run{fold}",
            name=f"fold {fold}",
            experiment_id="1",
            status="FINISHED",
            state="",
            started_ms=0,
            data=data,
        )

    refuse_unlike([row("aa", 0), row("aa", 1)])
    with pytest.raises(BadInput, match="fold 0 and fold 2 read unlike data"):
        refuse_unlike([row("aa", 0), row("aa", 1), row("bb", 2)])
