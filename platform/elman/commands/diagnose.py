"""`elman diagnose`: how far back a run learns and remembers."""

from __future__ import annotations

from elman.commands import OVERRIDES, TRUST, Command, Option, note


def diagnose(words: list[str], *, meters: str, output: str, trust: str) -> int:
    from elman.commands._diagnose import diagnose_runs

    return diagnose_runs(words, meters=meters, output=output, trust=trust, say=note)


def _meters() -> str:
    from elman.diagnostics.meters import ALL

    width = max(len(kind.__name__) for kind in ALL)
    rows = [f"  {kind.__name__:<{width}}  {kind.title}" for kind in ALL]
    return "\n".join(["", "Meters:", *rows, OVERRIDES])


COMMAND = Command(
    order=9,
    line="measure how far back a run's gradients and its memory reach",
    usage="""\
usage: elman diagnose RUN|CHECKPOINT [RUN ...] [--meters=NAME,...] [--output=FOLDER] [--key=value ...]

Ask a trained network how far back it learns and remembers, on its validation data. The answers go to the
terminal, a line each, and with pictures to FOLDER/diagnosis.html and the run's page. Several runs are drawn
over one another.""",
    options={
        "meters": Option("--meters=NAME,...", "those alone; all that fit"),
        "output": Option("--output=FOLDER", "where page and pictures go; diagnosis", default="diagnosis"),
        "trust": TRUST,
    },
    run=diagnose,
    more=_meters,
)
