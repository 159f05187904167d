"""`elman fork`: on from a checkpoint of a run, with something changed."""

from __future__ import annotations

from elman.commands import OVERRIDES, TRUST, Command
from elman.errors import BadInput


def fork(words: list[str], *, trust: str) -> int:
    from elman.recipes.arguments import sort_words
    from elman.run.fork import read_fork
    from elman.run.job import fit

    found = sort_words(words)
    if len(found.positional) != 1:
        raise BadInput("elman fork needs one run and step: elman fork RUN@STEP [--key=value ...]")
    if found.value("--resume") is not None or any(name == "--resume" for name, _ in found.options):
        raise BadInput("a fork is a run of its own: go on with it by elman fit --resume FORK")
    recipe, begun = read_fork(found.positional[0], found._replace(positional=()), trust=trust)
    return fit(recipe, fork=begun).code


COMMAND = Command(
    together=True,
    order=22,
    line="go on from a checkpoint of a run with something changed",
    usage="""\
usage: elman fork RUN@STEP [--key=value ...]
       elman fork RUN@best | RUN@last [--key=value ...]

Go on from a checkpoint of a run with something changed, as a run of its own below that one:
elman fork 3f2a9c01@400_000 --model.bptt.k2=100. Weights, optimiser, place in the data and carry go on; a line
says what begins anew. Budgets count from the beginning of the first run. Where a step has no checkpoint the
nearest is named; `trainer.keep_every=N` keeps one every N time steps.""",
    options={"trust": TRUST},
    run=fork,
    more=OVERRIDES,
)
