"""The dashboard as a reviewer meets it: which k1, k2 and depth, and what did they cost?"""

import subprocess
import sys

import pytest

from elman.search.results.format import number, trial_name
from elman.search.results.named import named
from elman.search.results.review import Review
from elman.tracking.pages import run_page, runs_page

pytestmark = pytest.mark.browser


@pytest.fixture(scope="session")
def review(site):
    (file,) = site.folder.glob("searches/*/study.json")
    return Review.from_json(file.read_text())


@pytest.fixture(scope="session")
def metadata(review):
    """What must be read on the pages: the best value, its windows and depth, and its cost."""
    best = review.best()
    values = [f"{label}={best.values[label]}" for label in ("k1", "k2", "layers")]
    return [number(best.objectives["val/bits_per_step"]), *values, "core steps a time step"]


def names(review):
    return [trial_name(trial.number, trial.values) for trial in review.trials]


def start(name):
    """Of a trial's name, what a narrow list shows of it."""
    return name[:20]


def test_the_page_that_elman_ui_opens(site, reader, review, metadata):
    words = [
        metadata[0],
        "core steps, ",
        *map(start, names(review)),
        f"{len(review.trials)} matching runs",
        "Parallel Coordinates",
    ]
    reader.open(site.page, *words, name="1_landing")
    # Best first, by the value that the study compares.
    values = {trial.number: trial.objectives["val/bits_per_step"] for trial in review.trials}
    listed = [values[int(text.split()[0].lstrip("#"))] for text in reader.column(".ag-row a", "#")]
    assert listed == sorted(values.values())


def test_the_table_of_trials(site, reader, review):
    page = runs_page(site.experiment_id, view=site.study.info.run_id, mode="TABLE")
    columns = ["k1", "k2", "k2/k1", "layers", "cost/seconds"]
    reader.open(f"{site.address}/{page}", *columns, *map(start, names(review)), name="2_table")


def test_the_study(site, reader, metadata):
    page = f"{site.address}/{run_page(site.experiment_id, site.study.info.run_id)}"
    reader.open(page, "Which windows repeat a bit", *metadata, "trials/complete", name="3_study")
    reader.click("button", "Show more")
    reader.picture("in the recipe", "elman fit best.yaml", name="4_study_note")
    links = reader.links()
    reader.open(links["report"], "report.html", "Which windows repeat a bit", name="5_report_in_mlflow")
    compared = next(link for text, link in links.items() if text.endswith("compared"))
    reader.open(compared, "Comparing", "Parallel Coordinates Plot", "k2/k1", name="6_comparison")
    reader.open(links["charts of the trials"], "Parallel Coordinates", name="7_charts")


def test_the_metrics_of_the_study(site, reader):
    page = run_page(site.experiment_id, site.study.info.run_id).replace("?", "/model-metrics?")
    reader.open(f"{site.address}/{page}", "best/val", "bits_per_step", name="8_study_metrics")


@pytest.mark.parametrize("picture", ["history.png", "parallel.html", "pareto.html"])
def test_a_picture_of_the_study(site, reader, picture):
    page = run_page(site.experiment_id, site.study.info.run_id, file=f"pictures/{picture}")
    reader.open(f"{site.address}/{page}", f"pictures/{picture}", name=f"9_{picture.partition('.')[0]}")
    if picture.endswith(".html"):
        reader.until("bits_per_step")


def test_a_trial(site, reader, review):
    best = review.best()
    run = site.trials[best.number]
    page = f"{site.address}/{run_page(site.experiment_id, run.info.run_id)}"
    name = trial_name(best.number, best.values)
    reader.open(page, name, "Show more", "value/val/bits_per_step", name="10_trial")
    reader.click("button", "Show more")
    reader.picture("Truncated(k1=", name="10_trial_note")
    curves = page.replace("?", "/model-metrics?")
    reader.open(curves, name, "core_steps_per_step", name="11_trial_curves")


def test_the_report_is_a_file_of_its_own(site, reader, metadata):
    command = [sys.executable, "-m", "elman", "report", "windows", "--output=report.html"]
    subprocess.run(command, cwd=site.folder, check=True)
    reader.open((site.folder / "report.html").as_uri(), *metadata[:1], "k1", "k2", "layers", name="12_report")


def test_optuna_dashboard_opens_the_same_study(optuna_page, reader, review):
    """With the names of the objectives, k2 beside k1, and what each trial reached."""
    reader.open(optuna_page, review.name, name="13_optuna_studies")
    first = review.trials[0]
    words = [
        f"k1 {first.values['k1']}",
        f"k2 {first.values['k2']}",
        str(first.objectives["val/bits_per_step"]),
    ]
    reader.open(f"{optuna_page}studies/0/trials", "Trial 0", "Trial 3", "Complete", *words, name="14_optuna")
    reader.open(f"{optuna_page}studies/0", *review.objectives, name="14_optuna_objectives")


def test_the_first_screen_of_a_study_and_of_a_trial_holds_the_answer(site, reader, review, screen):
    """At 1280 x 800, without a click: the value, k1, k2, depth and cost."""
    best = review.best()
    name, value = trial_name(best.number, best.values), number(best.objectives["val/bits_per_step"])
    screen(1280, 800)
    reader.open(site.page, value, name=f"15_landing_{1280}")
    seen = reader.in_view()
    assert f"val/bits_per_step {value}: {name}" in seen
    assert "core steps, " in seen
    page = run_page(site.experiment_id, site.study.info.run_id)
    reader.open(f"{site.address}/{page}", "Show more", name="15_study")
    seen = reader.in_view()
    assert f"val/bits_per_step {value} with k1={best.values['k1']}, k2={best.values['k2']}" in seen
    page = run_page(site.experiment_id, site.trials[best.number].info.run_id)
    reader.open(f"{site.address}/{page}", "Show more", name="15_trial")
    seen = reader.in_view()
    assert f"Truncated k1={best.values['k1']} k2={best.values['k2']}, {best.values['layers']} layer" in seen


def test_three_thousand_trials_lead_to_a_picture_of_all(large_site, reader, screen):
    """MLflow loads 100 runs, says nothing of it, and draws those."""
    best = named(large_site.review).trial
    value = number(best.objectives["val/bits_per_step"])
    screen(1280, 800)
    reader.without_assistant(large_site.page)
    reader.open(large_site.page, "all 3,000 trials", "100 here", name="16_landing_3000")
    seen = reader.in_view()
    assert f"val/bits_per_step {value}: {trial_name(best.number, best.values)}" in seen
    assert "all 3,000 trials" in seen
    reader.open(reader.links()["all 3,000 trials"], "pictures/curves.png", name="16_all_3000")
