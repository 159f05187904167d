"""The findings of `elman doctor`, a line each."""

from __future__ import annotations

from pathlib import Path

from elman.commands import print_json
from elman.doctor import BROKEN, CHECKS, OK, WARNING, Finding, Place
from elman.printable import printable
from elman.tracking.store import first_line


def look(*, uri: str | None, checkpoints: str, form: str = "text") -> int:
    """Make every check and print what it found; the exit code: 1 if something is broken."""
    place = Place(uri, Path(checkpoints))
    found: list[Finding] = []
    for check in CHECKS:
        try:
            findings = check(place)
        except Exception as error:
            line = f"could not be looked at: {type(error).__name__}: {first_line(error)}"
            findings = [Finding(check.__name__.replace("_", " "), WARNING, line)]
        for each in findings if form == "text" else ():
            way_out = f"; {each.way_out}" if each.way_out else ""
            print(f"{each.state:<8} {each.what:<14} {printable(each.found)}{way_out}", flush=True)
        found += findings
    counts = {state: sum(each.state == state for each in found) for state in (OK, WARNING, BROKEN)}
    if form == "json":
        print_json({"counts": counts, "findings": [each._asdict() for each in found]})
    else:
        print(", ".join(f"{count} {state}" for state, count in counts.items() if count))
    return int(counts[BROKEN] > 0)
