"""How far back the data's own dependencies reach."""

from __future__ import annotations

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
LEAST_PAIRS = 2_000
SHUFFLES = 20
"""So that data without dependencies passes the floor once in 20 times, whatever the number of lags."""


class Dependence(Meter):
    """Mutual information of the target at t and the input at t - k, by k, above what shuffled data shows.

    I = sum over a, b of p(a, b) log (p(a, b) / (p(a) p(b))), in bits, by counting, with the Miller and Madow
    correction for the number of cells seen. Values are cut into eight parts of equal counts, each of several
    inputs against each of several targets by itself, and the largest counts; of many ids the 63 most frequent
    count, and all others as one. The floor is the largest over all lags of twenty shuffles of rows. A
    dependency that only several inputs together show (parity) is not seen.

    Args:
        steps: longest stretch looked at.
        rows: sequences, or pieces of streams.

    Cost: a count of all pairs for every lag, 21 times, and every input against every target; no network.

    Source: Miller (1955), "Note on the bias of information estimates"; dependence by lag: Li (1990), Journal
        of Statistical Physics 60.
    """

    name = "dependence"
    title = "How far back do the data's own dependencies reach?"
    needs_step = False

    def __init__(self, *, steps: int = 100, rows: int = 256) -> None:
        if min(steps, rows) < 1:
            raise ValueError(f"steps and rows must be positive, got {steps}, {rows}")
        self.steps, self.rows = steps, rows

    def read(self, look: Look) -> Reading:
        x, y, scored = symbols_of(look, steps=self.steps, rows=self.rows)
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
    last = int(scored.any(0).nonzero()[-1])
    lags = min(length, last + 1)
    bits: list[float] = []
    floor = 0.0
    orders = [torch.randperm(rows, generator=generator) for _ in range(SHUFFLES)]
    for lag in range(lags):
        counts = scored[:, lag:]
        targets = y[:, lag:]
        if lag and int(counts.sum()) < LEAST_PAIRS // 4:
            break
        bits.append(_most(x[:, : length - lag], targets, counts))
        floor = max(floor, *(_most(x[order, : length - lag], targets, counts) for order in orders))
    found = torch.tensor(bits, dtype=torch.float64)
    return found, torch.full_like(found, floor)


def mutual_information(a: Tensor, b: Tensor) -> float:
    """Bits, of pairs of whole numbers, by counting; Miller and Madow's correction is taken off."""
    width = int(b.max()) + 1
    joint = torch.bincount(a * width + b, minlength=(int(a.max()) + 1) * width).view(-1, width).double()
    count = joint.sum()
    rows, columns = joint.sum(1), joint.sum(0)
    there = joint > 0
    expected = rows[:, None] * columns / count
    nats = (joint[there] / count * (joint[there] / expected[there]).log()).sum()
    cells = int(there.sum()) - int((rows > 0).sum()) - int((columns > 0).sum()) + 1
    return max(0.0, float(nats - cells / (2 * count))) / 0.6931471805599453


def symbols_of(look: Look, *, steps: int, rows: int) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs (B, T, F) and targets (B, T, O) as whole numbers, and which steps are scored."""
    stretch = look.stretch(steps, rows=rows)
    batch = stretch.batch
    x = (
        batch.x.argmax(-1, keepdim=True)
        if look.network.token_ids and look.network.embedding is None
        else batch.x
    )
    if look.network.token_ids and look.network.embedding is not None:
        x = _nearest(batch.x, look.network.embedding)
    assert batch.y is not None, "a stretch has targets"
    y = batch.y if batch.y.dim() == 3 else batch.y.unsqueeze(2)
    return _whole(x), _whole(y), batch.scored


def _most(x: Tensor, y: Tensor, counts: Tensor) -> float:
    found = 0.0
    for feature in range(x.shape[2]):
        for target in range(y.shape[2]):
            found = max(found, mutual_information(x[..., feature][counts], y[..., target][counts]))
    return found


def _whole(values: Tensor) -> Tensor:
    """Values by their eighths, ids by their frequency; (B, T, F) from 0 on."""
    parts = []
    for one in values.unbind(2):
        if one.is_floating_point() and len(one.unique()) > BINS:
            edges = one.flatten().quantile(torch.linspace(0, 1, BINS + 1, dtype=one.dtype)[1:-1])
            parts.append(torch.bucketize(one, edges))
            continue
        found, places, counts = one.unique(return_inverse=True, return_counts=True)
        order = counts.argsort(descending=True).argsort()  # 0 the most frequent
        parts.append(order[places].clamp(max=MOST_SYMBOLS - 1) if len(found) > MOST_SYMBOLS else places)
    return torch.stack(parts, 2)


def _nearest(vectors: Tensor, embedding: torch.nn.Module) -> Tensor:
    """The ids of embedded tokens, (B, T, 1)."""
    table = next(embedding.parameters()).detach()
    return torch.cdist(vectors, table.expand(len(vectors), -1, -1)).argmin(-1, keepdim=True)
