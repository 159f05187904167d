"""All claims in their order, measured in this process."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from time import perf_counter

from elman.errors import BadInput
from elman.lecture.claim import Claim, NotSo
from elman.lecture.claims import ALL
from elman.lecture.lab import Lab, experiments_folder
from elman.lecture.report import Shown, write


def hold_lecture(*, only: str, output: Path, experiments: str, say: Callable[[str], None]) -> int:
    """Measure claims and write the page.

    Args:
        only: names, separated by commas; empty: all.
        output: a folder.
        experiments: the folder of recipes; empty: looked for.

    Returns:
        The exit code: 1 if a claim does not hold, or could not be measured.
    """
    claims, folder = chosen(only), experiments_folder(experiments)
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"--output={output} cannot be made ({error.strerror}); name another folder") from error
    shown = []
    for claim in claims:
        say(f"\n{claim.name}: {claim.question}")
        try:
            shown.append(show(claim, Lab(folder, say=lambda text: say(f"  {text}"))))
        except BadInput as error:
            say(f"{claim.name}: left out; {error}")
        else:
            print(f"{claim.name}: {'' if shown[-1].holds else 'does not hold: '}{shown[-1].text}", flush=True)
    if not shown:
        raise BadInput(
            "no claim could be measured, as said above; mend it, or choose others by --only=NAME,..."
        )
    machine = f"{os.cpu_count()} CPU cores, {platform.system()}, Python {platform.python_version()}"
    paths = write(shown, output, machine=machine)
    print(f"wrote {paths[0]}, its numbers and {len(paths) - 2} pictures beside it")
    return 0 if len(shown) == len(claims) and all(one.holds for one in shown) else 1


def show(claim: Claim, lab: Lab) -> Shown:
    """Measure a claim and hold it to its numbers."""
    began = perf_counter()
    found = claim.measure(lab)
    seconds = perf_counter() - began
    try:
        text, holds = claim.sentence(found), True
    except NotSo as error:
        text, holds = f"{error}.", False
    return Shown(claim=claim, found=found, text=text, holds=holds, commands=lab.commands, seconds=seconds)


def chosen(only: str) -> list[Claim]:
    """The claims of these names, in the course's order.

    Raises:
        BadInput: for a name that none has.
    """
    kinds = {kind.name: kind for kind in ALL}
    wanted = [name.strip() for name in only.split(",") if name.strip()] or list(kinds)
    for name in wanted:
        if name not in kinds:
            near = get_close_matches(name, kinds, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(kinds)}"
            raise BadInput(f"--only: no claim is called {name!r}; {hint}")
    return [kind() for name, kind in kinds.items() if name in wanted]
