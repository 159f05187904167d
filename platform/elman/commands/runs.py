"""`elman runs`: the runs of an experiment, and the marks that hide some of them."""

from __future__ import annotations

from elman.commands import EXPERIMENT, URI, Command, Option, positional
from elman.errors import BadInput

USAGE = (
    "elman runs [EXPERIMENT] [--all] [--studies] [--filter=TEXT] [--status=STATE] [--sort=COLUMN] "
    "[--limit=N] [--columns=A,B] [--format=FORMAT] [--tracking.tracking_uri=URI]"
)
PRUNE = "elman runs prune RUN ... | --filter=TEXT [--tracking.experiment=NAME] [--yes]"
RESTORE = "elman runs restore RUN ..."
STORE = " [--tracking.tracking_uri=URI]"
WANTED = Option(
    "--filter=TEXT", "in MLflow's language: metrics.\"val/bits_per_step\" < 2 and params.k1 = '20'"
)


def runs(words: list[str], *, experiment: str, everywhere: bool, uri: str, **given: str | bool) -> int:
    from elman.commands._listing import asked_for, list_runs

    found = positional(words, USAGE, least=0, most=0 if experiment else 1)
    if everywhere and (found or experiment):
        raise BadInput("--all shows all experiments; leave out it or the experiment's name")
    where = experiment or next(iter(found), None)
    list_runs(asked_for(experiment=where, everywhere=everywhere, **given), uri=uri or None)  # type: ignore[arg-type]
    return 0


def prune(words: list[str], *, uri: str, yes: bool, wanted: str, experiment: str) -> int:
    from elman.commands._pruning import prune as mark_deleted

    chosen = positional(words, PRUNE, least=0 if wanted else 1, most=0 if wanted else None)
    mark_deleted(chosen, uri=uri or None, yes=yes, wanted=wanted, experiment=experiment or None)
    return 0


def restore(words: list[str], *, uri: str) -> int:
    from elman.commands._pruning import restore as bring_back

    bring_back(positional(words, RESTORE, least=1), uri=uri or None)
    return 0


COMMAND = Command(
    order=10,
    line="list the runs of an experiment, or mark some of them as deleted",
    usage="""\
usage: elman runs [EXPERIMENT | --all] [--filter=TEXT] [--status=STATE] [--sort=COLUMN] [--limit=N]
                  [--studies] [--columns=A,B] [--format=FORMAT] [--tracking.tracking_uri=URI]
       elman runs prune RUN ... | --filter=TEXT [--tracking.experiment=NAME] [--yes]
       elman runs restore RUN ...

List the runs of an experiment, of that of the newest run where none is named: newest first, trials below
their study. `prune` marks runs as deleted, a study with its trials; `restore` takes the mark away. Both
leave files where they are; what removes them for good is printed.""",
    options={
        "everywhere": Option("--all", "runs of all experiments"),
        "wanted": WANTED,
        "status": Option(
            "--status=STATE",
            "waiting, running, finished, killed, failed, complete or pruned; several with commas",
        ),
        "sort": Option("--sort=COLUMN", "smallest first, of metrics the best first; -COLUMN turns it round"),
        "most": Option(
            "--limit=N",
            "the newest N, or the first N by --sort; 50 in a table, else 0, which is all",
            default=None,
            kind=int,
        ),
        "studies": Option("--studies", "only studies, without their trials"),
        "columns": Option(
            "--columns=A,B",
            "instead of the usual ones; also params.NAME, metrics.NAME (the last value), tags.NAME",
        ),
        "form": Option(
            "--format=FORMAT", "table, csv, jsonl or json; table", choices=("table", "csv", "jsonl", "json")
        ),
        "experiment": EXPERIMENT,
        "uri": URI,
    },
    run=runs,
    parts={
        "prune": Command(
            order=1,
            line="mark runs as deleted",
            usage=f"usage: {PRUNE}{STORE}",
            options={
                "yes": Option("--yes", "prune without asking"),
                "wanted": WANTED,
                "experiment": EXPERIMENT,
                "uri": URI,
            },
            run=prune,
        ),
        "restore": Command(
            order=2,
            line="take the mark away",
            usage=f"usage: {RESTORE}{STORE}",
            options={"uri": URI},
            run=restore,
        ),
    },
)
