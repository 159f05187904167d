"""`elman runs` on stores written by hand: which runs, in which order, and what stands in a line."""

import csv
import io
import json
import os
import pty
import re
import subprocess
import sys

import pytest
from recorded import FIGURE, record, study

from elman.cli import main
from elman.tracking.process import identity


def table(text):
    """The lines below the header, as words."""
    return [line.split() for line in text.splitlines()[1:]]


def test_newest_first_with_the_best_of_the_whole_history(answer):
    first = record("one", [2.0, 1.25, 1.75], k1=5)
    second = record("two", [3.0, 2.5], status="KILLED")
    header, *lines = answer("runs").splitlines()
    assert " ".join(header.split()) == f"run name state recipe strategy k1 k2 depth best {FIGURE} steps age"
    assert [line.split()[:10] for line in lines] == [
        [second[:8], "two", "killed", "toys/echo", "Truncated", "10", "40", "2", "2.5", "2,000"],
        [first[:8], "one", "finished", "toys/echo", "Truncated", "5", "40", "2", "1.25", "3,000"],
    ]


def test_of_accuracies_the_highest_is_best(answer, client):
    run = record("one", [0.2, 0.1, 0.5])
    client.log_param(run, "trainer.monitor", "val/accuracy")
    (line,) = json_lines(answer("runs", "--format=jsonl"))
    assert (line["metric"], line["best"]) == ("val/accuracy", 0.99)


def test_the_best_comes_first_whichever_way_is_good(answer, client):
    """1 - value / 10 is the accuracy."""
    runs = [record("middle", [2.0]), record("best", [1.0]), record("worst", [3.0])]
    for run in runs:
        client.log_param(run, "trainer.monitor", "val/accuracy")
    found = json_lines(answer("runs", "--format=jsonl", "--sort=best"))
    assert [(line["name"], line["best"]) for line in found] == [
        ("best", 0.9),
        ("middle", 0.8),
        ("worst", 0.7),
    ]


def test_runs_that_say_their_best_are_not_asked_one_by_one(answer, client, uri, monkeypatch):
    """The history has a better value, which shows where the table's comes from."""
    parent, trials = study(client, uri)
    for run in [*trials, alone := record("alone", [0.1, 3.0])]:
        client.log_metric(run, f"best/{FIGURE}", 0.25, step=2000)
    client.log_param(parent, f"objectives.{FIGURE}", "minimize")
    client.log_metric(parent, f"best/{FIGURE}", 0.125)
    client.log_metric(parent, "cost/time_steps", 5000)
    for name in ("get_metric_history", "get_run", "list_artifacts"):
        monkeypatch.setattr(f"mlflow.MlflowClient.{name}", None)
    for words in ([], ["--sort=best"], ["--studies"]):
        found = {line["run"]: line for line in json_lines(answer("runs", "--format=jsonl", *words))}
        assert (found[parent]["best"], found[parent]["steps"]) == (0.125, 5000)
        kept = [found[run]["best"] for run in [*trials, alone] if run in found]
        assert kept == ([] if words == ["--studies"] else [0.25] * 4)


def test_trials_are_listed_below_their_study(answer, client, uri):
    parent, trials = study(client, uri)
    alone = record("later", [1.0])
    text = answer("runs")
    assert [line[:3] for line in table(text)] == [
        [alone[:8], "later", "finished"],
        [parent[:8], "windows", "finished"],
        [trials[2][:8], "trial", "2"],
        [trials[1][:8], "trial", "1"],
        [trials[0][:8], "trial", "0"],
    ]
    lines = text.splitlines()
    assert [line.startswith("  ") for line in lines[1:]] == [False, False, True, True, True]
    assert "pruned" in lines[3]
    assert "complete" in lines[4]
    assert lines[2].split()[3:5] == ["1.5", "6,000"]  # the study's own best, and all its steps


def test_a_trial_brings_its_study_along(answer, client, uri):
    parent, trials = study(client, uri)
    assert [line[0] for line in table(answer("runs", "--limit=1"))] == [parent[:8], trials[2][:8]]
    assert [line[0] for line in table(answer("runs", "--studies"))] == [parent[:8]]


def json_lines(text):
    return [json.loads(line) for line in text.splitlines()]


def test_filters_states_and_sorting(answer, client, uri):
    _, trials = study(client, uri, values=((10, 2.0), (20, 1.5), (7, 1.75)))
    other = record("other", [9.0], experiment="elsewhere")

    def chosen(*words):
        return [line["run"] for line in json_lines(answer("runs", "toys", "--format=jsonl", *words))]

    best = [trials[1], trials[2], trials[0]]
    assert chosen("--status=complete", "--sort=best") == best
    assert chosen("--status=complete", "--sort=-best") == best[::-1]
    assert chosen("--status=complete", "--sort=k1") == [trials[2], trials[0], trials[1]]  # 7 before 10
    assert chosen("--status=complete", "--sort=params.k1", "--limit=2") == [trials[2], trials[0]]
    assert chosen("--status=complete", "--sort=metrics.val/accuracy") == best
    assert chosen("--status=complete,pruned", "--filter=params.k1 = '40'") == [trials[3]]
    assert chosen(f'--filter=metrics."{FIGURE}" < 1.6') == [trials[1]]
    assert chosen("--filter=params.k1 = '1'") == []
    assert other in {line["run"] for line in json_lines(answer("runs", "--all", "--format=jsonl"))}


