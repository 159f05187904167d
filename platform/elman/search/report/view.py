"""How MLflow's page of runs displays a study: its trials best first, the columns that count, and charts.

MLflow keeps what its button "Share" makes as JSON in a tag of the experiment; this is such a view. One that
it cannot read leaves the reader with the page as it always is.
"""

from __future__ import annotations

import json
from typing import Any

from elman.search.results.cost_view import SECONDS, with_cost
from elman.search.results.format import cost_name, labels, window_labels
from elman.search.results.review import Review
from elman.tracking.tags import PARENT_TAG, STATE_TAG

SECTION = "study"
COLUMNS = 20
AXES = 6  # more parallel axes cannot be distinguished
RUNS = 1000


def view(review: Review, *, run_id: str) -> str:
    """The view of the study whose run has this id, as JSON."""
    first = f"value/{review.objective}"
    chosen = {
        "searchFilter": f"tags.`{PARENT_TAG}` = '{run_id}'",
        "orderByKey": f"metrics.`{first}`",
        "orderByAsc": review.objectives[review.objective] == "minimize",
        "selectedColumns": [
            "attributes.`Duration`",
            *(f"params.`{label}`" for label in labels(review)[:COLUMNS]),
            *(f"metrics.`{name}`" for name in _metrics(review)),
            f"tags.`{STATE_TAG}`",
        ],
        "runsHiddenMode": "SHOW_ALL",  # MLflow would draw the first ten
        "compareRunCharts": _charts(review),
        "compareRunSections": [
            {"uuid": SECTION, "name": review.name, "display": True, "columns": 2, "cardHeight": 360}
        ],
        "isAccordionReordered": True,  # else MLflow sorts its own sections before ours
    }
    return json.dumps(chosen)


def _metrics(review: Review) -> list[str]:
    """What came out and what it cost, by the names of MLflow's metrics."""
    values = [f"value/{name}" for name in review.objectives]
    costs = {*review.constraints, cost_name(review) or "cost/core_steps_per_step", "cost/seconds"}
    return [*values, *sorted(costs - set(review.objectives))]


def _charts(review: Review) -> list[dict[str, Any]]:
    """Value against cost, values in parallel, the windows as a map, and the curves by time step."""
    first, *others = _metrics(review)
    cost = others[0] if len(review.objectives) > 1 else _cost(review)
    charts: list[dict[str, Any]] = [
        {"type": "SCATTER", "xaxis": _metric(cost), "yaxis": _metric(first)},
        {
            "type": "PARALLEL",
            "selectedParams": labels(review, multiples=False)[:AXES],
            "selectedMetrics": [cost, first],
            "showAllRuns": True,
        },
    ]
    if windows := window_labels(review):
        k1, k2 = ({"key": label, "type": "PARAM"} for label in windows)
        charts.append({"type": "CONTOUR", "xaxis": k1, "yaxis": k2, "zaxis": _metric(first)})
    charts.append(
        {
            "type": "LINE",
            "metricKey": review.objective,
            "selectedMetricKeys": [review.objective],
            "xAxisKey": "step",
            "xAxisScaleType": "linear",
            "scaleType": "linear",
            "lineSmoothness": 0,
            "range": {},
            "useGlobalXaxisKey": True,
            "useGlobalLineSmoothing": True,
        }
    )
    common = {"metricSectionId": SECTION, "runsCountToCompare": RUNS, "deleted": False, "isGenerated": False}
    return [{"uuid": f"study-{i}", **common, **chart} for i, chart in enumerate(charts)]


def _cost(review: Review) -> str:
    """The cost that tells the trials apart."""
    priced = with_cost(review)
    name = list(priced.objectives)[1] if priced else SECONDS
    return "cost/seconds" if name == SECONDS else name


def _metric(name: str) -> dict[str, str]:
    return {"key": name, "type": "METRIC"}
