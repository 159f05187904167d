"""Recipes with runs of known values."""

from elman.comparing.verdict import Arm, Outcome
from elman.groups.member import Member


def arm(name, values, *, seeds=None, learned=True, ms=None, folds=None):
    """Of runs with these values, None where one did not learn; seeds 1, 2, ... unless they are named."""
    seeds = seeds or range(1, len(values) + 1)
    outcomes = {}
    for number, (seed, value) in enumerate(zip(seeds, values, strict=True)):
        known = (value is not None) if learned else None
        figure = 0.7 if value is None else value
        which = Member(seed=seed, fold=folds[number] if folds else None)
        curve = [(10, figure + 1), (20, figure)]
        outcomes[which] = Outcome(
            run=f"{name}{seed}", value=figure, learned=known, ms_per_step=ms, curve=curve
        )
    return Arm(name=name, outcomes=outcomes)
