"""Runs marked as deleted and brought back, on real stores."""

import pytest
from mlflow.entities import ViewType
from recorded import record, study

from elman.cli import main
from elman.commands import _pruning
from elman.tracking.process import identity


@pytest.fixture
def active(client):
    """Ids of the runs that are not deleted."""

    def ask():
        experiments = [e.experiment_id for e in client.search_experiments()]
        return {run.info.run_id for run in client.search_runs(experiments)}

    return ask


def test_a_study_goes_with_its_trials_and_comes_back(answer, client, uri, active, folder):
    parent, trials = study(client, uri)
    other = record("other", [1.0], tags={"elman.checkpoints": str(folder / "points")})
    said = answer("runs", "prune", parent[:10], "--yes")
    assert active() == {other}
    assert "4 runs, 3 of them trials, marked as deleted" in said
    assert all(run in said for run in [parent, *trials])
    assert f"elman runs restore {parent}\n" in said
    (command,) = [line for line in said.splitlines() if "mlflow gc" in line]
    assert f"MLFLOW_TRACKING_URI={uri} mlflow gc --backend-store-uri={uri} " in command
    assert set(command.partition("--run-ids=")[2].split(",")) == {parent, *trials}

    assert "4 runs" in answer("runs", "restore", parent)
    assert active() == {parent, other, *trials}


def test_what_is_left_on_disk_is_said(answer, folder):
    points = folder / "points"
    points.mkdir()
    (points / "best.ckpt").write_bytes(bytes(3 << 20))
    run = record("one", [1.0], tags={"elman.checkpoints": str(points)})
    assert f"{points} (3.0 MiB)" in answer("runs", "prune", run, "--yes")
    assert (points / "best.ckpt").is_file()


def test_by_a_filter_in_one_experiment(answer, capsys, client, active):
    kept = record("kept", [1.0], k1=20)
    gone = record("gone", [2.0], k1=5)
    elsewhere = record("elsewhere", [2.0], k1=5, experiment="others")
    words = ["runs", "prune", "--filter=params.k1 = '5'", "--tracking.experiment=toys"]
    assert main(words) == 2
    shown, refused = capsys.readouterr()
    assert gone in shown
    assert "nobody is here to be asked; say --yes" in refused
    assert active() == {kept, gone, elsewhere}
    assert "1 run marked" in answer(*words, "--yes")
    assert active() == {kept, elsewhere}
    assert answer(*words, "--yes") == ""
    assert client.get_run(gone).info.lifecycle_stage == "deleted"


def test_a_living_run_is_refused_and_one_elsewhere_must_be_named(answer, complaint, client, active):
    run = record("one", [1.0])
    client.update_run(run, "RUNNING")
    client.set_tag(run, "elman.process", identity())
    assert f"is being written by {identity()}; stop that first" in complaint("runs", "prune", run, "--yes")
    client.set_tag(run, "elman.process", "elsewhere:1:1.0")
    words = ["runs", "prune", "--filter=params.k1 = '10'", "--yes"]
    assert "says that it is being written by elsewhere:1:1.0" in complaint(*words)
    assert active() == {run}
    answer("runs", "prune", run, "--yes")
    assert active() == set()


def test_it_asks_where_somebody_is(answer, monkeypatch, active):
    run = record("one", [1.0])
    monkeypatch.setattr(_pruning.sys, "stdin", type("Terminal", (), {"isatty": lambda self: True})())
    monkeypatch.setattr("builtins.input", lambda text: "n")
    answer("runs", "prune", run)
    assert active() == {run}
    monkeypatch.setattr("builtins.input", lambda text: "y")
    answer("runs", "prune", run)
    assert active() == set()


def test_mistakes_are_one_line(complaint, answer):
    first = record("one", [1.0])
    second = record("one", [1.0])
    assert "something is missing; elman runs prune RUN" in complaint("runs", "prune")
    assert "no run has the id or name 'two'" in complaint("runs", "prune", "two", "--yes")
    assert "2 runs match 'one'" in complaint("runs", "prune", "one", "--yes")
    assert "one word too many" in complaint("runs", "prune", first, "--filter=params.k1 = '1'")
    assert "no deleted run has the id or name 'one'" in complaint("runs", "restore", "one")
    answer("runs", "prune", first, second, "--yes")
    assert "2 deleted runs match 'one'" in complaint("runs", "restore", "one")


def test_the_password_of_a_server_is_hidden():
    from elman.tracking.deleting import removal_command

    command = removal_command("https://me:secret@host:5000", [])
    assert "secret" not in command
    assert command.startswith("MLFLOW_TRACKING_URI='https://me:***@host:5000' mlflow gc")
    assert "secret" not in removal_command("postgresql://me:secret@host/db", [])


def test_nothing_else_is_touched(client, uri, answer):
    """Restoring looks at deleted runs alone."""
    parent, trials = study(client, uri)
    answer("runs", "prune", trials[0], "--yes")
    (deleted,) = client.search_runs(
        [client.get_run(parent).info.experiment_id], run_view_type=ViewType.DELETED_ONLY
    )
    assert deleted.info.run_id == trials[0]
    answer("runs", "restore", "trial 0")
    assert client.get_run(trials[0]).info.lifecycle_stage == "active"
