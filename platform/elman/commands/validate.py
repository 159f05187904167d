"""`elman validate`: the metrics of a trained network on the validation data."""

from __future__ import annotations

from elman.commands import OVERRIDES, TRUST, Command


def validate(words: list[str], *, trust: str) -> int:
    from elman.commands._evaluate import evaluate

    return evaluate("validate", words, trust=trust)


COMMAND = Command(
    order=2,
    line="score a run or a checkpoint on the validation data",
    usage="""\
usage: elman validate RUN|CHECKPOINT [--key=value ...]

Score a run's best checkpoint, or the checkpoint named, on the validation data; one metric a line.""",
    options={"trust": TRUST},
    run=validate,
    more=OVERRIDES,
)
