"""`elman best` and `elman report`: what came out of a study, or of an experiment without one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elman.commands.options import number, option
from elman.commands.words import URI, names, note, store_uri
from elman.errors import BadInput
from elman.predict.lines import opened
from elman.tracking.runs import RunRow

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from elman.search.results.review import Review

BEST = "elman best EXPERIMENT [--study=NAME] [--metric=FIGURE] [--top=N] [--output=FILE]"
REPORT = "elman report EXPERIMENT [--study=NAME] [--output=FILE]"


def best(words: list[str]) -> int:
    """`elman best EXPERIMENT [--study=NAME] [--metric=FIGURE] [--top=N] [--output=FILE]`"""
    from elman.commands.winners import best_run, best_trial
    from elman.tracking.reading import experiment_id, open_to_read

    configured, rest = store_uri(words)
    wanted, rest = option(rest, "--study", "")
    metric, rest = option(rest, "--metric", "")
    output, rest = option(rest, "--output", "")
    top, rest = number(rest, "--top", 1, int, least=1)
    (experiment,) = names(rest, f"{BEST} [{URI}=URI]", least=1, most=1)
    with open_to_read(configured) as (client, uri):
        number_of_it = experiment_id(client, uri, experiment)
        row = study_row(client, number_of_it, wanted or None)
        if row is None:
            winner = best_run(client, number_of_it, experiment, figure=metric or None, top=top)
        else:
            winner = best_trial(client, row, review_or_why(client, row), figure=metric or None, top=top)
        for line in winner.lines:
            (note if output == "-" else print)(line)
        if output:
            text = winner.recipe(client)
            with opened(output) as file:
                file.write(text)
    if output == "-":
        return 0
    print(f"wrote {output}; use it: elman fit {output}" if output else f"use it: elman test {winner.id}")
    return 0


def report(words: list[str]) -> int:
    """`elman report EXPERIMENT [--study=NAME] [--output=FILE]`"""
    from elman.tracking.reading import experiment_id, open_to_read

    configured, rest = store_uri(words)
    wanted, rest = option(rest, "--study", "")
    output, rest = option(rest, "--output", "report.html")
    (experiment,) = names(rest, f"{REPORT} [{URI}=URI]", least=1, most=1)
    with open_to_read(configured) as (client, uri):
        row = study_row(client, experiment_id(client, uri, experiment), wanted or None)
        if row is None:
            raise BadInput(
                f"experiment {experiment!r} holds no study to report on; "
                f"`elman runs {experiment}` lists its runs"
            )
        review = review_or_why(client, row)
    from elman.search.report.page import report as page  # which draws, and takes a second to import

    with opened(output) as file:
        file.write(page(review))
    if output != "-":
        print(f"wrote {output}: study {review.name} with {len(review.trials)} trials")
    return 0


def study_row(client: MlflowClient, experiment: str, name: str | None) -> RunRow | None:
    """The run of a study: of the one named, else of the newest; None: the experiment holds none.

    Raises:
        BadInput: if no study has this name.
    """
    from elman.tracking.reading import close_to
    from elman.tracking.runs import newest_rows
    from elman.tracking.tags import STUDY_TAG

    rows, _ = newest_rows(client, [experiment], wanted=f"tags.`{STUDY_TAG}` LIKE '%'")
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
    """What a study says it has found; None: it has said nothing yet.

    Raises:
        BadInput: if its file is something else.
    """
    from elman.search.results.review import Review
    from elman.tracking.reading import read_text

    text = read_text(client, row.id, "study.json")
    if text is None:
        return None
    try:
        return Review.from_json(text)
    except ValueError as error:
        raise BadInput(f"study.json of run {row.id} ({row.name}): {error}") from error


def review_or_why(client: MlflowClient, row: RunRow) -> Review:
    """As `review_of`; that it has said nothing yet is what the command says then."""
    review = review_of(client, row)
    if review is None:
        raise BadInput(f"study {row.study!r} (run {row.id}, {row.state}) has recorded no study.json yet")
    return review
