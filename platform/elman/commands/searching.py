"""`elman search`: many trials of a recipe, at once and in order of promise."""

from __future__ import annotations

from elman.commands.options import choice, number, option
from elman.errors import BadInput

LARGEST_SHARE = 1024


def search(words: list[str]) -> int:
    """`elman search SEARCH.yaml [--workers=N] [--gpus-per-trial=N] [--storage=URL] [--on=PLACE]`"""
    workers, words = number(words, "--workers", 0, int, least=0)
    gpus, words = option(words, "--gpus-per-trial", "")
    storage, words = option(words, "--storage", "")
    place, words = choice(words, "--on", ("here", "ray"))
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
    refuse_too_few(here[0].gpus, found.base.config.trainer.devices)
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


def print_keys() -> None:
    """Every key of a search's file: what it means, its type and its default."""
    from elman.search.space.definition import make_parser

    text = make_parser().format_help()
    print(text[text.index("  --recipe") :], end="")
