"""How far back the data's own dependencies reach."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from elman.diagnostics.look import Look
from elman.diagnostics.meter import Meter, Reading
from elman.diagnostics.meters.windows import window_rules
from elman.errors import BadInput
from elman.pictures.plot import Band, Line, Mark, Panel, Plot

BINS = 8
"""Of a value: an eighth of all its values each."""
MOST_SYMBOLS = 64
"""Above it the most frequent ids count, and all others as one."""
MOST_INPUTS, MOST_TARGETS = 8, 4
"""Above them, principal components."""
LEAST_PAIRS = 2_000
SHUFFLES = 20
"""So that data without dependencies passes the floor once in 20 times, whatever the number of lags."""


class Dependence(Meter):
    """Mutual information of the target at t and the input at t - k, by k, above what shuffled data shows.

    I = sum over a, b of p(a, b) log (p(a, b) / (p(a) p(b))), in bits, by counting, with the Miller and Madow
    correction for the number of cells seen. Values are cut into eight parts of equal counts, each of several
    inputs against each of several targets by itself, and the largest counts (of more than 8 inputs or 4
    targets, their first principal components); of many ids the 63 most frequent count, and all others as
    one. The floor is the largest over all lags of twenty shuffles of rows. A dependency that only several
    inputs together show (parity) is not seen.

    Args:
        steps: longest stretch looked at.
        rows: sequences, or pieces of streams; 32 times as many where these have too few scored steps.

    Cost: for every lag, 21 products that count every input against every target; no network.

    Source: Miller (1955), "Note on the bias of information estimates"; dependence by lag: Li (1990), Journal
        of Statistical Physics 60.
    """

    name = "dependence"
    title = "How far back do the data's own dependencies reach?"
    needs_step = False

    def __init__(self, *, steps: int = 100, rows: int = 128) -> None:
        if min(steps, rows) < 1:
            raise ValueError(f"steps and rows must be positive, got {steps}, {rows}")
        self.steps, self.rows = steps, rows

    def read(self, look: Look) -> Reading:
        x, y, scored = symbols_of(look, steps=self.steps, rows=self.rows)
        pairs = int(scored.sum())
        if pairs < LEAST_PAIRS:  # as where only ends are scored
            x, y, scored = symbols_of(look, steps=self.steps, rows=32 * self.rows)
            pairs = int(scored.sum())
        if pairs < LEAST_PAIRS:
            raise BadInput(
                f"{pairs} scored steps of validation are too few to count pairs; {LEAST_PAIRS} are needed"
            )
        bits, floor = information_by_lag(x, y, scored)
        lags = list(range(len(bits)))
        above = [lag for lag in lags if bits[lag] > floor[lag]]
        reach, strongest = max(above, default=0), int(bits.argmax())
        marks: tuple[Mark, ...] = (
            Band(
                x=lags,
                low=[0.0] * len(lags),
                high=floor.tolist(),
                name="shuffled rows, largest of 20",
                colour=6,
            ),
            Line(x=lags, y=bits.tolist(), name="mutual information", marked=len(lags) < 40),
            *window_rules(look.bptt, most=lags[-1]),
        )
        plot = Plot(
            title=self.title,
            caption="Mutual information of a target and the input some steps before it, counted over "
            f"{pairs:,} scored steps of validation (Miller-Madow). Grey: what shows in shuffled data too.",
            panels=(Panel(x="lag (steps)", y="mutual information (bits)", marks=marks, y_from=0),),
        )
        if not above:
            sentence = "No dependency of targets on single inputs shows above shuffled data."
        else:
            far = ", as far as was looked" if reach == lags[-1] else ""
            sentence = (
                f"The data's dependencies reach {reach} steps{far}; the strongest lies {strongest} steps "
                f"back ({float(bits[strongest]):.2g} bits)."
            )
        metrics = {"reach_steps": float(reach), "strongest_lag": float(strongest), "bits": float(bits.max())}
        return Reading(
            metrics=metrics, plot=plot, sentence=sentence, facts={"reach": reach, "found": bool(above)}
        )


def information_by_lag(x: Tensor, y: Tensor, scored: Tensor) -> tuple[Tensor, Tensor]:
    """(K,) bits of the target at t and the input at t - k, k from 0, and (K,) the largest of shuffled rows.

    Args:
        x: (B, T, F) whole numbers, y: (B, T, O) whole numbers.
        scored: (B, T) bool.
    """
    generator = torch.Generator().manual_seed(0)
    rows, length = scored.shape
    inputs, targets = _one_hot(x), _one_hot(y) * scored[..., None, None]
    lags = int(scored.any(0).nonzero()[-1]) + 1
    bits: list[float] = []
    floor = 0.0
    orders = [torch.randperm(rows, generator=generator) for _ in range(SHUFFLES)]
    for lag in range(lags):
        if lag and int(scored[:, lag:].sum()) < LEAST_PAIRS // 4:
            break
        early, late = inputs[:, : length - lag], targets[:, lag:]
        bits.append(float(information(_joint(early, late)).max()))
        shuffled = (information(_joint(early[order], late)).max() for order in orders)
        floor = max(floor, *map(float, shuffled))
    found = torch.tensor(bits, dtype=torch.float64)
    return found, torch.full_like(found, floor)


def information(joint: Tensor) -> Tensor:
    """(F, O) bits of every input with every target; Miller and Madow's correction is taken off.

    Args:
        joint: (F, A, O, B) counts of input f being a while target o is b.
    """
    share = joint.double() / joint.sum((1, 3), keepdim=True).clamp(min=1)
    of_input, of_target = share.sum(3), share.sum(1)  # (F, A, O), (F, O, B)
    nats = torch.xlogy(share, share).sum((1, 3))
    nats -= torch.xlogy(of_input, of_input).sum(1) + torch.xlogy(of_target, of_target).sum(2)
    cells = (joint > 0).sum((1, 3)) - (of_input > 0).sum(1) - (of_target > 0).sum(2) + 1
    corrected = nats - cells / (2 * joint.sum((1, 3)).clamp(min=1))
    return corrected.clamp(min=0) / math.log(2)


def symbols_of(look: Look, *, steps: int, rows: int) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs (B, T, F) and targets (B, T, O) as whole numbers, and which steps are scored."""
    stretch = look.stretch(steps, rows=rows)
    batch = stretch.batch
    x = stretch.given if stretch.given.dim() == 3 else stretch.given.unsqueeze(2)
    assert batch.y is not None, "a stretch has targets"
    y = batch.y if batch.y.dim() == 3 else batch.y.unsqueeze(2)
    return _whole(_few(x, MOST_INPUTS)), _whole(_few(y, MOST_TARGETS)), batch.scored


