"""The run of a study, and the results that it has recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elman.errors import BadInput
from elman.search.results.review import Review
from elman.tracking.reading import close_to, read_text
from elman.tracking.runs import RunRow, newest_rows
from elman.tracking.tags import STUDY_ID_TAG

if TYPE_CHECKING:
    from mlflow import MlflowClient

STUDIES = f"tags.`{STUDY_ID_TAG}` LIKE '%'"
"""Finds studies in MLflow's filter language, and none of their trials, of which there may be thousands."""


def study_row(client: MlflowClient, experiment: str, name: str | None) -> RunRow | None:
    """The run of a study: of the one named, else of the newest; None: the experiment holds none.

    Raises:
        BadInput: if no study has this name.
    """
    rows, _ = newest_rows(client, [experiment], wanted=STUDIES)
    studies = [row for row in rows if row.is_study]
    if name is None:
        return next(iter(studies), None)
    there = {row.study: row for row in reversed(studies)}
    if name in there:
        return there[name]
    if not there:
        raise BadInput(f"--study={name}: the experiment holds no study")
    near = close_to(name, there)
    hint = f"did you mean {near}?" if near else f"there are {', '.join(there)}"
    raise BadInput(f"--study={name}: the experiment holds no such study; {hint}")


def review_of(client: MlflowClient, row: RunRow) -> Review | None:
    """The results of a study; None: it has recorded none yet.

    Raises:
        BadInput: if its file is something else.
    """
    text = read_text(client, row.id, "study.json")
    if text is None:
        return None
    try:
        return Review.from_json(text)
    except ValueError as error:
        raise BadInput(f"study.json of run {row.id} ({row.name}): {error}") from error


def recorded_review(client: MlflowClient, row: RunRow) -> Review:
    """As `review_of`.

    Raises:
        BadInput: if the study has recorded none yet.
    """
    review = review_of(client, row)
    if review is None:
        raise BadInput(f"study {row.study!r} (run {row.id}, {row.state}) has recorded no study.json yet")
    return review
