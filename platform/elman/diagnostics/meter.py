"""The contract of a meter: a question to a trained network, answered in numbers, a picture and a sentence."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from elman.diagnostics.diagnostic import Diagnostic
from elman.diagnostics.look import Look, without_step
from elman.errors import BadInput
from elman.pictures.plot import Plot

log = logging.getLogger(__name__)

History = Mapping[str, list[tuple[int, float]]]

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a meter found.

    Args:
        metrics: by their names without the meter's.
        plot: its picture.
        sentence: what it says, with its numbers.
        facts: for the verdict that weighs several meters, by name; not logged.
    """

    metrics: Mapping[str, float]
    plot: Plot
    sentence: str
    facts: Mapping[str, Any] = field(default_factory=dict)


class Meter(Diagnostic):
    """A diagnostic that asks a trained network a question.

    It writes `read`. In a recipe it is asked after each validation; `elman diagnose RUN` asks it of a run
    that has ended. It sees copies alone: training goes on as if nobody had looked.
    """

    title: ClassVar[str]
    """The question, for the head of its picture."""

    needs_step: ClassVar[bool] = True
    """Whether the core must go from step to step by a carry."""

    _reading: Reading | None = None
    _refused = False

    @abstractmethod
    def read(self, look: Look) -> Reading:
        """Measure.

        Raises:
            BadInput: if this data or network cannot be asked.
        """

    def missing(self, task: Any, data: Any) -> str:
        return without_step(task) if self.needs_step else ""

    def reading(self, task: Any, data: Any, history: History | None = None) -> Reading:
        """`read`, from which training notices nothing: random numbers go on where they were."""
        devices = [task.device] if task.device.type == "cuda" else []
        with torch.random.fork_rng(devices), torch.enable_grad():
            return self.read(Look(task, data, history or {}))

    def measure(self, task: Any, data: Any) -> Mapping[str, float]:
        """Data that cannot be asked is told once; training goes on without the meter."""
        if self._refused:
            return {}
        try:
            self._reading = self.reading(task, data)
        except BadInput as error:
            self._refused = True
            log.warning("%s is left out of this run: %s", type(self).__name__, error)
            return {}
        return self._reading.metrics

    def draw(self, task: Any, data: Any) -> Figure | str | None:
        if self._reading is None:
            return None
        from elman.pictures.on_paper import on_paper

        return on_paper(self._reading.plot)
