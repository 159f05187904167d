"""Telling what stands still from what moves, without trusting the clock of another machine."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

GAP_SECONDS = 75.0  # without a look; more than two beats


@dataclass
class Sign:
    """A value that was seen, by this process's own clock."""

    value: Any
    since: float
    looked: float
    moved: bool = False


class Watch:
    """For how long values have not changed, as far as this process has seen.

    Time in which it did not look does not count: then it was held up itself, or the storage was away, and
    with it the signs of life of everybody else.
    """

    def __init__(self) -> None:
        self._signs: dict[str, Sign] = {}

    def still_seconds(self, name: str, value: Any) -> float:
        """Look: for how long `name` has had this value."""
        now = time.monotonic()
        sign = self._signs.get(name)
        if sign is None or sign.value != value or now - sign.looked > GAP_SECONDS:
            moved = sign is not None and sign.value != value
            sign = self._signs[name] = Sign(value, now, now, moved)
        sign.looked = now
        return now - sign.since

    def has_moved(self, name: str) -> bool:
        """Whether `name` was just seen to change."""
        sign = self._signs.get(name)
        return sign is not None and sign.moved
