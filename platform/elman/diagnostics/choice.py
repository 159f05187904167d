"""Which diagnostics a run has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from elman.diagnostics.caption_pictures import CaptionPictures
from elman.diagnostics.cost import Cost
from elman.diagnostics.credit_picture import CreditPicture
from elman.diagnostics.diagnostic import Diagnostic
from elman.diagnostics.samples import Samples
from elman.errors import BadInput

OWN: tuple[type[Diagnostic], ...] = (CreditPicture, Samples, CaptionPictures)


def diagnostics_of(listed: Sequence[Diagnostic] | None, task: Any, data: Any) -> list[Diagnostic]:
    """Those that a recipe lists, or all of ours that fit; the cost of a run is measured in any case.

    Args:
        listed: None: those of `OWN` that fit.
        data: set up.

    Raises:
        BadInput: if one that is listed does not fit or has no name, or two have one.
    """
    if listed is None:
        chosen = [one for one in (kind() for kind in OWN) if not one.missing(task, data)]
    else:
        chosen = list(listed)
    for one in chosen:
        if not getattr(one, "name", ""):
            raise BadInput(
                f"diagnostics: {type(one).__name__} has no name to stand under on the run's page; "
                'write name = "..." in its class'
            )
        if missing := one.missing(task, data):
            raise BadInput(
                f"diagnostics: {type(one).__name__} needs {missing}, which this run lacks; leave it out"
            )
    if not any(isinstance(one, Cost) for one in chosen):
        chosen.append(Cost())  # the last one, so that it counts the time of the others
    names = [one.name for one in chosen]
    for name in names:
        if names.count(name) > 1:
            raise BadInput(f"diagnostics: two are called {name!r} and would share their place; leave one out")
    return chosen