def test_columns_and_formats(answer, client, uri):
    study(client, uri)
    columns = f"--columns=run,study,trial,params.k1,metrics.{FIGURE},tags.elman.state"
    rows = list(csv.reader(io.StringIO(answer("runs", "--format=csv", columns, "--status=complete"))))
    assert rows[0] == columns.removeprefix("--columns=").split(",")
    assert [row[1:] for row in rows[1:]] == [
        ["windows", "1", "20", "1.5", "complete"],
        ["windows", "0", "10", "2", "complete"],
    ]
    whole = json_lines(answer("runs", "--format=jsonl"))
    assert [len(line["run"]) for line in whole] == [32] * 4
    assert all(line["started"].endswith("+00:00") for line in whole)


def test_a_dead_process_is_told_and_a_run_may_have_any_name(answer, client, capsys):
    run = record("x\x1b[2Jy[bold]")
    client.update_run(run, "RUNNING")
    host, pid, start = identity().rsplit(":", 2)
    client.set_tag(run, "elman.process", f"{host}:{pid}:1{start}")
    ((_, name, state, *_),) = table(answer("runs"))
    assert (name, state) == ("x?[2Jy[bold]", "failed")
    assert main(["runs"]) == 0
    said = capsys.readouterr().err
    assert (
        said
        == f"{run[:8]} failed: its process {host}:{pid}:1{start} is gone, as after kill -9 or a power cut\n"
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["toy"], "did you mean 'toys'?"),
        (["--colums=run"], "no option --colums; did you mean --columns?"),
        (["--columns=runs"], "no column 'runs'; there are run, experiment"),
        (["--sort=wrong"], "no column 'wrong'"),
        (["--status=done"], "--status must be of waiting, running"),
        (["--filter=foo ="], "Invalid clause(s) in filter string"),
        (["--filter=params.k1 = 20"], "quoted string value"),
        (["--limit=-1"], "--limit must be a number"),
        (["--format=html"], "--format must be table, csv, jsonl or json"),
        (["toys", "--all"], "--all shows all"),
        (["toys", "more"], "'more' is one word too many"),
        (["--tracking.tracking_uri=http://127.0.0.1:9"], "no tracking server answers"),
    ],
)
def test_mistakes_are_one_line(complaint, words, says):
    record("one", [1.0])
    assert says in complaint("runs", *words)


def test_a_store_is_never_made_for_reading(complaint, folder):
    assert "holds no run yet" in complaint("runs")
    (folder / "mlflow.db").unlink()
    for words in (["runs"], ["diff", "a", "b"], ["best", "x"], ["rerun", "a"], ["runs", "prune", "a"]):
        assert f"there is no tracking store at {folder}/mlflow.db" in complaint(*words)
    assert not (folder / "mlflow.db").exists()
    (folder / "mlflow.db").write_text("something else, and long enough not to be a header of SQLite" * 9)
    assert "cannot be read as a tracking store" in complaint("runs")


KILLED_WHILE_IT_WROTE = """
import os, sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("PRAGMA cache_size = 1")
database.execute("BEGIN IMMEDIATE")
database.execute("UPDATE runs SET name = 'half'")
rows = [(str(number), "x" * 900, sys.argv[2]) for number in range(500)]
database.executemany("INSERT INTO tags VALUES (?, ?, ?)", rows)
os._exit(1)
"""


def test_what_a_killed_process_had_half_written_is_taken_back(answer, folder):
    run = record("one", [1.0])
    subprocess.run([sys.executable, "-c", KILLED_WHILE_IT_WROTE, folder / "mlflow.db", run], check=False)
    assert (folder / "mlflow.db-journal").stat().st_size
    assert "one" in answer("runs")
    assert not (folder / "mlflow.db-journal").exists()


PROGRAM = "import sys; from elman.cli import main; sys.exit(main(['runs']))"


@pytest.mark.parametrize(
    ("width", "left_out"), [(80, []), (64, ["too narrow for recipe; --columns=... shows them"])]
)
def test_a_table_fits_the_terminal(width, left_out):
    record("a-name-that-is-much-longer-than-a-terminal-is-wide-" * 3, [1.0])
    ours, theirs = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(width), "TERM": "xterm"}
    child = subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    text = b""
    while True:
        try:
            text += os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
    assert child.wait() == 0
    os.close(ours)
    lines = text.decode().splitlines()
    assert "…" in lines[1]
    assert re.search(r" 1 +1,000\b", lines[1])  # numbers are whole; how long it took may be words or one
    assert len(lines[1].rstrip()) <= width
    assert lines[2:] == left_out


def test_a_reader_that_leaves_gets_no_traceback():
    record("one", [1.0])
    child = subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    child.stdout.close()
    assert child.stderr.read() == b""
    assert child.wait() == 141
    child.stderr.close()
