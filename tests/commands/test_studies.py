"""`elman best` and `elman report` on studies and runs written by hand."""

import json
from pathlib import Path

import pytest
from recorded import FIGURE, RECIPE, record, review, study

from elman.cli import main
from elman.search.results.review import TrialRow


def test_the_best_trial_of_the_newest_study(answer, client, uri):
    study(client, uri, name="older", values=((5, 0.5), (6, 0.75)))
    _, trials = study(client, uri)
    record("not of a study", [0.1])
    lines = answer("best", "toys").splitlines()
    assert lines[0] == "study windows of experiment toys: 3 trials (2 complete, 1 pruned)"
    assert lines[1].startswith(f"trial 1: {FIGURE} 1.5; k1=20; 2,000 time steps, ")
    assert lines[1].endswith(f"run {trials[1]}")
    assert lines[2:] == [f"train it once more: elman rerun {trials[1]}", f"use it: elman test {trials[1]}"]

    assert answer("best", "toys", "--output=best.yaml").endswith(
        "wrote best.yaml; use it: elman fit best.yaml\n"
    )
    assert Path("best.yaml").read_text() == "# the best\n"
    assert answer("best", "toys", "--output=-") == "# the best\n"
    assert f"{FIGURE} 0.5" in answer("best", "toys", "--study=older")
    assert [line.split(":")[0] for line in answer("best", "toys", "--top=9").splitlines()[1:3]] == [
        "trial 1",
        "trial 0",
    ]


def test_a_recipe_that_is_another_trials_is_not_taken(answer, client, uri):
    """An earlier version has recorded the best one observed, and another is named now."""
    own, _ = study(client, uri)
    client.log_text(own, "# Trial 0 of the search windows: 1.6.\n", "best.yaml")
    answer("best", "toys", "--output=best.yaml")
    assert Path("best.yaml").read_text() == RECIPE.format(k1=20) + "# minimal\n"


def test_limits_hold(answer, client, uri):
    _, trials = study(client, uri, limit=15.0)
    said = answer("best", "toys")
    assert f"run {trials[0]}" in said
    assert "limits: cost/peak_memory_mib <= 15" in said


def test_another_figure_has_its_own_direction_and_its_own_recipe(answer, client, uri):
    _, trials = study(client, uri)  # the accuracy falls where the loss rises
    said = answer("best", "toys", "--metric=val/accuracy", "--output=best.yaml")
    assert "by val/accuracy:\n0.85  trial 1" in said
    assert f"elman rerun {trials[1]}" in said
    assert Path("best.yaml").read_text() == RECIPE.format(k1=20) + "# minimal\n"


def test_several_objectives_are_a_front(answer, client, uri):
    parent, trials = study(client, uri)
    points = [(2.0, 10.0), (1.5, 20.0), (1.6, 30.0)]
    rows = [
        TrialRow(
            number=i,
            state="complete",
            values={"k1": 10 * i + 10},
            objectives={FIGURE: loss, "cost/seconds": cost},
            run_id=run,
        )
        for i, ((loss, cost), run) in enumerate(zip(points, trials, strict=True))
    ]
    both = review("windows", rows, objectives={FIGURE: "minimize", "cost/seconds": "minimize"})
    client.log_text(parent, both.to_json(), "study.json")
    lines = answer("best", "toys").splitlines()
    assert lines[1].startswith("2 points of the Pareto front")
    assert [line.split(";")[0] for line in lines[2:4]] == [
        f"trial 1: {FIGURE} 1.5, cost/seconds 20",
        f"trial 0: {FIGURE} 2, cost/seconds 10",
    ]
    assert lines[-1] == f"use it: elman test {trials[1]}"


def test_without_a_study_the_best_finished_run(answer, client):
    best = record("dips", [2.0, 0.5, 1.75], k1=5)
    record("killed", [0.1], status="KILLED")
    record("last is best", [3.0, 1.0])
    lines = answer("best", "toys", "--top=2").splitlines()
    assert lines[0] == f"2 finished runs of experiment toys have {FIGURE}; the best:"
    assert lines[1].startswith(f"{FIGURE} 0.5; toys/echo Truncated, k1=5, k2=40, depth=2; 3,000 time steps")
    assert lines[2].startswith(f"{FIGURE} 1; ")
    assert lines[3:] == [f"train it once more: elman rerun {best}", f"use it: elman test {best}"]
    answer("best", "toys", "--output=best.yaml")
    assert Path("best.yaml").read_text() == RECIPE.format(k1=5) + "# minimal\n"


