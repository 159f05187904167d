"""Where MLflow shows what: addresses within its page, which hold whatever server shows it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Literal
from urllib.parse import quote, urlencode

Mode = Literal["CHART", "TABLE"]


def runs_page(experiment_id: str, *, mode: Mode = "CHART", view: str = "") -> str:
    """The runs of an experiment; the plain link to it opens a page for language models.

    Args:
        mode: a list with charts beside it, or a table.
        view: name of a view of this experiment; empty: as the reader has left it.
    """
    query = {"workflowType": "machine_learning", "compareRunsMode": mode}
    if view:
        query["viewStateShareKey"] = view
    return f"#/experiments/{experiment_id}/runs?{urlencode(query)}"


def run_page(experiment_id: str, run_id: str, *, file: str = "") -> str:
    """A run, or a file among its artifacts."""
    path = f"/artifacts/{quote(file)}" if file else ""
    return f"#/experiments/{experiment_id}/runs/{run_id}{path}?workflowType=machine_learning"


def comparison_page(experiment_id: str, run_ids: Sequence[str]) -> str:
    """Some runs side by side."""
    runs = quote(json.dumps(list(run_ids), separators=(",", ":")), safe="")
    return f"#/compare-runs?runs={runs}&experiments={quote(json.dumps([experiment_id]), safe='')}"
