"""`elman sync`: what runs could not send."""

from __future__ import annotations

from elman.commands import URI, Command, Option


def sync(words: list[str], *, uri: str, checkpoints: str) -> int:
    from elman.commands._sync import send

    return send(words, uri=uri or None, checkpoints=checkpoints)


COMMAND = Command(
    order=19,
    line="send the tracking store what runs recorded while it was away",
    usage="""\
usage: elman sync [RUN ...] [--checkpoints=FOLDER] [--tracking.tracking_uri=URI]

Send what runs recorded and their tracking store did not take: all that is left on this machine, or that of
the runs named, by id or by the beginning of one; these go to the store of --tracking.tracking_uri, wherever
theirs was. Exit code 1: some of it still waits.""",
    options={
        "checkpoints": Option(
            "--checkpoints=FOLDER",
            "where to look for runs that another user has left",
            default="checkpoints",
        ),
        "uri": URI,
    },
    run=sync,
)