def test_a_report_is_a_page_of_its_own(answer, client, uri):
    study(client, uri)
    assert answer("report", "toys") == "wrote report.html: study windows with 3 trials\n"
    page = Path("report.html").read_text(encoding="utf-8")
    assert page.lower().startswith("<!doctype html>")
    assert "windows" in page


def test_mistakes_are_one_line(complaint, client, uri):
    assert "something is missing; elman best EXPERIMENT" in complaint("best")
    assert "something is missing; elman report EXPERIMENT" in complaint("report")
    assert "no experiment 'toys'" in complaint("best", "toys")
    record("one", [1.0], status="FAILED")
    assert "no run of experiment 'toys' has finished; `elman runs toys`" in complaint("best", "toys")
    assert "holds no study to report on; `elman runs toys` lists" in complaint("report", "toys")
    assert "the experiment holds no study" in complaint("best", "toys", "--study=windows")
    record("two", [1.0])
    assert "--metric=val/acuracy: none of these runs has it; did you mean 'val/accuracy'" in complaint(
        "best", "toys", "--metric=val/acuracy"
    )
    parent, _ = study(client, uri)
    assert "did you mean 'windows'?" in complaint("best", "toys", "--study=window")
    assert "--output=none/best.yaml cannot be written" in complaint(
        "report", "toys", "--output=none/best.yaml"
    )
    client.log_text(parent, '{"name": 1}', "study.json")
    assert "study.json of run" in complaint("report", "toys")


@pytest.mark.parametrize("command", ["best", "report"])
def test_a_study_that_has_said_nothing_yet(complaint, client, uri, command):
    from elman.tracking.opening import create_run

    run = create_run(client, uri, experiment="toys", name="fresh")
    client.set_tag(run.id, "elman.study", "fresh")
    client.set_tag(run.id, "elman.study_id", "1")
    assert "study 'fresh'" in complaint(command, "toys")
    assert "has recorded no study.json yet" in complaint(command, "toys")


def test_only_runs_on_the_same_data_are_compared(answer, client):
    """The lower loss is of an easier text: it is no better run."""
    easy = record("easy", [0.5], digest="e" * 40)
    record("middle", [1.75])
    best = record("good", [1.5])
    lines = answer("best", "toys").splitlines()
    assert lines[0] == f"2 finished runs of experiment toys have {FIGURE}; the best:"
    assert lines[1].endswith(f"run {best} (good)")
    assert lines[2] == (
        f"1 more are on other data, which does not compare (train echo): elman best toys --like={easy[:8]}"
    )
    said = answer(*lines[2].partition("elman ")[2].split())
    assert f"run {easy} (easy)" in said
    assert "2 more are on other data" in said


@pytest.mark.parametrize(
    ("key", "value", "alike"),
    [
        ("data.init_args.split.seed", 2, False),
        ("data.init_args.unit", "words", False),
        ("model.loss.init_args.balance", True, False),
        ("data.init_args.batch_size", 64, True),
        ("model.core.init_args.hidden_size", 64, True),
    ],
)
def test_metrics_compare_where_nothing_of_the_data_differs(answer, key, value, alike):
    """A division, a unit or weights of classes change what a metric means; rows of a batch do not."""
    record("plain", [0.5])
    record("changed", [1.5], params={key: value})
    said = answer("best", "toys")
    assert (f"{FIGURE} 0.5" in said) == alike
    assert ("does not compare" in said) == (not alike)


def test_a_listing_says_that_metrics_do_not_compare(answer, capsys):
    record("easy", [0.5], digest="e" * 40)
    record("good", [1.5])
    assert main(["runs", "toys", "--sort=best"]) == 0
    assert "unlike data, whose metrics do not compare" in capsys.readouterr().err
    assert main(["runs", "toys", "--sort=age"]) == 0
    assert capsys.readouterr().err == ""


def test_a_study_is_not_compared_by_data(complaint, client, uri):
    study(client, uri)
    assert "--like chooses among runs, but 'toys' holds the study 'windows'" in complaint(
        "best", "toys", "--like=nobody"
    )


@pytest.mark.parametrize("command", ["best", "report"])
@pytest.mark.parametrize("change", [{"state": "done"}, {"seconds": "long"}, {"objectives": {FIGURE: "low"}}])
def test_a_study_file_of_another_kind(complaint, client, uri, command, change):
    parent, _ = study(client, uri)
    given = json.loads(review("windows", [TrialRow(number=0, state="complete", values={"k1": 1})]).to_json())
    given["trials"][0].update(change)
    client.log_text(parent, json.dumps(given), "study.json")
    said = complaint(command, "toys")
    assert "study.json of run" in said
    assert "trial 0: " in said


