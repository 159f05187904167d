"""`elman best`: the best trial or recipe of an experiment."""

from __future__ import annotations

from elman.commands import URI, Command, Option, note, positional, print_json
from elman.errors import BadInput
from elman.program import program


def best(
    words: list[str], *, study: str, metric: str, output: str, top: int, like: str, form: str, uri: str
) -> int:
    from elman.commands._studies import recorded_review, study_row
    from elman.commands._winners import best_trial
    from elman.predict.lines import opened
    from elman.tracking.find import find_run
    from elman.tracking.reading import experiment_id, open_to_read

    (experiment,) = positional(words, USAGE, least=1, most=1)
    if form == "json" and output == "-":
        raise BadInput("--output=- and --format=json both go to the terminal; name a file for the recipe")
    with open_to_read(uri or None) as (client, store):
        number = experiment_id(client, store, experiment)
        row = study_row(client, number, study or None)
        if row is None:
            model = find_run(store, like) if like else None
            from elman.commands._best_recipe import best_recipe

            winner = best_recipe(client, number, experiment, metric=metric or None, top=top, like=model)
        elif like:
            raise BadInput(f"--like chooses among runs, but {experiment!r} holds the study {row.study!r}")
        else:
            winner = best_trial(client, row, recorded_review(client, row), metric=metric or None, top=top)
        for line in winner.lines if form == "text" else ():
            (note if output == "-" else print)(line)
        if output:
            text = winner.recipe(client)
            with opened(output) as file:
                file.write(text)
    if form == "json":
        print_json(
            {
                "experiment": experiment,
                "study": winner.study,
                "metric": winner.metric,
                "best": winner.best,
                "ranked": list(winner.ranked),
            }
        )
    elif output != "-":
        again = f"wrote {output}; use it: {program()} fit {output}"
        print(again if output else f"use it: {program()} test {winner.id}")
    return 0


USAGE = (
    "elman best EXPERIMENT [--study=NAME] [--metric=METRIC] [--like=RUN] [--top=N] [--output=FILE] "
    "[--tracking.tracking_uri=URI]"
)
COMMAND = Command(
    order=13,
    line="name the best trial or recipe of an experiment",
    usage="""\
usage: elman best EXPERIMENT [--study=NAME] [--metric=METRIC] [--like=RUN] [--top=N] [--output=FILE]
                  [--format=FORMAT] [--tracking.tracking_uri=URI]

Name the best trial of an experiment's newest study, or its Pareto front where it has several objectives;
without a study, the best recipe: by the mean over its runs, which differ in seed or fold alone, of the best
value of what they monitored. Of those on the data of the newest one: metrics of other data, or of another
division of it, do not compare.""",
    options={
        "study": Option("--study=NAME", "another study"),
        "metric": Option("--metric=METRIC", "judge by another metric"),
        "like": Option("--like=RUN", "compare the runs on the data of this one, by id or name"),
        "top": Option("--top=N", "also the next ones, N in all; 1", default=1, kind=int, least=1),
        "output": Option("--output=FILE", "write the recipe that trains it once more"),
        "form": Option("--format=FORMAT", "text or json; text", choices=("text", "json")),
        "uri": URI,
    },
    run=best,
)
