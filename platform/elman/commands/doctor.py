"""`elman doctor`: what of this machine is right, and what to do where not."""

from __future__ import annotations

from elman.commands import URI, Command, Option, positional


def doctor(words: list[str], *, uri: str, checkpoints: str, form: str) -> int:
    from elman.commands._doctor import look

    positional(words, "elman doctor [--checkpoints=FOLDER] [--tracking.tracking_uri=URI]", least=0, most=0)
    return look(uri=uri or None, checkpoints=checkpoints, form=form)


COMMAND = Command(
    order=20,
    line="say what of this machine, store and checkpoints is right",
    usage="""\
usage: elman doctor [--checkpoints=FOLDER] [--format=FORMAT] [--tracking.tracking_uri=URI]

Look at packages, cores, memory, compiler, GPUs, disks, the tracking store, the clock, runs whose process is
gone, records that were not sent and the checksum of every checkpoint; a line each, and what to do. Runs of
dead processes are marked as failed, as `elman runs` does. Exit code 1: something is broken.""",
    options={
        "checkpoints": Option(
            "--checkpoints=FOLDER",
            "beside those that the store's runs name",
            default="checkpoints",
        ),
        "form": Option("--format=FORMAT", "text or json; text", choices=("text", "json")),
        "uri": URI,
    },
    run=doctor,
)
