"""How the gradient of a loss fades on its way back."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from elman.diagnostics.look import Look, carries_of
from elman.diagnostics.meter import Meter, Reading
from elman.diagnostics.meters.windows import window_rules
from elman.pictures.plot import Band, Line, Panel, Plot

GONE = 1e-12
"""Of the largest norm: below it, rounding."""
REACHED = 0.01
"""Of the largest norm: what a loss still reaches."""


class GradientByLag(Meter):
    """|dL_t/ds_{t-k}| by k, for every layer and part s of the carry, over rows and losses.

    The norm is that of one row's own loss. The half-life is that of exp(b k), b the slope of the logarithm of
    the median, of all layers and parts together, by least squares; the reach is the largest lag at which the
    median is still a hundredth of its largest.

    Args:
        steps: longest stretch looked at; lags go up to three quarters of it, to all where ends alone count.
        rows: sequences.
        losses: steps whose loss is followed back, evenly over the last quarter of the stretch.

    Cost: one forward pass in steps of one, and a backward pass for every loss.

    Source: Hochreiter (1991), diploma thesis, TU Munich; Bengio, Simard and Frasconi (1994), IEEE
        Transactions on Neural Networks 5(2).
    """

    name = "gradient_by_lag"
    title = "How far back does a loss reach?"

    def __init__(self, *, steps: int = 100, rows: int = 32, losses: int = 8) -> None:
        if min(steps, rows, losses) < 1:
            raise ValueError(f"steps, rows, losses must be positive, got {steps}, {rows}, {losses}")
        self.steps, self.rows, self.losses = steps, rows, losses

    def read(self, look: Look) -> Reading:
        norms = gradient_norms(look, steps=self.steps, rows=self.rows, losses=self.losses)
        whole = norms.square().sum((2, 3)).sqrt()  # (n, K), all layers and parts
        median = whole.quantile(0.5, dim=0)
        half_life, reach = fitted_half_life(median), reach_of(median)
        lags = list(range(1, len(median) + 1))
        panels = []
        for part, name in enumerate(look.names):
            marks: list = []
            for layer in range(norms.shape[2]):
                low, middle, high = _quantiles(norms[:, :, layer, part])
                named = f"layer {layer + 1}" if norms.shape[2] > 1 else "median, 10 to 90 %"
                marks += [Band(x=lags, low=low, high=high, colour=layer % 6)]
                marks += [Line(x=lags, y=middle, name=named, colour=layer % 6)]
            marks += window_rules(look.bptt, most=len(lags))
            y = f"norm of dL/d{name} of a row"
            panels.append(Panel(x="lag (steps)", y=y, title=name, marks=tuple(marks), log_y=True))
        over = f"{len(lags)} steps, as far as was looked"
        if half_life > 100 * len(lags):
            sentence = f"Gradients do not fade over {over}."
        elif reach == len(lags):
            sentence = f"Gradients halve every {half_life:.3g} steps; losses still reach back {over}."
        else:
            sentence = f"Gradients halve every {half_life:.3g} steps; losses reach {reach} steps back."
        plot = Plot(
            title=self.title,
            caption="Gradient of a row's loss by the carry some steps before it: median and middle 80 % of "
            f"{norms.shape[0]} losses of single rows of validation. Dashed: where the strategy cuts.",
            panels=tuple(panels),
        )
        metrics = {"decay_per_step": 0.5 ** (1 / half_life), "reach_steps": float(reach)}
        if math.isfinite(half_life):
            metrics["half_life_steps"] = half_life
        facts = {"median": median.tolist(), "reach": reach, "half_life": half_life}
        return Reading(metrics=metrics, plot=plot, sentence=sentence, facts=facts)


def gradient_norms(look: Look, *, steps: int, rows: int, losses: int) -> Tensor:
    """(n, K, L, P), |dL_t/ds_{t-k}| of n losses of single rows, lag k from 1, layer and part of the carry."""
    stretch = look.stretch(steps, rows=rows)
    carries, out = carries_of(look, stretch)
    batch = stretch.batch
    found, chosen = [], followed(batch.scored, losses)
    lags = chosen[0] + 1
    for t in chosen:
        loss = look.objective.readout_loss(out[:, t : t + 1], batch.window(t, t + 1))
        before = [leaf for lag in range(1, lags + 1) for leaf in carries[t - lag + 1]]
        grads = torch.autograd.grad(loss, before, retain_graph=True)
        norms = torch.stack([grad.flatten(2).norm(dim=2) for grad in grads], 1)  # (B, K P, L)
        norms = norms.unflatten(1, (lags, -1)).transpose(2, 3)
        found.append(norms[batch.scored[:, t]])
    return torch.cat(found)


def followed(scored: Tensor, losses: int) -> list[int]:
    """Up to `losses` steps of the last quarter at which some row is scored, the last of them included."""
    steps = scored.any(0).nonzero().squeeze(1).tolist()
    later = [step for step in steps if step >= scored.shape[1] * 3 // 4][::-1]
    every = max(1.0, (len(later) - 1) / max(1, losses - 1))
    return sorted({later[round(i * every)] for i in range(min(losses, len(later)))})


def fitted_half_life(median: Tensor) -> float:
    """Steps in which the norm halves; infinite if it does not fall."""
    usable = median > GONE * median.max()
    lag = torch.arange(1, len(median) + 1, dtype=torch.float64)[usable]
    if len(lag) < 2:
        return math.inf
    logs = median[usable].log()
    lag, logs = lag - lag.mean(), logs - logs.mean()
    slope = float((lag * logs).sum() / (lag * lag).sum())
    return math.log(0.5) / slope if slope < 0 else math.inf


def reach_of(median: Tensor) -> int:
    """The largest lag at which the norm is a hundredth of the largest one or more."""
    there = (median >= REACHED * median.max()).nonzero().squeeze(1)
    return int(there[-1]) + 1


def _quantiles(values: Tensor) -> tuple[list[float], list[float], list[float]]:
    marks = torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64)
    low, middle, high = values.quantile(marks, dim=0)
    return low.tolist(), middle.tolist(), high.tolist()
