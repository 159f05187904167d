"""The contract of a claim."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from elman.lecture.lab import Lab
from elman.pictures.plot import Plot

Numbers = Mapping[str, Any]
"""What a claim has measured: numbers, texts, lists and tables of them, as JSON holds them."""


class NotSo(Exception):  # noqa: N818  (it is a result, not an error)
    """The numbers do not bear out a claim; its text says which."""


class Claim(ABC):
    """A sentence of the course that is measured before it is said.

    A subclass is one file. Arguments of its constructor are its budget; their defaults are the lecture's.
    """

    name: ClassVar[str]
    """In files, and for `--only`."""

    question: ClassVar[str]
    """At its head."""

    setting: ClassVar[str]
    """What is measured and how, in two or three sentences."""

    @abstractmethod
    def measure(self, lab: Lab) -> Numbers:
        """Train and measure."""

    @abstractmethod
    def sentence(self, found: Numbers) -> str:
        """The claim, with its numbers.

        Raises:
            NotSo: if they do not bear it out.
        """

    @abstractmethod
    def plot(self, found: Numbers) -> Plot:
        """The numbers as a picture."""


def hold(true: bool, otherwise: str) -> None:
    """Go on if a claim holds.

    Raises:
        NotSo: saying what was measured instead.
    """
    if not true:
        raise NotSo(otherwise)
