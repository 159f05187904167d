"""`elman rerun`: a recorded run once more."""

from __future__ import annotations

from elman.commands import OVERRIDES, TRUST, URI, Command, Option
from elman.errors import BadInput


def rerun(words: list[str], *, uri: str, resume: str | None, trust: str) -> int:
    from elman.recipes.arguments import sort_words
    from elman.run.rerun import rerun as train_again

    found = sort_words(words)
    if len(found.positional) != 1:
        raise BadInput("elman rerun needs one run's id or name: elman rerun RUN [--key=value ...]")
    words_left = found._replace(positional=())
    return train_again(found.positional[0], words_left, uri=uri or None, resume=resume, trust=trust)


COMMAND = Command(
    together=True,
    order=12,
    line="train a run's recipe once more and compare",
    usage="""\
usage: elman rerun RUN [--resume [NEW]] [--tracking.tracking_uri=URI] [--key=value ...]

Train a run's recipe once more with as many threads as then and by the same kernels, as a new run, and
compare the best values.""",
    options={
        "uri": URI,
        "resume": Option("--resume [NEW]", "go on with a rerun that was stopped, by id or name"),
        "trust": TRUST,
    },
    run=rerun,
    more=OVERRIDES,
)
