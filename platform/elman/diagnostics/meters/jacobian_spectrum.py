"""Whether a step lets what is carried grow, stay or fade."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from elman.diagnostics.look import Look, carries_of
from elman.diagnostics.meter import Meter, Reading
from elman.diagnostics.meters.jacobians import jacobian, state_size
from elman.pictures.plot import Bars, Dots, Line, Mark, Panel, Plot, Rule
from elman.tree import rows as rows_of

BINS = 24


class JacobianSpectrum(Meter):
    """Eigenvalues and largest singular value of J_t = ds_t/ds_{t-1} along sequences of validation.

    The spectral radius, the largest modulus of an eigenvalue, says what a step repeated for ever would do;
    the largest singular value, what one step can do at most. Gradients fade where the latter stays below 1.

    Args:
        steps: longest stretch looked at.
        rows: sequences.
        samples: steps at which J is taken, evenly over the stretch.

    Cost: for each of rows x samples a step of n rows there and back, n the numbers a row carries (512 at
        most), and an eigenvalue problem of n.

    Source: Pascanu, Mikolov and Bengio (2013), ICML, section 2.1.
    """

    name = "jacobian_spectrum"
    title = "Does a step let what is carried grow, stay or fade?"

    def __init__(self, *, steps: int = 100, rows: int = 4, samples: int = 8) -> None:
        if min(steps, rows, samples) < 1:
            raise ValueError(f"steps, rows, samples must be positive, got {steps}, {rows}, {samples}")
        self.steps, self.rows, self.samples = steps, rows, samples

    def read(self, look: Look) -> Reading:
        values, stretches = spectra(look, steps=self.steps, rows=self.rows, samples=self.samples)
        radii = values.abs().max(1).values  # (n,)
        radius, stretch = float(radii.median()), float(stretches.median())
        circle = [2 * math.pi * i / 180 for i in range(181)]
        chosen = values.flatten()
        marks: list[Mark] = [
            Line(x=[math.cos(a) for a in circle], y=[math.sin(a) for a in circle], colour=6, dash=1),
            Dots(x=chosen.real.tolist(), y=chosen.imag.tolist(), name="eigenvalues"),
        ]
        bars = [_bars(radii, "spectral radius", 0), _bars(stretches, "largest singular value", 1)]
        plot = Plot(
            title=self.title,
            caption=f"Jacobians of the carry at {len(radii)} steps of rows of validation. Inside the dashed "
            "circle a direction fades, outside it grows.",
            panels=(
                Panel(
                    x="real part", y="imaginary part", title="eigenvalues", marks=tuple(marks), square=True
                ),
                Panel(x="size", y="share of steps", title="sizes", marks=(*bars, Rule(at=1, text="1"))),
            ),
        )
        does = "grow" if radius > 1.005 else "fade" if radius < 0.995 else "stay"
        sentence = (
            f"Along the data a step's spectral radius is {radius:.3g} in the median: its slowest direction "
            f"would {does}. One step stretches by {stretch:.3g} at most, in the median."
        )
        metrics = {"radius": radius, "radius_most": float(radii.max()), "largest_singular_value": stretch}
        return Reading(metrics=metrics, plot=plot, sentence=sentence)


def spectra(look: Look, *, steps: int, rows: int, samples: int) -> tuple[Tensor, Tensor]:
    """(N, n) eigenvalues and (N,) largest singular values, of N Jacobians of single rows."""
    stretch = look.stretch(steps, rows=rows)
    state_size(stretch.carry)
    with torch.no_grad():
        carries, _ = carries_of(look, stretch)
    length = stretch.batch.steps
    chosen = sorted({round((i + 0.5) * length / samples - 0.5) for i in range(samples)})
    values, stretches = [], []
    for row in range(len(stretch.batch.x)):
        for step in chosen:
            carry = rows_of(carries[step], torch.tensor([row]))
            matrix, _ = jacobian(look.network.core, stretch.batch.x[row, step], carry)
            values.append(torch.linalg.eigvals(matrix))
            stretches.append(torch.linalg.matrix_norm(matrix, 2))
    return torch.stack(values), torch.stack(stretches)


def _bars(values: Tensor, name: str, colour: int) -> Bars:
    low, high = float(values.min()), float(values.max())
    width = max((high - low) / BINS, 1e-3 * max(high, 1e-3))
    counts: dict[int, int] = {}
    for value in values.tolist():
        place = int((value - low) / width)
        counts[place] = counts.get(place, 0) + 1
    places = sorted(counts)
    return Bars(
        x=[low + (place + 0.5) * width for place in places],
        height=[counts[place] / len(values) for place in places],
        width=width,
        name=name,
        colour=colour,
    )
