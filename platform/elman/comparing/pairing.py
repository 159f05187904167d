"""Which runs of two recipes pair: those of the same seed and fold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from elman.groups.member import Member

LEAST_SHARE = 0.5


@dataclass(frozen=True, kw_only=True)
class Pairing:
    """How the runs of two recipes are set against each other.

    Args:
        members: that both have and that pair; empty: they are compared as a whole.
        left_out: runs without a partner, in a line; "": there are none, or nothing pairs.
    """

    members: Sequence[Member]
    left_out: str = ""

    @property
    def paired(self) -> bool:
        return bool(self.members)


def pairing(
    first: Mapping[Member, object], second: Mapping[Member, object], names: tuple[str, str]
) -> Pairing:
    """The seeds and folds that both have, where these are at least half of all; else nothing pairs.

    Args:
        names: of the two.
    """
    both = [member for member in first if member in second]
    every = len(first) + len(second) - len(both)
    if not both or len(both) < LEAST_SHARE * every:
        return Pairing(members=[])
    alone = [
        f"{', '.join(str(member) for member in own if member not in other)} of {name}"
        for own, other, name in ((first, second, names[0]), (second, first, names[1]))
        if any(member not in other for member in own)
    ]
    return Pairing(members=both, left_out=" and ".join(alone))
