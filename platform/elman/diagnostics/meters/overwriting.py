"""What writing other items does to one that is held."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from elman.diagnostics.look import Look, Stretch, carries_of
from elman.diagnostics.meter import Meter, Reading
from elman.diagnostics.meters.probes import ONES, RECALLED, UNITS, Probe, items_of, numbers_of, probed
from elman.diagnostics.meters.saturation import gates_of
from elman.errors import BadInput
from elman.pictures.plot import Band, Line, Map, Mark, Panel, Plot
from elman.tree import Carry

MOST_LAGS = 25
"""At which probes are trained, beside lag 0."""


class Overwriting(Meter):
    """How well the input of step s is read from the carry of step s + k, if others follow or nothing does.

    Nothing: the core reads zeros after step s, which are no token id. The scores are those of `MemoryProbes`,
    a probe for every k; what fades below a thousandth of the carry's usual spread is lost. Overwriting is the
    difference of the two; an input is held up to the largest k with a score above 1/2, -1: none. Of a cell
    with a gate f that keeps its memory m (an LSTM's c, a GRU's h), also the share that is kept, prod f_j over
    s < j <= s + k, and the write ratio |w| / (|f m_{t-1}| + |w|), with w = m_t - f m_{t-1}.

    Args:
        steps: longest stretch looked at.
        lags: largest k; None: half of the stretch. Of more than 25, every second, third, ... is probed.
        writes: steps s, the last from which all lags lie inside the stretch.
        rows: sequences; more are read where the carry needs them.

    Cost: a forward pass in steps of one, another of K steps for every s, and for P numbers of a carry and n
        of them 2 n P^2 + P^3 for each of up to 26 lags.

    Source: the product of forget gates is dc_t/dc_s along the cell path: Gers, Schmidhuber and Cummins
        (2000), Neural Computation 12(10). What the probes compare is of this house.
    """

    name = "overwriting"
    title = "Do other items overwrite what is held?"

    def __init__(
        self, *, steps: int = 100, lags: int | None = None, writes: int = 50, rows: int = 64
    ) -> None:
        if min(steps, writes, rows, 1 if lags is None else lags) < 1:
            raise ValueError(
                f"steps, lags, writes, rows must be positive, got {steps}, {lags}, {writes}, {rows}"
            )
        if lags is not None and lags >= steps:
            raise ValueError(f"lags must be less than steps, got lags={lags}, steps={steps}")
        self.steps, self.lags, self.writes, self.rows = steps, lags, writes, rows

    def _lags(self, steps: int) -> int:
        return steps // 2 if self.lags is None else min(self.lags, steps - 1)

    def _writes(self, steps: int) -> int:
        return min(self.writes, steps - self._lags(steps))

    def read(self, look: Look) -> Reading:
        stretch = probed(look, self.name, self.steps, self.rows, each=self._writes)
        length = stretch.batch.steps
        most = self._lags(length)
        first = length - most - self._writes(length)
        with torch.no_grad():
            carries, _ = carries_of(look, stretch)
            lags, items, blank = retained(look, stretch, carries, first=first, most=most)
            gates = cell_path(look, stretch, carries, first=first, most=most)
        if bool(items.isnan().all()):
            raise BadInput("the inputs of validation do not vary, so there is nothing to retain")
        items, blank = items.clamp(min=0), blank.clamp(min=0)  # worse than a constant is noise
        gap = blank - items
        worst = int(gap.argmax())
        last = [_last(lags, scores) for scores in (items, blank)]
        ids = not stretch.given.is_floating_point()
        read = Panel(
            x="steps since it was read",
            y=UNITS[ids],
            title="read by probes",
            marks=(
                Band(x=lags, low=items.tolist(), high=blank.tolist(), colour=6),
                Line(x=lags, y=items.tolist(), name="others follow", colour=1),
                Line(x=lags, y=blank.tolist(), name="nothing follows", colour=0, dash=1),
            ),
            y_from=-0.05,
            y_to=1.05,
        )
        metrics = {
            "items_steps": float(last[0]),
            "blank_steps": float(last[1]),
            "overwriting": float(gap[worst]),
            "overwriting_at_steps": float(lags[worst]),
        }
        held = [
            f"{n} steps" + (" (as far as was looked)" if n == lags[-1] else "") if n >= 0 else "no step"
            for n in last
        ]
        sentence = f"Half of an input is held over {held[0]} if others follow, over {held[1]} if nothing does"
        if max(last) < 0:
            sentence = "Half of an input is never held"
        sentence += f"; others overwrite up to {gap[worst]:.2f} of it, {lags[worst]} steps on."
        caption = (
            "An input as a linear probe reads it from the carry some steps later, while other inputs follow "
            f"and while the core reads zeros{', which no id gives' if ids else ''}. {ONES[ids]}"
        )
        panels = [read]
        if gates is not None:
            panels += [_gate_panel(gates, most), _unit_panel(gates, most)]
            metrics["write_ratio"] = gates.write_ratio
            metrics["kept_share"] = float(gates.kept[-1].mean())
            sentence += (
                f" The {gates.name} gates keep {metrics['kept_share']:.2g} of the memory over {most} steps; "
                f"of what is there after a step, {gates.write_ratio:.2g} was just written."
            )
            caption += f" Kept by gates: product of {gates.name} gates, mean and middle 80 % of units; "
            caption += f"then unit by unit{', layers from the bottom up' if gates.kept.shape[1] > 1 else ''}."
        plot = Plot(title=self.title, caption=caption, panels=tuple(panels))
        facts = {"lags": lags, "items": items.tolist(), "blank": blank.tolist()}
        return Reading(metrics=metrics, plot=plot, sentence=sentence, facts=facts)


def retained(
    look: Look, stretch: Stretch, carries: list[Carry], *, first: int, most: int
) -> tuple[list[int], Tensor, Tensor]:
    """Lags, and at each the score if others follow and if nothing does.

    Args:
        carries: before every step and after the last.
        first: of the steps s; the last is that from which `most` lags lie inside the stretch.
    """
    core, batch, count = look.network.core, stretch.batch, len(stretch.given)
    written = range(first, batch.steps - most)
    items = items_of(stretch)[:, first : written.stop]
    learn, test = slice(0, count, 2), slice(1, count, 2)
    parts = list(range(len(look.names)))

    def score(carry: Tensor, variance: float | None = None) -> tuple[float, float]:
        probe = Probe(carry[learn].flatten(0, 1), carry[test].flatten(0, 1), variance=variance)
        found = probe.scores(items[learn].flatten(0, 1), items[test].flatten(0, 1))
        return float(found.nanmean()), probe.variance

    alone = tuple(torch.cat(leaves) for leaves in zip(*(carries[s + 1] for s in written), strict=True))
    nothing = batch.x.new_zeros(len(alone[0]), 1, batch.x.shape[2])
    lags, with_items, with_nothing = [], [], []
    for lag in range(most + 1):
        if lag:
            alone = core(nothing, alone)[1]
        if lag % -(-most // MOST_LAGS):
            continue
        every = slice(None)
        later = torch.stack([numbers_of(carries[s + lag + 1], parts, every) for s in written], 1)
        found, variance = score(later)
        blank = numbers_of(alone, parts, every).unflatten(0, (len(written), count)).transpose(0, 1)
        lags.append(lag)
        with_items.append(found)
        with_nothing.append(score(blank, variance)[0])
    double = torch.float64
    return lags, torch.tensor(with_items, dtype=double), torch.tensor(with_nothing, dtype=double)


class CellPath(NamedTuple):
    """What gates keep.

    Args:
        name: of the gate.
        kept: (K + 1, L, H), the product over k steps, k from 0, on average over rows and first steps.
        write_ratio: mean over steps, rows and units.
    """

    name: str
    kept: Tensor
    write_ratio: float


def cell_path(
    look: Look, stretch: Stretch, carries: list[Carry], *, first: int, most: int
) -> CellPath | None:
    """Arguments as of `retained`; nothing of a core without a gate that keeps."""
    core = look.network.core
    name = getattr(core, "keeping_gate", None)
    if name is None:
        return None
    rows, steps = stretch.batch.x.shape[:2]
    gate = gates_of(core, stretch, carries)[name].unflatten(0, (rows, steps))  # (B, T, L, H)
    memory = torch.stack([carry[-1] for carry in carries], 1)
    kept = gate * memory[:, :-1]
    written = (memory[:, 1:] - kept).abs()
    ratio = written / (kept.abs() + written).clamp(min=torch.finfo(gate.dtype).tiny)
    products = [gate[:, s + 1 : s + most + 1].cumprod(1).mean(0) for s in range(first, steps - most)]
    mean = torch.stack(products).mean(0)
    return CellPath(name, torch.cat([torch.ones_like(mean[:1]), mean]), float(ratio.mean()))


def _gate_panel(gates: CellPath, most: int) -> Panel:
    lags = list(range(most + 1))
    marks: list[Mark] = []
    ends = torch.tensor([0.1, 0.9], dtype=gates.kept.dtype)
    for layer in range(gates.kept.shape[1]):
        units = gates.kept[:, layer]
        low, high = units.quantile(ends, dim=1).tolist()
        name = f"layer {layer + 1}" if gates.kept.shape[1] > 1 else f"product of {gates.name} gates"
        marks.append(Band(x=lags, low=low, high=high, colour=2 + layer % 4))
        marks.append(Line(x=lags, y=units.mean(1).tolist(), name=name, colour=2 + layer % 4))
    return Panel(
        x="steps since it was read",
        y="share of the memory kept",
        title="kept by gates",
        marks=tuple(marks),
        y_from=-0.05,
        y_to=1.05,
    )


def _unit_panel(gates: CellPath, most: int) -> Panel:
    """Every unit's product: layers from the bottom up, in each the units that keep least come first."""
    units = torch.cat(
        [layer[layer.sum(1).argsort()] for layer in gates.kept.permute(1, 2, 0)]
    )  # (L H, K + 1)
    shown = Map(
        values=units.tolist(),
        x=list(range(most + 1)),
        y=list(range(1, len(units) + 1)),
        name="share of the memory kept",
        low=0.0,
        high=1.0,
    )
    return Panel(
        x="steps since it was read",
        y="unit, by what it keeps",
        title="kept by each unit",
        marks=(shown,),
    )


def _last(lags: list[int], scores: Tensor) -> int:
    """The largest lag at which an item is recalled; -1: none."""
    there = (scores > RECALLED).nonzero().squeeze(1)
    return lags[int(there[-1])] if len(there) else -1
