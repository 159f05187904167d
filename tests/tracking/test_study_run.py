"""What a study writes on MLflow's pages, and what of others it leaves alone."""

import mlflow

from elman.tracking.study_run import StudyRun
from elman.tracking.ui import runs_url


def opened(uri):
    runs = StudyRun(uri, experiment="reach", name="reach/search")
    runs.open(None, study_id="1", recipe="reach/search")
    return runs


def note(uri):
    return mlflow.MlflowClient(uri).get_experiment_by_name("reach").tags.get("mlflow.note.content")


def test_the_experiment_says_what_its_newest_study_says(uri):
    runs = opened(uri)
    for text in ("one trial", "two trials", "two trials"):
        runs.experiment_note(text)
        assert note(uri) == text


def test_a_description_that_somebody_wrote_is_kept(uri):
    runs = opened(uri)
    runs.experiment_note("ours")
    runs.client.set_experiment_tag(runs.experiment_id, "mlflow.note.content", "theirs")
    runs.experiment_note("ours again")
    assert note(uri) == "theirs"


def test_what_is_too_long_for_a_tag_of_an_experiment(uri):
    runs = opened(uri)
    runs.experiment_note("x" * 9000)
    assert len(note(uri)) == 5000
    runs.view("{" + " " * 9000 + "}")
    assert "viewStateShareKey" not in runs_url(uri, "http://h", "reach")


def test_a_result_is_recorded_once(uri):
    runs = opened(uri)
    trial = runs.trial(0, params={"trial": 0}, name="trial 0: k1=2")
    for writer in (runs, runs, opened(uri)):
        writer.result(trial, {"val/bits_per_step": 0.5}, time_steps=100)
    (point,) = runs.client.get_metric_history(trial, "value/val/bits_per_step")
    assert (point.step, point.value) == (100, 0.5)
    assert runs.client.get_run(trial).info.run_name == "trial 0: k1=2"


def test_the_page_of_a_study_is_its_own_view(uri):
    runs = opened(uri)
    plain = runs_url(uri, "http://h", "reach")
    runs.view("{}")
    page = runs_url(uri, "http://h", "reach")
    assert page == f"{plain}&viewStateShareKey={runs.id}"
    runs.trial(0, params={"trial": 0})
    assert runs_url(uri, "http://h", None) == page  # the newest run is a trial of it
