"""What commands answer for programs: one JSON value, by the names that docs/programs.md promises."""

import json
import re
from pathlib import Path

from recorded import FIGURE, record, study

from elman.cli import main

DOCS = (Path(__file__).parents[2] / "docs" / "programs.md").read_text(encoding="utf-8")


def promised(names):
    """Every name is in the documentation."""
    known = set(re.findall(r"`([^`]+)`", DOCS))
    assert set(names) <= known, set(names) - known


def test_runs_of_a_study_and_its_best(answer, client, uri):
    _, trials = study(client, uri)
    found = json.loads(answer("runs", "toys", "--format=json"))
    assert {trials[0], trials[1]} <= {run["run"] for run in found}
    promised(found[0])
    assert json.loads(answer("runs", "toys", "--filter=params.k1 = '77'", "--format=json")) == []

    best = json.loads(answer("best", "toys", "--format=json", "--top=2", "--output=best.yaml"))
    assert Path("best.yaml").read_text() == "# the best\n"
    assert (best["study"], best["metric"], best["best"]["run"]) == ("windows", FIGURE, trials[1])
    assert [each["trial"] for each in best["ranked"]] == [1, 0]
    assert best["best"]["metrics"][FIGURE] == 1.5
    promised([*best, *best["best"]])

    whole = json.loads(answer("report", "toys", "--format=json"))
    assert (whole["best_trial"], whole["front"], whole["counts"]["pruned"]) == (1, [1], 1)
    assert whole["trials"][1]["run_id"] == trials[1]
    promised(["answer", "best_trial", "front", "counts"])
    assert answer("report", "toys", "--format=json", "--output=study.json").startswith("wrote study.json")
    assert json.loads(Path("study.json").read_text()) == whole

    study(client, uri, name="older", values=((5, 0.5), (6, 0.75)))
    both = json.loads(answer("compare", "windows", "older", "--format=json"))
    assert [each["best"][FIGURE] for each in both] == [1.5, 0.5]
    promised(both[0])
    assert "older (experiment toys): 2 of 3 trials complete" in answer("compare", "windows", "older")


def test_single_runs_and_what_differs(answer, complaint, client):
    first, second = record("dips", [2.0, 0.5, 1.75], k1=5), record("flat", [1.0, 0.9], k1=6)
    best = json.loads(answer("best", "toys", "--format=json"))
    assert (best["study"], best["best"]["run"], best["best"]["metrics"]) == (None, first, {FIGURE: 0.5})
    promised(best["best"])
    found = json.loads(answer("diff", first, second, "--format=json"))
    assert [run["run"] for run in found["runs"]] == [first, second]
    by_name = {each["name"]: each for each in found["differences"]}
    assert by_name[f"best {FIGURE}"]["difference"] == 0.4
    promised([*found, *found["differences"][0]])
    assert "--output=- and --format=json" in complaint("best", "toys", "--format=json", "--output=-")


def test_the_doctor(capsys):
    main(["doctor", "--format=json"])
    found = json.loads(capsys.readouterr().out)
    assert sum(found["counts"].values()) == len(found["findings"])
    promised([*found, *found["findings"][0]])
