"""The page of a group in MLflow: its answer first, its table, its curves, and the mean curves as metrics."""

from __future__ import annotations

import io
import json
import logging
import tempfile
import time
from pathlib import Path
from typing import Any

from elman.groups.curves import curves_plot, mean_curve
from elman.groups.results import Summary, result_of
from elman.groups.table import csv_table, markdown_table
from elman.tracking.buffer import Point
from elman.tracking.group_run import GroupRun
from elman.tracking.note import without_measurements
from elman.tracking.pages import comparison_page, run_page
from elman.tracking.store import first_line

log = logging.getLogger(__name__)

FILES = ("curves.png", "curves.html")
INTERVAL = {"best": "mean", "sd": "sd", "low": "low", "high": "high"}
OWN_PARAMS = ("seed_everything",)  # of a run, not of its group


def summary_of(runs: GroupRun, asked: int = 0) -> Summary:
    """The group as its store has it now.

    Args:
        asked: how many runs it is to have.
    """
    found = [result_of(runs.client, name, row) for name, row in runs.members().items()]
    return Summary(varies=runs.varies, results=found, asked=asked)


def publish(runs: GroupRun, summary: Summary, *, name: str, question: str, command: str) -> None:
    """All that is known of a group, on its page; what fails here ends no run."""
    try:
        files = _files(summary, name)
        for file, content in files.items():
            _keep(runs, file, content)
        runs.run.note(_note(runs, summary, question=question, command=command, pictures=FILES[1] in files))
        runs.run.params(_params(summary))
        runs.run.metrics(_points(summary))
    except Exception as error:
        log.warning("the group could not be published: %s", first_line(error))


def _files(summary: Summary, name: str) -> dict[str, str | bytes]:
    found: dict[str, str | bytes] = {
        "runs.csv": csv_table(summary),
        "group.json": json.dumps(summary.as_json(), indent=1),
    }
    plot = curves_plot(summary, name)
    if plot is not None:
        from elman.pictures.on_paper import on_paper
        from elman.pictures.on_screen import on_screen
        from elman.pictures.page import card, page

        image = io.BytesIO()
        on_paper(plot).savefig(image, format="png")
        found["curves.png"] = image.getvalue()
        parts = [card("curves", plot.title, plot.caption, on_screen(plot))]
        # As bytes: what hides secrets in texts takes addresses in plotly's own code for such.
        found["curves.html"] = page(plot.title, parts).encode()
    return found


def _keep(runs: GroupRun, file: str, content: str | bytes) -> None:
    if isinstance(content, str):
        runs.run.text(content, file)
        return
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / file
        path.write_bytes(content)
        runs.run.files(path)


def _note(runs: GroupRun, summary: Summary, *, question: str, command: str, pictures: bool) -> str:
    experiment, own = runs.run.experiment_id, runs.run.id
    there = [each.row.id for each in summary.results]
    links = {"runs": run_page(experiment, own, file="runs.csv")}
    if pictures:
        links["curves"] = run_page(experiment, own, file="curves.png")
        links["curves to point at"] = run_page(experiment, own, file="curves.html")
    if len(there) > 1:
        links["the runs side by side"] = comparison_page(experiment, there)
    parts = [f"**{summary.headline()}**"]
    if asked := without_measurements(question).strip():
        parts.append(asked)
    parts.append(" · ".join(f"[{text}]({address})" for text, address in links.items()))
    parts += [markdown_table(summary), f"```\n{command}\n```"]
    if summary.varies.startswith("fold"):
        parts.append("Folds share most of their training data, so that the interval is rather too narrow.")
    return "\n\n".join(parts)


def _params(summary: Summary) -> dict[str, Any]:
    """The parameters that all its runs have in common."""
    rows = [each.row.params for each in summary.results if each.row.params]
    if not rows:
        return {}
    return {k: v for k, v in rows[0].items() if k not in OWN_PARAMS and all(r.get(k) == v for r in rows)}


def _points(summary: Summary) -> list[Point]:
    """The group's metrics: what its runs come to, by how many have finished, and their mean curves.

    A mean curve goes by how many runs it is the mean of: of more runs it is another one.
    """
    now, ended = int(time.time() * 1000), sum(each.ended for each in summary.results)
    if not ended:
        return []
    counts = {f"runs/{name}": float(count) for name, count in summary.counts().items()}
    known, values = summary.spreads().get(f"best {summary.metric}"), counts
    if known is not None:
        values |= {
            f"{key}/{summary.metric}": value
            for key, field in INTERVAL.items()
            if (value := getattr(known, field)) is not None
        }
    found = [Point(key, value, now, ended) for key, value in values.items()]
    counted = summary.counted
    if len(counted) < 2 or summary.counts()["open"]:
        return found
    for metric in sorted(set.intersection(*(set(each.curves) for each in counted))):
        mean = mean_curve([each.curves[metric] for each in counted])
        found += [Point(f"mean_of_{len(counted)}/{metric}", value, now, step) for step, value, _ in mean]
    return found
