"""How fast neighbouring states part or meet along the data."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from elman.diagnostics.look import Look
from elman.diagnostics.meter import Meter, Reading
from elman.diagnostics.meters.jacobians import jacobian, state_size
from elman.pictures.plot import Dots, Line, Panel, Plot, Rule
from elman.tree import rows as rows_of

WARM = 0.1
"""Of a stretch: steps in which directions settle, not counted."""


class Lyapunov(Meter):
    """Lyapunov exponents of the carry, driven by the data: lambda_i = mean over steps of log R_ii.

    Q_t R_t = J_t Q_{t-1}, by QR at every step. The horizon, 1 / |lambda_1|, is the steps in which a small
    difference grows or shrinks e-fold along the slowest direction: gradients live about that long.

    Args:
        steps: longest stretch looked at; a tenth of it lets directions settle.
        rows: sequences, over which exponents are averaged.
        most: exponents, the largest ones.

    Cost: for every step and row a step of n rows there and back and a QR of n x most, n the numbers a row
        carries (512 at most).

    Source: Benettin, Galgani, Giorgilli and Strelcyn (1980), Meccanica 15; for recurrent networks Engelken,
        Wolf and Abbott (2023), Physical Review Research 5, 043044.
    """

    name = "lyapunov"
    title = "Do neighbouring states part or meet?"

    def __init__(self, *, steps: int = 100, rows: int = 2, most: int = 32) -> None:
        if min(steps, rows, most) < 1:
            raise ValueError(f"steps, rows, most must be positive, got {steps}, {rows}, {most}")
        self.steps, self.rows, self.most = steps, rows, most

    def read(self, look: Look) -> Reading:
        by_row = exponents(look, steps=self.steps, rows=self.rows, most=self.most)
        mean = by_row.mean(0)
        first = float(mean[0])
        horizon = 1 / abs(first) if abs(first) > 1e-12 else math.inf
        at = list(range(1, len(mean) + 1))
        shown = [value for value in mean.tolist() if math.isfinite(value)]
        dots = [
            Dots(x=at, y=row.tolist(), name="single rows" if not number else "", colour=6, hollow=True)
            for number, row in enumerate(by_row)
        ]
        plot = Plot(
            title=self.title,
            caption=f"Lyapunov exponents along {len(by_row)} rows of validation, largest first. Above 0 "
            "differences grow; 1 / |the first one| is the horizon.",
            panels=(
                Panel(
                    x="number of the exponent",
                    y="exponent (1 / step)",
                    marks=(
                        *dots,
                        Line(x=at, y=mean.tolist(), name="mean", marked=True),
                        Rule(at=0, text="", level=True),
                    ),
                ),
            ),
        )
        state = (
            "grow: the network is chaotic there" if first > 1e-3 else "shrink" if first < -1e-3 else "stay"
        )
        sentence = (
            f"The largest Lyapunov exponent is {first:.3g} a step: small differences {state}, e-fold in "
            f"{horizon:.3g} steps."
        )
        metrics = {"first": first, "sum": float(sum(shown))}
        if math.isfinite(horizon):
            metrics["horizon_steps"] = horizon
        return Reading(metrics=metrics, plot=plot, sentence=sentence, facts={"exponents": mean.tolist()})


def exponents(look: Look, *, steps: int, rows: int, most: int) -> Tensor:
    """(rows, d) exponents a step, the largest first."""
    stretch = look.stretch(steps, rows=rows)
    size = state_size(stretch.carry)
    length, found = stretch.batch.steps, []
    settle = int(length * WARM)
    for row in range(len(stretch.batch.x)):
        carry = rows_of(stretch.carry, torch.tensor([row]))
        basis = torch.linalg.qr(_directions(size, min(most, size)))[0]
        total = torch.zeros(basis.shape[1], dtype=torch.float64)
        for step in range(length):
            matrix, carry = jacobian(look.network.core, stretch.batch.x[row, step], carry)
            basis, r = torch.linalg.qr(matrix @ basis)
            if step >= settle:
                total += r.diagonal().abs().log()
        found.append(total / (length - settle))
    return torch.stack(found).sort(dim=1, descending=True).values


def _directions(size: int, count: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(size, count, generator=generator, dtype=torch.float64)
