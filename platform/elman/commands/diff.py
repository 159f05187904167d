"""`elman diff`: what differs between two runs."""

from __future__ import annotations

from elman.commands import URI, Command, Option, positional


def diff(words: list[str], *, form: str, uri: str) -> int:
    from elman.commands._difference import print_difference

    first, second = positional(words, "elman diff RUN RUN [--format=table|jsonl|json]", least=2, most=2)
    print_difference(first, second, form=form, uri=uri or None)
    return 0


COMMAND = Command(
    order=11,
    line="show what differs between two runs",
    usage="""\
usage: elman diff RUN RUN [--format=FORMAT] [--tracking.tracking_uri=URI]

Show what differs between two runs: values of the recipe, data, code, versions, machine; and the results of
both, the best value of what is monitored first.""",
    options={
        "form": Option("--format=FORMAT", "table, jsonl or json; table", choices=("table", "jsonl", "json")),
        "uri": URI,
    },
    run=diff,
)
