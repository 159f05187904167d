"""`elman search`: many trials of a recipe, at once and in order of promise."""

from __future__ import annotations

from elman.commands import Command, Option
from elman.errors import BadInput

LARGEST_SHARE = 1024


def search(words: list[str], *, workers: int, gpus: str, storage: str, place: str) -> int:
    from elman.search.space.definition import read_search
    from elman.search.workers.driver import Driver
    from elman.search.workers.places import places, refuse_too_few, usable_cores, visible_gpus
    from elman.search.workers.session import open_session
    from elman.search.workers.work import work

    share = _share(gpus)
    found = read_search(words)
    if place == "ray":
        from elman.search.workers.on_ray import search_on_ray

        return search_on_ray(found, storage=storage or None, workers=workers or None, gpus=share)
    here = places(workers=workers or None, gpus_per_trial=share, gpus=visible_gpus(), cores=usable_cores())
    refuse_too_few(len(here[0].gpus), found.base.config.trainer.devices)
    return work(Driver(open_session(found, storage or None), here))


def _share(text: str) -> float | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= LARGEST_SHARE:
        raise BadInput(f"--gpus-per-trial must be a number of GPUs, or a share of one, got {text!r}")
    return value


def keys() -> str:
    """Every key of a search's file: what it means, its type and its default."""
    from elman.search.space.definition import make_parser

    text = make_parser().format_help()
    return (
        "\nThe file's own keys are options: --budget.trials=50 --sampler=GP --pruner=median --name=another.\n"
        "All others belong to its base recipe: --data.path=my.txt. The keys of a search's file:\n"
        + text[text.index("  --recipe") :].rstrip()
    )


COMMAND = Command(
    order=4,
    line="tune values of a recipe over many trials at once",
    usage="""\
usage: elman search SEARCH.yaml [--workers=N] [--gpus-per-trial=N] [--storage=URL] [--on=PLACE] [--key=value]

Tune values of a recipe: many trials, each a process and a run of its own, below one run of the study. The
same command goes on with what was stopped, killed or has more budget.""",
    options={
        "workers": Option(
            "--workers=N",
            "trials at the same time; as many as this machine has GPUs, or cores",
            default=0,
            kind=int,
        ),
        "gpus": Option(
            "--gpus-per-trial=N", "GPUs of each trial, or a share such as 0.5; 1 where there are GPUs"
        ),
        "storage": Option(
            "--storage=URL",
            "where the study is kept: a path, sqlite:///studies.db or postgresql://USER@HOST/DATABASE,\n"
            "which any number of machines may share; searches/NAME/journal.log",
        ),
        "place": Option(
            "--on=PLACE", "here, or ray: on the cluster that RAY_ADDRESS names", choices=("here", "ray")
        ),
    },
    run=search,
    more=keys,
)
