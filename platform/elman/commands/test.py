"""`elman test`: the metrics of a trained network on the test data."""

from __future__ import annotations

from elman.commands import OVERRIDES, TRUST, Command


def test(words: list[str], *, trust: str) -> int:
    from elman.commands._evaluate import evaluate

    return evaluate("test", words, trust=trust)


COMMAND = Command(
    order=3,
    line="score a run or a checkpoint on the test data",
    usage="""\
usage: elman test RUN|CHECKPOINT [--key=value ...]

Score a run's best checkpoint, or the checkpoint named, on the test data; one metric a line.""",
    options={"trust": TRUST},
    run=test,
    more=OVERRIDES,
)
