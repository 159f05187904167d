"""Which units and gates move, which are stuck, and how long gates hold what they keep."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from elman.cores.cell import Cell
from elman.diagnostics.look import Look, Stretch, carries_of
from elman.diagnostics.meter import Meter, Reading
from elman.pictures.plot import Bars, Dots, Panel, Plot
from elman.tree import Carry

SHUT, OPEN = 0.1, 0.9
"""A gate below or above is saturated."""
EDGE = 0.99
"""An activation of tanh beyond is saturated."""
STILL = 1e-3
"""The standard deviation over steps and rows below which a unit is dead."""
MOSTLY = 0.9
"""The share of steps at which a saturated unit is so."""


class Saturation(Meter):
    """Shares of steps at which gates are shut (< 0.1) or open (> 0.9), and the time for which they keep.

    A unit whose gate keeps the share f of its memory at a step, f the mean over steps and rows of the forget
    gate of an LSTM or the update gate of a GRU, keeps for 1 / (1 - f) steps. A unit is saturated where |h| >
    0.99 at nine steps of ten, and dead where h varies by less than 0.001 (standard deviation) over all steps.

    Args:
        steps: longest stretch looked at.
        rows: sequences.

    Cost: a forward pass in steps of one.

    Source: Karpathy, Johnson and Li (2015), arXiv 1506.02078, figure 2; timescales: Tallec and Ollivier
        (2018), ICLR, arXiv 1804.11188.
    """

    name = "saturation"
    title = "Which units and gates move, and which are stuck?"

    def __init__(self, *, steps: int = 100, rows: int = 32) -> None:
        if min(steps, rows) < 1:
            raise ValueError(f"steps and rows must be positive, got {steps}, {rows}")
        self.steps, self.rows = steps, rows

    def read(self, look: Look) -> Reading:
        stretch = look.stretch(self.steps, rows=self.rows)
        with torch.no_grad():
            carries, _ = carries_of(look, stretch)
            gates = gates_of(look.network.core, stretch, carries)
        h = torch.stack([carry[0] for carry in carries[1:]], 1).flatten(0, 1)  # (B T, L, H)
        saturated = (h.abs() > EDGE).double().mean(0) > MOSTLY
        dead = h.std(0) < STILL
        units = saturated.numel()
        metrics = {
            "saturated_share": float(saturated.double().mean()),
            "dead_share": float(dead.double().mean()),
        }
        counts = [int(found.sum()) or "none" for found in (saturated, dead)]
        stuck = f"Of {units} units {counts[0]} are saturated, {counts[1]} dead"
        keeping = getattr(look.network.core, "keeping_gate", None)
        caption = f"{h.shape[0]} steps of validation."
        if not gates:
            bars = _histogram(h.flatten(), "h")
            panel = Panel(x="h", y="share of units and steps", marks=(bars,))
            plot = Plot(title=self.title, caption=caption, panels=(panel,))
            return Reading(metrics=metrics, plot=plot, sentence=f"{stuck}.")
        dots = [
            Dots(
                x=(gate < SHUT).double().mean(0).flatten().tolist(),
                y=(gate > OPEN).double().mean(0).flatten().tolist(),
                name=f"{name} gate",
                colour=number,
            )
            for number, (name, gate) in enumerate(gates.items())
        ]
        panels = [
            Panel(
                x="share of steps shut (below 0.1)",
                y="share of steps open (above 0.9)",
                title="gates",
                marks=tuple(dots),
            )
        ]
        sentence = f"{stuck}"
        if keeping in gates:
            times = 1 / (1 - gates[keeping].mean(0).flatten()).clamp(min=1e-9)
            low, middle, high = times.quantile(torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64)).tolist()
            metrics |= {"keeps_steps": middle, "keeps_steps_most": float(times.max())}
            marks = (_histogram(times.log10(), "", powers=True),)
            panels.append(
                Panel(
                    x="steps a unit keeps, 1 / (1 - mean gate)",
                    y="share of units",
                    title="timescales",
                    marks=marks,
                    log_x=True,
                )
            )
            span = f"{low:.3g} to {high:.3g} for most units"
            sentence += f"; {keeping} gates keep for {middle:.3g} steps in the median, {span}"
        caption += " A dot is a unit: at the bottom left its gate moves, at a far end it is stuck."
        plot = Plot(title=self.title, caption=caption, panels=tuple(panels))
        return Reading(metrics=metrics, plot=plot, sentence=f"{sentence}.", facts={"gates": list(gates)})


def gates_of(core: Any, stretch: Stretch, carries: list[Carry]) -> dict[str, Tensor]:
    """Every gate of a cell at every step, (B T, L, H) each; nothing of a core without gates."""
    if not isinstance(core, Cell):
        return {}
    found: dict[str, list[Tensor]] = {}
    for before, after, x in zip(carries, carries[1:], stretch.batch.x.unbind(1), strict=False):
        below, by_layer = x, []
        for layer in range(core.layers):
            weights = SimpleNamespace(**core.stack.weights_of(layer))
            carry = tuple(leaf[:, layer] for leaf in before)
            by_layer.append(core.open_gates(core.drive(below, weights), carry, weights))
            h = after[0][:, layer]
            below = h + below if core.residual and layer else h
        for name in by_layer[0]:
            found.setdefault(name, []).append(torch.stack([gates[name] for gates in by_layer], 1))
    return {name: torch.stack(steps, 1).flatten(0, 1) for name, steps in found.items()}


def _histogram(values: Tensor, name: str, *, bins: int = 30, powers: bool = False) -> Bars:
    """Shares by place; of logarithms, drawn over what they are of."""
    low, high = float(values.min()), float(values.max())
    width = max((high - low) / bins, 1e-6)
    counts = torch.histc(values, bins=bins, min=low, max=low + bins * width) / len(values)
    places = [low + (number + 0.5) * width for number in range(bins)]
    if powers:
        ends = [10 ** (low + number * width) for number in range(bins + 1)]
        places = [(a + b) / 2 for a, b in pairwise(ends)]
        return Bars(x=places, height=counts.tolist(), width=[b - a for a, b in pairwise(ends)], name=name)
    return Bars(x=places, height=counts.tolist(), width=width, name=name)
