"""`elman report`: the results of a study as one HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from elman.commands import URI, Command, Option, note, positional, print_json
from elman.errors import BadInput

if TYPE_CHECKING:
    from elman.search.results.review import Review


PAPER = ("png", "svg", "pdf")
USAGE = (
    "elman report EXPERIMENT [--study=NAME] [--output=FILE] [--format=json|png|svg|pdf] "
    "[--size=slide|column] [--tracking.tracking_uri=URI]"
)


def report(words: list[str], *, study: str, output: str, form: str, size: str, uri: str) -> int:
    from elman.commands._studies import recorded_review, study_row
    from elman.predict.lines import opened
    from elman.tracking.reading import experiment_id, open_to_read

    (experiment,) = positional(words, USAGE, least=1, most=1)
    if size != "slide" and form not in PAPER:
        raise BadInput(f"--size={size} is of pictures to print; name their form too, --format=pdf")
    with open_to_read(uri or None) as (client, store):
        row = study_row(client, experiment_id(client, store, experiment), study or None)
        if row is None:
            raise BadInput(
                f"experiment {experiment!r} holds no study to report on; "
                f"`elman runs {experiment}` lists its runs"
            )
        review = recorded_review(client, row)
    if form == "json":
        return _plain(review, output or "-")
    if form in PAPER:
        return _print(review, Path(output or "pictures"), form, size)
    from elman.search.report.page import report as page  # which draws, and takes a second to import

    output = output or "report.html"
    with opened(output) as file:
        file.write(page(review))
    if output != "-":
        print(f"wrote {output}: study {review.name} with {len(review.trials)} trials")
    return 0


def _plain(review: Review, output: str) -> int:
    """All of a study for programs, and what it comes to."""
    import json

    from elman.predict.lines import opened
    from elman.search.results.answer import answer
    from elman.search.results.named import named

    answered = named(review)
    found = {
        **json.loads(review.to_json()),
        "answer": answer(review),
        "best_trial": answered.trial.number if answered else None,
        "how": answered.how if answered else None,
        "front": [trial.number for trial in review.pareto()],
        "counts": review.counts(),
    }
    if output == "-":
        print_json(found)
        return 0
    with opened(output) as file:
        file.write(json.dumps(found, indent=1))
    print(f"wrote {output}: study {review.name} with {len(review.trials)} trials")
    return 0


def _print(review: Review, folder: Path, form: str, size: Any) -> int:
    """Each picture as a file of its own."""
    from elman.search.pictures import save_pictures

    if str(folder) == "-" or folder.is_file():
        raise BadInput(
            f"--output={folder}: there is a file for each picture; name a folder, --output=pictures"
        )
    try:
        found = save_pictures(review, folder, forms=(form,), size=size)
    except OSError as error:
        raise BadInput(f"--output={folder} cannot be written: {error.strerror}; name another one") from error
    for name, why in found.left_out.items():
        note(f"not drawn: {name}, {why}")
    names = ", ".join(f"{name}.{form}" for name in found.drawn)
    print(f"wrote {folder}: {names}" if names else f"no picture of {review.name} can be drawn yet")
    return 0


COMMAND = Command(
    order=14,
    line="write what a study has found as one HTML file",
    usage="""\
usage: elman report EXPERIMENT [--study=NAME] [--output=FILE] [--format=FORMAT] [--size=SIZE]
                    [--tracking.tracking_uri=URI]

Write what an experiment's newest study has found as one HTML file that needs nothing else; or its pictures,
each with title and caption, as files to print.""",
    options={
        "study": Option("--study=NAME", "another study"),
        "output": Option(
            "--output=FILE", "where it goes; report.html, or the folder pictures for what is printed"
        ),
        "form": Option(
            "--format=FORMAT",
            "html, json, or pictures as png, svg or pdf; html",
            choices=("html", "json", *PAPER),
        ),
        "size": Option(
            "--size=SIZE",
            "of pictures to print: slide, or column of a journal; slide",
            choices=("slide", "column"),
        ),
        "uri": URI,
    },
    run=report,
)
