"""How MLflow's page of runs shows a study. That it can be read is tested in a browser."""

import json

import pytest
from study_toys import COST, LOSS, realistic, review, row

from elman.search.report.view import view
from elman.search.results.format import trial_name


def shown(study):
    return json.loads(view(study, run_id="abc"))


def test_trials_alone_and_the_best_first():
    study = shown(realistic())
    assert study["searchFilter"] == "tags.`mlflow.parentRunId` = 'abc'"
    assert (study["orderByKey"], study["orderByAsc"]) == ("metrics.`value/val/bits_per_step`", True)
    assert shown(review(row(0, 1.0), objectives={LOSS: "maximize"}))["orderByAsc"] is False


def test_columns_hold_the_windows_the_depth_and_the_cost():
    columns = shown(realistic())["selectedColumns"]
    assert columns[1:5] == ["params.`k1`", "params.`k2`", "params.`k2/k1`", "params.`layers`"]
    assert {"metrics.`value/val/bits_per_step`", "metrics.`cost/seconds`"} < set(columns)


def test_charts():
    charts = {chart["type"]: chart for chart in shown(realistic())["compareRunCharts"]}
    assert charts["CONTOUR"]["xaxis"] == {"key": "k1", "type": "PARAM"}
    assert charts["CONTOUR"]["zaxis"] == {"key": "value/val/bits_per_step", "type": "METRIC"}
    assert charts["PARALLEL"]["selectedParams"][:3] == ["k1", "k2", "layers"]
    assert charts["LINE"]["metricKey"] == "val/bits_per_step"


def test_no_map_without_windows():
    study = shown(review(row(0, 1.0, values={"lr": 0.1})))
    assert "CONTOUR" not in {chart["type"] for chart in study["compareRunCharts"]}


def test_the_cost_of_a_front_is_its_second_objective():
    trials = [row(n, objectives={LOSS: 1.0 / n, COST: float(n)}) for n in (1, 2)]
    study = shown(review(*trials, objectives={LOSS: "minimize", COST: "minimize"}))
    assert study["compareRunCharts"][0]["xaxis"]["key"] == f"value/{COST}"


def test_before_any_trial_has_ended():
    assert shown(review())["compareRunCharts"]


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"lr": 0.00314159, "layers": 2, "k2": 60, "k2/k1": 3, "k1": 20}, "#7 k1=20 k2=60 L2"),
        ({"core": "GRU"}, "#7 core=GRU"),
        ({}, "#7"),
    ],
)
def test_a_trial_is_called_by_what_it_tries(values, name):
    assert trial_name(7, values) == name
