"""The table of evidence: which runs count, what a row says."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from elman.recipes.recipe import parse
from elman.tracking.params import flat_params
from elman.tracking.runs import RunRow
from elman.tracking.tags import COMMIT_TAG, GIT_DIRTY_TAG

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
import evidence
from evidence import BEGIN, END, FOLDER, claims, line, runs_of, written

RECIPE = FOLDER / "mnist1d" / "gru.yaml"
CLAIM = next(claim for claim in claims() if claim.recipe == RECIPE)


def run(seed, value, *options, dirty="false"):
    """What the store has of a run of that recipe."""
    config = parse("fit", [str(RECIPE), f"--seed_everything={seed}", *options]).config
    return RunRow(
        id=f"{seed}{value}",
        name="gru",
        experiment_id="1",
        status="FINISHED",
        state="finished",
        started_ms=0,
        params={**flat_params(config.as_dict()), "parameters": "1"},
        metrics={"test/accuracy": value, "cost/cpu_seconds": 60.0 * seed},
        tags={COMMIT_TAG: "abcdef0123", GIT_DIRTY_TAG: dirty},
    )


def test_which_runs_count():
    first, second = run(1, 0.9), run(2, 0.96)
    rows = [
        run(3, 0.5, "--model.optimizer.lr=0.1"),
        run(3, 0.5, "--trainer.max_time_steps=24"),
        run(3, 0.5, dirty="true"),
        replace(run(3, 0.5), state="running"),
        second,
        first,
        run(2, 0.1),  # an older one
    ]
    assert runs_of(RECIPE, rows) == [first, second]
    earlier, other = run(5, 0.8), run(5, 0.8)
    del earlier.params["model.skip_at_most"]  # an option that the recipe leaves alone
    del other.params["model.readout_dropout"]
    assert runs_of(RECIPE, [other, earlier]) == [earlier]
    elsewhere = run(4, 0.7, "--tracking.experiment=mine", "--trainer.progress=false", "--trainer.threads=1")
    assert runs_of(RECIPE, [elsewhere]) == [elsewhere]


def test_a_row():
    cells = line(CLAIM, [run(1, 0.90), run(2, 0.94), run(3, 0.92)]).strip("| ").split(" | ")
    assert cells[0] == "mnist1d/gru.yaml"
    assert cells[1].startswith("Greydanus and Kobak (2024)")
    assert cells[2:] == [
        "test/accuracy",
        "0.91",
        "≥ 0.91",
        "0.92 (0.02)",
        "3",
        "yes, 2 of 3 seeds",
        "2.0",
        "abcdef0",
    ]
    assert " no | 1.0 | " in line(CLAIM, [run(1, 0.5)])
    assert line(CLAIM, []) is None
    assert line(replace(CLAIM, metric="test/mse"), [run(1, 0.5)]) is None


def test_a_loss_has_to_be_small():
    below = replace(CLAIM, asked="at most")
    assert [below.met(value, 0.5) for value in (0.4, 0.5, 0.6)] == [True, True, False]
    assert [replace(below, asked="above").met(value, 0.5) for value in (0.5, 0.6)] == [False, True]


def test_held_against_another_recipe():
    claim = replace(CLAIM, asked="above", bound="gru_shuffled.yaml")
    assert claim.other == FOLDER / "mnist1d" / "gru_shuffled.yaml"
    others = [run(1, 0.5), run(2, 0.6)]
    assert " > 0.55, gru_shuffled.yaml | 0.6 | 1 | yes | " in line(claim, [run(1, 0.6)], others)
    assert " 0.5 | 1 | no | " in line(claim, [run(1, 0.5)], others)
    assert line(claim, [run(1, 0.6)]) is None


def test_every_claim_names_a_metric_that_runs_have():
    found = claims()
    assert {claim.recipe.parent.name for claim in found} >= {"mnist1d"}
    for claim in found:
        assert claim.metric.split("/")[0] in ("test", "best", "train", "theta")
        assert claim.other is None or claim.other.is_file()
        float(claim.bound if claim.other is None else 0)


def test_the_page_around_the_table_stays():
    page = f"# Evidence\n\n{BEGIN}| old |\n{END}\nAfter.\n"
    assert written(page, "| new |\n") == f"# Evidence\n\n{BEGIN}| new |\n{END}\nAfter.\n"
    with pytest.raises(ValueError, match="no place for the table"):
        written("# Evidence\n", "| new |\n")


def test_a_row_of_another_store_is_kept_while_its_recipe_is_the_same(monkeypatch, tmp_path):
    def row(recipe, commit):
        return f"| {recipe} | somebody | test/accuracy | 0.91 | ≥ 0.91 | 0.9 | 1 | no | 2.0 | {commit} |"

    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    folder = tmp_path / "papers"
    folder.mkdir()
    commits = []
    for text in ("# a head\na: 1\n", "# another head\na: 1\n", "a: 2\n"):
        (folder / "one.yaml").write_text(text)
        for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "it"]):
            subprocess.run([*git, *command], cwd=tmp_path, check=True)
        shown = subprocess.run(["git", "rev-parse", "HEAD"], cwd=tmp_path, capture_output=True, check=True)
        commits.append(shown.stdout.decode()[:7])
    monkeypatch.setattr(evidence, "ROOT", tmp_path)
    monkeypatch.setattr(evidence, "FOLDER", folder)
    assert [evidence.still_true(row("one.yaml", commit)) for commit in commits] == [False, False, True]
    (folder / "one.yaml").write_text("a: 1\n")
    assert [evidence.still_true(row("one.yaml", commit)) for commit in commits] == [True, True, False]
    assert evidence.still_true(row("one.yaml", f"{commits[0]}, {commits[1]}"))
    assert not evidence.still_true(row("one.yaml", "0000000"))
    assert not evidence.still_true(row("none.yaml", commits[0]))
    page = f"{BEGIN}| recipe |\n| --- |\n{row('one.yaml', commits[0])}\n{END}"
    assert evidence.rows_of(page) == {("one.yaml", "test/accuracy"): row("one.yaml", commits[0])}
