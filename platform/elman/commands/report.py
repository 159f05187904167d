"""`elman report`: the results of a study as one HTML file."""

from __future__ import annotations

from elman.commands import URI, Command, Option, positional
from elman.errors import BadInput


def report(words: list[str], *, study: str, output: str, uri: str) -> int:
    from elman.commands._studies import recorded_review, study_row
    from elman.predict.lines import opened
    from elman.tracking.reading import experiment_id, open_to_read

    usage = "elman report EXPERIMENT [--study=NAME] [--output=FILE] [--tracking.tracking_uri=URI]"
    (experiment,) = positional(words, usage, least=1, most=1)
    with open_to_read(uri or None) as (client, store):
        row = study_row(client, experiment_id(client, store, experiment), study or None)
        if row is None:
            raise BadInput(
                f"experiment {experiment!r} holds no study to report on; "
                f"`elman runs {experiment}` lists its runs"
            )
        review = recorded_review(client, row)
    from elman.search.report.page import report as page  # which draws, and takes a second to import

    with opened(output) as file:
        file.write(page(review))
    if output != "-":
        print(f"wrote {output}: study {review.name} with {len(review.trials)} trials")
    return 0


COMMAND = Command(
    order=14,
    line="write what a study has found as one HTML file",
    usage="""\
usage: elman report EXPERIMENT [--study=NAME] [--output=FILE] [--tracking.tracking_uri=URI]

Write what an experiment's newest study has found as one HTML file that needs nothing else.""",
    options={
        "study": Option("--study=NAME", "another study"),
        "output": Option("--output=FILE", "where it goes; report.html", default="report.html"),
        "uri": URI,
    },
    run=report,
)
