"""`elman lecture`: the claims of the course, measured and drawn."""

from __future__ import annotations

from elman.commands import Command, Option, note, positional

USAGE = "elman lecture [--only=NAME,...] [--output=FOLDER]"


def lecture(words: list[str], *, only: str, output: str, experiments: str) -> int:
    from pathlib import Path

    from elman.lecture.session import hold_lecture

    positional(words, USAGE, least=0, most=0)
    return hold_lecture(only=only, output=Path(output), experiments=experiments, say=note)


def _claims() -> str:
    from elman.lecture.claims import ALL

    width = max(len(kind.name) for kind in ALL)
    return "\n".join(["", "Claims:", *(f"  {kind.name:<{width}}  {kind.question}" for kind in ALL)])


COMMAND = Command(
    order=16,
    line="measure the claims of the course, each as a plot and a sentence",
    usage=f"""\
usage: {USAGE}

Train and measure small networks of experiments/lecture for every claim of the course, and write one page,
FOLDER/lecture.html, with its pictures and numbers beside it. All of it takes some minutes on 2 CPU cores. The
exit code is 1 if a claim could not be measured, or does not hold in its numbers.""",
    options={
        "only": Option("--only=NAME,...", "those claims alone"),
        "output": Option(
            "--output=FOLDER", "where page, pictures and numbers go; lecture", default="lecture"
        ),
        "experiments": Option("--experiments=FOLDER", "the recipes; experiments, here or where elman lies"),
    },
    run=lecture,
    more=_claims,
)
