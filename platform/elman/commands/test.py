"""`elman test`: the metrics of a trained network on the test data."""

from __future__ import annotations

from elman.commands import OVERRIDES, Command


def test(words: list[str]) -> int:
    from elman.commands._evaluate import evaluate

    return evaluate("test", words)


COMMAND = Command(
    order=3,
    line="score a run or a checkpoint on the test data",
    usage="""\
usage: elman test RUN|CHECKPOINT [--key=value ...]

Score a run's best checkpoint, or the checkpoint named, on the test data; one metric a line.""",
    run=test,
    more=OVERRIDES,
)