def test_pictures_to_print(answer, complaint, client, uri):
    study(client, uri)
    said = answer("report", "toys", "--format=svg", "--size=column", "--output=figures")
    assert said.startswith("wrote figures: ")
    names = sorted(path.name for path in Path("figures").iterdir())
    assert names == sorted(said.split(": ")[1].strip().split(", "))
    assert "history.svg" in names
    assert "Every trial, and the best so far" in Path("figures/history.svg").read_text()  # its title is in it
    assert "--format=pdf" in complaint("report", "toys", "--size=column")
    assert "name a folder" in complaint("report", "toys", "--format=png", "--output=-")


def test_two_searches_side_by_side(answer, client, uri, capsys):
    study(client, uri, name="older", values=((5, 0.5), (6, 0.75)))
    study(client, uri)
    rows = json.loads(answer("compare", "older", "windows", "--format=json"))
    assert [(row["study"], row["best_trial"], row["best"][FIGURE]) for row in rows] == [
        ("older", 0, 0.5),
        ("windows", 1, 1.5),
    ]
    assert answer("compare", "older", "windows").startswith("older (experiment toys): 2 of 3 trials complete")
    for word in ("--output=two.png", "--format=latex", "--metric=val/accuracy", "--value=last"):
        capsys.readouterr()
        assert main(["compare", "older", "windows", word]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert f"{word} is for recipes and runs; searches" in line
    assert not Path("two.png").exists()


def seeds(name, values, *, k1, first=1, **more):
    """Runs of one recipe, a seed each; their ids."""
    return [
        record(
            f"{name} seed {seed}",
            [value + 1, value],
            k1=k1,
            params={"seed_everything": seed},
            tags={"elman.group": name, "elman.floor.nats_per_step": "2", **more},
        )
        for seed, value in enumerate(values, first)
    ]


def test_the_best_recipe_is_not_that_of_the_luckiest_seed(answer):
    """The worse recipe has the best single run, and a seed that did not learn."""
    lucky = seeds("lucky", [0.1, 1.2, 1.3], k1=5)
    seeds("steady", [0.8, 0.6], k1=6)
    best = record("older k1", [0.5], k1=6, params={"seed_everything": 2}, tags={"elman.group": "steady"})
    lines = answer("best", "toys", "--top=9").splitlines()
    assert (
        lines[0]
        == f"2 recipes, 6 finished runs of experiment toys have {FIGURE}; the best by the mean of a recipe:"
    )
    assert lines[1].startswith(f"{FIGURE} mean 0.65 (95 % interval ")
    assert "; 2 of 2 seeds learned; toys/echo Truncated, k1=6" in lines[1]
    assert lines[2].startswith(f"    its best run: {FIGURE} 0.5; ")
    assert lines[3].startswith(f"{FIGURE} mean 0.87 ")
    assert f"run {lucky[0]}" in lines[4]
    assert lines[5:] == [f"train it once more: elman rerun {best}", f"use it: elman test {best}"]
    found = json.loads(answer("best", "toys", "--format=json", "--top=2"))
    assert (found["best"]["run"], found["best"]["mean"], found["best"]["runs"]) == (best, 0.65, 2)
    assert [each["runs"] for each in found["ranked"]] == [2, 3]


def test_a_recipe_that_learns_more_often_comes_first(answer):
    """As `elman compare` puts them; who did not learn is in no mean."""
    seeds("often", [1.5, 1.4], k1=5)
    seeds("rarely", [0.1, 1.99, 1.98], k1=6)
    lines = answer("best", "toys", "--top=2").splitlines()
    assert "; 2 of 2 seeds learned" in lines[1]
    assert lines[3].startswith(f"{FIGURE} 0.1") or lines[3].startswith(f"{FIGURE} mean 0.1")
    assert "; 1 of 3 seeds learned" in lines[3]


def test_a_single_run_beside_a_group_is_called_one_run(answer):
    seeds("several", [0.8, 0.6], k1=5)
    seeds("single", [0.5], k1=6)
    lines = answer("best", "toys").splitlines()
    assert lines[1].startswith(f"{FIGURE} 0.5, one run; 1 of 1 seed learned; ")
