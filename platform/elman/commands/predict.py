"""`elman predict`: what a trained network predicts, of its data or of what comes out of a pipe."""

from __future__ import annotations

from elman.commands import OUTPUT, OVERRIDES, TRUST, Command, Option
from elman.errors import BadInput


def predict(
    words: list[str],
    *,
    part: str,
    everything: bool,
    scored: bool,
    form: str,
    output: str,
    streams: bool,
    reset_on: str,
    last: bool,
    trust: str,
) -> int:
    if streams:
        for name, given in (("--part", part), ("--all", everything), ("--scored", scored)):
            if given:
                raise BadInput(
                    f"{name} chooses from the recipe's data, which --stream does not read; leave it out"
                )
    elif reset_on or last:
        raise BadInput(f"{'--reset-on' if reset_on else '--last'} belongs to --stream; leave it out")
    from elman.commands._predictions import predict_part, predict_stream

    if streams:
        predict_stream(words, trust=trust, reset_on=reset_on, last_only=last, output=output, form=form)
    else:
        predict_part(words, trust=trust, part=part or "test", all_steps=everything, output=output, form=form)
    if output != "-":
        print(f"wrote {output}")
    return 0


COMMAND = Command(
    order=6,
    line="write the predictions of a run or a checkpoint",
    usage="""\
usage: elman predict RUN|CHECKPOINT [--part=PART] [--all] [--format=FORMAT] [--output=FILE] [--key=value]
       elman predict RUN|CHECKPOINT --stream [--reset-on=WHAT] [--last] [--format=FORMAT] [--output=FILE]

Write what the network predicts: a line for each step that counts in the loss, with the name of its example
(of its file, and the line there) or the number of its row, the target, and the probability of each class.""",
    options={
        "part": Option(
            "--part=PART",
            "test, val or train (its first batch); test",
            choices=("test", "val", "train"),
            default=None,
        ),
        "everything": Option("--all", "also steps that do not count in the loss"),
        "scored": Option("--scored", "what is written anyway; for scripts of before"),
        "form": Option("--format=FORMAT", "csv or jsonl; csv", choices=("csv", "jsonl")),
        "output": OUTPUT,
        "streams": Option(
            "--stream",
            "predict what comes on standard input as it comes, for ever: text, CSV rows or raw sound,\n"
            "whatever the network was trained on; nothing else is read",
        ),
        "reset_on": Option(
            "--reset-on=WHAT",
            "what begins a new sequence: never, line (the end of one) or blank (an empty line)",
        ),
        "last": Option("--last", "only the line of a sequence's last step"),
        "trust": TRUST,
    },
    run=predict,
    more=OVERRIDES,
)
