"""What a shorter look back leaves out of the gradient."""

from __future__ import annotations

import copy
from typing import NamedTuple

import torch
from torch import Tensor

from elman.bptt import BackpropThroughTime, Full
from elman.bptt.loss import gradients_of
from elman.diagnostics.look import Look, Stretch, carries_of
from elman.diagnostics.meter import Meter, Reading
from elman.diagnostics.meters.gradient_by_lag import followed
from elman.diagnostics.meters.windows import window_rules
from elman.pictures.plot import Line, Panel, Plot, Rule
from elman.tree import detached

SMALL = 0.1
"""A bias that counts as small, relative to the whole gradient."""
DRAWS = 16
"""Of a strategy that draws, over which its gradient is averaged."""


class Bias(NamedTuple):
    """How one gradient differs from the whole one.

    Args:
        relative: |G' - G| / |G|.
        cosine: of the angle between them.
    """

    relative: float
    cosine: float


class TruncationBias(Meter):
    """|G_K - G| / |G| and cos(G_K, G) by K, where G_K is the gradient of losses that look back K steps.

    G_K is the sum over losses t and steps s from t - K + 1 to t of dL_t/dtheta_s, theta the core's weights. G
    reaches back over the whole stretch, whose length the picture states. The strategy's own gradient, of all
    losses of the stretch and with weights that stay, is compared with that of `Full` there; of one that
    draws, the mean over 16 draws, of which some noise is left.

    Args:
        steps: longest stretch looked at.
        rows: sequences.
        losses: steps whose loss is followed back, evenly over the last quarter of the stretch.

    Cost: for every loss, windows of 1, 2, 3, 5, 8, ... steps, forward and back.

    Source: Aicher, Foti and Fox (2019), arXiv 1905.07473, section 4, who bound what is measured here.
    """

    name = "truncation_bias"
    title = "What does a shorter look back leave out?"

    def __init__(self, *, steps: int = 100, rows: int = 32, losses: int = 8) -> None:
        if min(steps, rows, losses) < 1:
            raise ValueError(f"steps, rows, losses must be positive, got {steps}, {rows}, {losses}")
        self.steps, self.rows, self.losses = steps, rows, losses

    def read(self, look: Look) -> Reading:
        stretch = look.stretch(self.steps, rows=self.rows)
        lengths, gradients = gradients_by_length(look, stretch, losses=self.losses)
        whole = gradients[-1]
        found = [bias_of(gradient, whole) for gradient in gradients]
        enough = next(k for k, bias in zip(lengths, found, strict=True) if bias.relative < SMALL)
        own = strategy_bias(look, stretch)
        strategy = type(look.bptt).__name__
        rules = window_rules(look.bptt, most=lengths[-1])
        small = Rule(at=SMALL, text="a tenth", level=True)
        x = "steps a loss looks back, K"
        biases = [Line(x=lengths, y=[bias.relative for bias in found], marked=True)]
        cosines = [Line(x=lengths, y=[bias.cosine for bias in found], marked=True)]
        plot = Plot(
            title=self.title,
            caption=f"Gradient by the core's weights of losses that look back K steps, against {lengths[-1]} "
            f"steps, the longest that fit; {len(stretch.batch.x)} rows of validation. {strategy} itself: "
            f"relative error {own.relative:.2g}, cosine {own.cosine:.3f}.",
            panels=(
                Panel(
                    x=x, y="relative error", title="relative error", marks=(*biases, small, *rules), y_from=0
                ),
                Panel(x=x, y="cosine", title="cosine with the whole gradient", marks=(*cosines, *rules)),
            ),
        )
        sentence = (
            f"{strategy}'s gradient is {own.relative:.0%} off the whole one, cosine {own.cosine:.2f}; losses "
            f"that look back {enough} steps leave out less than a tenth (reference: {lengths[-1]} steps)."
        )
        metrics = {"relative": own.relative, "cosine": own.cosine, "steps_for_a_tenth": float(enough)}
        by_length = {k: bias.relative for k, bias in zip(lengths, found, strict=True)}
        facts = {"by_length": by_length, "own": own, "enough": enough, "reference": lengths[-1]}
        return Reading(metrics=metrics, plot=plot, sentence=sentence, facts=facts)


def gradients_by_length(look: Look, stretch: Stretch, *, losses: int) -> tuple[list[int], list[Tensor]]:
    """Window lengths K from 1 up, and G_K for each, flat; the last one is the whole gradient."""
    parameters = core_parameters(look)
    with torch.no_grad():
        carries, _ = carries_of(look, stretch)
    batch, chosen = stretch.batch, followed(stretch.batch.scored, losses)
    lengths = spaced(chosen[0] + 1)
    found = []
    for length in lengths:
        total = torch.zeros(sum(p.numel() for p in parameters), dtype=torch.float64)
        for t in chosen:
            start = t + 1 - length
            out, _ = look.network.core(batch.x[:, start : t + 1], detached(carries[start]))
            loss = look.objective.readout_loss(out[:, -1:], batch.window(t, t + 1))
            total += flat(torch.autograd.grad(loss, parameters, allow_unused=True, materialize_grads=True))
        found.append(total)
    return lengths, found


def strategy_bias(look: Look, stretch: Stretch) -> Bias:
    """How the strategy's own gradient of all losses of the stretch differs from that of `Full`."""
    whole = gradient_of(look, Full(), stretch)
    bptt = copy.deepcopy(look.bptt)
    draws = (
        DRAWS
        if bptt.credit_holds == "in expectation" or type(bptt).begin is not BackpropThroughTime.begin
        else 1
    )
    total = torch.zeros_like(whole)
    for draw in range(draws):
        bptt.begin(draw)
        total += gradient_of(look, bptt, stretch)
    return bias_of(total / draws, whole)


def gradient_of(look: Look, bptt: BackpropThroughTime, stretch: Stretch) -> Tensor:
    """By the core's parameters, of all losses of the stretch, as a strategy takes it."""
    parameters = core_parameters(look)
    objective = look.objective.reading(lambda x: x)  # a stretch's inputs are as the core reads them
    total = torch.zeros(sum(p.numel() for p in parameters), dtype=torch.float64)
    batch = stretch.batch
    if bptt.restarts:
        batch = batch.restarted()
    for update in bptt.losses(objective, batch, bptt.first_state(stretch.carry)):
        if update.loss is not None:
            grads = tuple(gradients_of(update.loss, parameters))
            total += flat(grads)
    return total


def bias_of(gradient: Tensor, whole: Tensor) -> Bias:
    norm = whole.norm().clamp(min=1e-300)
    cosine = gradient @ whole / (norm * gradient.norm().clamp(min=1e-300))
    return Bias(float((gradient - whole).norm() / norm), float(cosine))


def core_parameters(look: Look) -> list[Tensor]:
    return list(look.network.core.parameters())


def flat(gradients: tuple[Tensor, ...]) -> Tensor:
    return torch.cat([gradient.flatten() for gradient in gradients])


def spaced(most: int) -> list[int]:
    """1, 2, 3, 5, 8, ... and `most`: about five a factor of ten."""
    found, at = [1], 1.0
    while True:
        at = max(at * 1.5, at + 1)
        if round(at) >= most:
            return sorted({*found, most})
        found.append(round(at))
