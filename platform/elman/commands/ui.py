"""`elman ui`: the dashboard."""

from __future__ import annotations

from elman.commands import EXPERIMENT, URI, Command, Option
from elman.errors import BadInput


def ui(words: list[str], *, port: int | None, uri: str, experiment: str) -> int:
    from elman.tracking.ui import PORT, serve

    if words:
        raise BadInput(
            f"elman ui does not take {words[0]!r}; it takes --port, --tracking.tracking_uri, "
            "--tracking.experiment"
        )
    return serve(uri or None, port or PORT, experiment=experiment or None)


COMMAND = Command(
    order=15,
    line="open the dashboard of all runs",
    usage="""\
usage: elman ui [--port=N] [--tracking.tracking_uri=URI] [--tracking.experiment=NAME]

Open the dashboard of all runs.""",
    options={
        "port": Option("--port=N", default=None, kind=int, least=1),
        "uri": URI,
        "experiment": EXPERIMENT,
    },
    run=ui,
)
