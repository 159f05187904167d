"""Gradients vanish and explode on their way back, and what holds them."""

from __future__ import annotations

import math

import torch

from elman.cores.crossing import Crossing
from elman.diagnostics.look import Look
from elman.diagnostics.meters.gradient_by_lag import gradient_norms
from elman.lecture.claim import Claim, Numbers, hold
from elman.lecture.lab import Lab
from elman.pictures.plot import Line, Panel, Plot

RECIPE = "lecture/gradients"
GAIN = 1.2
CLIP = 0.1
FAINT = 1e-9  # inputs so small that tanh stays a straight line even after 100 steps of growth by 1.2

SIGMOID = "sigmoid, small random weights"
SMALL = "tanh, small random weights"
TANH = "tanh, orthogonal weights"
GATES = "LSTM, forget bias 3"
EXPLODING = f"{GAIN} x orthogonal, inputs near zero"
CLIPPED = f"the same, state_clip {CLIP}"
SATURATED = "the same, inputs of size 1"
FADING, GROWING = (SIGMOID, SMALL, TANH, GATES), (EXPLODING, CLIPPED, SATURATED)


class Gradients(Claim):
    """The gradient of a loss by the state k steps before, of networks that have learned nothing yet.

    Args:
        steps: of the stretch, and so the longest lag.
        rows: sequences.
    """

    name = "gradients"
    question = "Why do gradients vanish or explode, and what helps?"
    setting = (
        "Networks of 64 units with their first values read random bits; the gradient of a row's loss by the "
        "state k steps earlier is a product of k Jacobians. Shown is the median of its norm. The growing "
        f"ones have their recurrent matrix multiplied by {GAIN}; with inputs near zero tanh is a straight "
        "line, so that nothing saturates."
    )

    def __init__(self, *, steps: int = 80, rows: int = 32) -> None:
        self.steps, self.rows = steps, rows

    def measure(self, lab: Lab) -> Numbers:
        torch_init = "--model.core.init=torch"
        curves = {
            SIGMOID: self._norms(lab, torch_init, "--model.core.nonlinearity=sigmoid"),
            SMALL: self._norms(lab, torch_init),
            TANH: self._norms(lab),
            GATES: self._norms(lab, "--model.core=LSTM", "--model.core.forget_bias=3"),
            EXPLODING: self._norms(lab, gain=GAIN, inputs=FAINT),
            CLIPPED: self._norms(lab, gain=GAIN, inputs=FAINT, clip=CLIP),
            SATURATED: self._norms(lab, gain=GAIN),
        }
        return {"norms": curves, "units": 64}

    def _norms(
        self, lab: Lab, *options: str, gain: float = 1.0, inputs: float = 1.0, clip: float = math.inf
    ) -> list[float]:
        task, data = lab.made(RECIPE, *options)
        with torch.no_grad():
            for name, weight in task.network.core.named_parameters():
                weight.mul_(gain if "weight_hh" in name else inputs if "weight_ih" in name else 1.0)
        look = Look(task, data)
        if clip < math.inf:
            look.network.core.use_crossing(Crossing(clip=clip))
        norms = gradient_norms(look, steps=self.steps, rows=self.rows, losses=1)
        return norms.square().sum((2, 3)).sqrt().quantile(0.5, dim=0).tolist()

    def sentence(self, found: Numbers) -> str:
        curves = found["norms"]
        lags = len(curves[TANH])
        kept = {name: curve[-1] / curve[0] for name, curve in curves.items()}
        growth = kept[EXPLODING] ** (1 / (lags - 1))
        most = CLIP * math.sqrt(found["units"])
        hold(kept[SIGMOID] < kept[SMALL] < 1e-6, f"{kept[SIGMOID]:.0e} and {kept[SMALL]:.0e} do not vanish")
        hold(kept[TANH] > 1e3 * kept[SMALL], f"orthogonal weights keep {kept[TANH]:.2g}")
        hold(kept[GATES] > kept[TANH], f"gates keep {kept[GATES]:.2g}, orthogonal weights {kept[TANH]:.2g}")
        hold(abs(growth - GAIN) < 0.01, f"the gradient grows by {growth:.4g} a step, not by {GAIN}")
        hold(max(curves[CLIPPED]) <= most, f"clipped gradients reach {max(curves[CLIPPED]):.3g}")
        return (
            f"Over {lags - 1} steps gradients come to {kept[SIGMOID]:.0e} of their size with sigmoid "
            f"units, to {kept[SMALL]:.0e} with tanh, to {kept[TANH]:.1g} with tanh and orthogonal weights, "
            f"and to {kept[GATES]:.1f} times it in an LSTM with open forget gates. {GAIN} times an "
            f"orthogonal matrix makes them grow by {growth:.3g} a step, {kept[EXPLODING]:,.0f} times in all. "
            f"state_clip {CLIP} holds the norm at {max(curves[CLIPPED]):.2g}; inputs that saturate the units "
            f"hide the growth ({kept[SATURATED]:.2g})."
        )

    def plot(self, found: Numbers) -> Plot:
        panels = []
        for title, names, low, high in (("vanishing", FADING, 1e-12, 10), ("exploding", GROWING, None, None)):
            lines = [
                Line(
                    x=list(range(1, len(found["norms"][name]) + 1)),
                    y=found["norms"][name],
                    name=name,
                    colour=[*FADING, *GROWING].index(name) % 6,
                    dash=number,
                )
                for number, name in enumerate(names)
            ]
            y = "norm of dL/dh of a row"
            panels.append(
                Panel(
                    x="lag (steps)", y=y, title=title, marks=tuple(lines), log_y=True, y_from=low, y_to=high
                )
            )
        return Plot(
            title="The gradient of a loss by the state some steps earlier",
            caption="Median over rows, before training. A straight line here is a constant factor a step.",
            panels=tuple(panels),
        )