def _joint(early: Tensor, late: Tensor) -> Tensor:
    """(F, A, O, B) counts, of one-hot inputs (B, T, F, A) and targets (B, T, O, B)."""
    counts = early.flatten(2).flatten(0, 1).t() @ late.flatten(2).flatten(0, 1)
    return counts.view(*early.shape[2:], *late.shape[2:])


def _one_hot(values: Tensor) -> Tensor:
    """(B, T, F) to (B, T, F, A), counted in 32 bits, which hold 16 million."""
    return torch.nn.functional.one_hot(values).float()


def _few(values: Tensor, most: int) -> Tensor:
    """Values as they are, or their first principal components where there are more than `most`."""
    if values.shape[2] <= most:
        return values
    flat = values.double().flatten(0, 1)
    flat = flat - flat.mean(0)
    _, _, directions = torch.linalg.svd(flat, full_matrices=False)
    return (flat @ directions[:most].t()).view(*values.shape[:2], most)


def _whole(values: Tensor) -> Tensor:
    """Values by their eighths, ids by their frequency; (B, T, F) from 0 on."""
    parts = []
    for one in values.unbind(2):
        if one.is_floating_point() and len(one.unique()) > BINS:
            edges = one.flatten().quantile(torch.linspace(0, 1, BINS + 1, dtype=one.dtype)[1:-1])
            parts.append(torch.bucketize(one.contiguous(), edges))
            continue
        found, places, counts = one.unique(return_inverse=True, return_counts=True)
        order = counts.argsort(descending=True).argsort()  # 0 the most frequent
        parts.append(order[places].clamp(max=MOST_SYMBOLS - 1) if len(found) > MOST_SYMBOLS else places)
    return torch.stack(parts, 2)
