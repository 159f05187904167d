"""How long inputs can be read from the carry."""

from __future__ import annotations

import torch
from torch import Tensor

from elman.diagnostics.look import Look, Stretch, carries_of
from elman.diagnostics.meter import Meter, Reading
from elman.diagnostics.meters.probes import ONES, RECALLED, UNITS, Probe, items_of, numbers_of, probed, views
from elman.diagnostics.meters.windows import window_rules
from elman.errors import BadInput
from elman.pictures.plot import Line, Panel, Plot, Rule
from elman.tree import Carry


class MemoryProbes(Meter):
    """How well a linear map of the carry at step t gives the input of step t - k, by k.

    R^2_k = 1 - sum |x_{t-k} - B_k s_t|^2 / sum |x_{t-k} - mean|^2, s the carry, B_k by ridge regression on
    every other sequence, the sums over the rest; of inputs of several values, the mean of those that vary. Of
    token ids, B_k gives the indicators of ids (of the 255 most frequent; all others are one), the largest is
    read, and the score is (accuracy - base) / (1 - base), base being the share of the most frequent id. The
    carries are those after each of the last steps of a stretch. The floor is the best score of any lag for
    inputs of other sequences, which the carry cannot hold. The capacity is the sum over lags, and values of a
    step, of scores above the floor of their value; the reach the largest lag whose score is above the floor
    and above 1/2, -1: none.

    Where inputs predict one another, an early one is read from what the carry holds of a later one: scores
    are then more than memory.

    Args:
        steps: longest stretch looked at.
        lags: largest k; None: half of the stretch.
        rows: sequences; more are read where the carry needs them.

    Cost: a forward pass in steps of one, and for P numbers of a carry and n of them, n P^2 + K n P F.

    Source: Jaeger (2001), GMD report 152, "Short term memory in echo state networks", whose capacity of a
        linear network with independent inputs is the rank of its controllability matrix; the floor:
        Dambre et al. (2012), Scientific Reports 2:514.
    Differs: ridge regression, its constant 10^-6 of the mean variance of the carry's numbers; the score is
        that of other sequences than those trained on.
    """

    name = "memory_probes"
    title = "How far back can inputs be read from the carry?"

    def __init__(self, *, steps: int = 100, lags: int | None = None, rows: int = 128) -> None:
        if min(steps, rows, 1 if lags is None else lags) < 1:
            raise ValueError(f"steps, lags, rows must be positive, got {steps}, {lags}, {rows}")
        if lags is not None and lags >= steps:
            raise ValueError(f"lags must be less than steps, got lags={lags}, steps={steps}")
        self.steps, self.lags, self.rows = steps, lags, rows

    def _lags(self, steps: int) -> int:
        return steps // 2 if self.lags is None else min(self.lags, steps - 1)

    def read(self, look: Look) -> Reading:
        stretch = probed(look, self.name, self.steps, self.rows, each=lambda steps: steps - self._lags(steps))
        with torch.no_grad():
            carries, _ = carries_of(look, stretch)
            found, shuffled = recalled(look, stretch, carries[1:], lags=self._lags(stretch.batch.steps))
        whole = found[-1][2]  # (K, F)
        if bool(whole.isnan().all()):
            raise BadInput("the inputs of validation do not vary, so there is nothing to recall")
        floor = max(0.0, float(shuffled.nanmean(1).nan_to_num(0.0).max()))
        score = whole.nanmean(1)
        chance = shuffled.nan_to_num(0.0).amax(0).clamp(min=0)  # (F,), of every value
        capacity = float(whole.where(whole > chance, 0.0).sum())
        kept = ((score > RECALLED) & (score > floor)).nonzero().squeeze(1)
        reach = int(kept[-1]) if len(kept) else -1
        ids = not stretch.given.is_floating_point()
        panels: dict[str, list] = {}
        lag = list(range(len(score)))
        for panel, name, values in found:
            lines = panels.setdefault(panel, [])
            lines.append(Line(x=lag, y=values.nanmean(1).tolist(), name=name, colour=len(lines) % 6))
        rules = [Rule(at=floor, text="floor", level=True), *window_rules(look.bptt, most=lag[-1])]
        plot = Plot(
            title=self.title,
            caption="Input some steps back as a linear probe reads it from the carry, in "
            f"{len(stretch.given) // 2} sequences it was not trained on. {ONES[ids]} Dashed: the best that "
            "inputs of other sequences reach, and where the strategy cuts.",
            panels=tuple(
                Panel(
                    x="input (steps back)",
                    y=UNITS[ids],
                    title=f"from {title}",
                    marks=(*lines, *rules),
                    y_from=-0.05,
                    y_to=1.05,
                )
                for title, lines in panels.items()
            ),
        )
        metrics = {"capacity": capacity, "floor": floor, "reach_steps": float(reach)}
        what = "ids" if ids else "values"
        held = f"the carry holds {capacity:.3g} {what} in all"
        if reach < 0:
            sentence = f"At no lag can half of an input be read from the carry; {held}."
        else:
            far = f"{reach} steps back" + (", as far as was looked" if reach == lag[-1] else "")
            sentence = f"Half of an input can be read from the carry up to {far}; {held}."
        facts = {"scores": score.tolist(), "floor": floor, "reach": reach}
        return Reading(metrics=metrics, plot=plot, sentence=sentence, facts=facts)


def recalled(
    look: Look, stretch: Stretch, after: list[Carry], *, lags: int
) -> tuple[list[tuple[str, str, Tensor]], Tensor]:
    """Panel, line and (K, F) scores of lags from 0 on; (K, F) of the whole carry for other sequences' inputs.

    Args:
        after: the carry after every step.
    """
    items, steps, rows = items_of(stretch), stretch.batch.steps, len(stretch.given)
    learn, test = slice(0, rows, 2), slice(1, rows, 2)
    generator = torch.Generator().manual_seed(0)
    found = []
    for panel, name, parts, layers in views(look.names, after[0][0].shape[1]):
        carry = torch.stack([numbers_of(one, parts, layers) for one in after[lags:]], 1)  # (B, T - K, P)
        probe = Probe(carry[learn].flatten(0, 1), carry[test].flatten(0, 1))
        at = [items[:, lags - lag : steps - lag] for lag in range(lags + 1)]
        scores = [probe.scores(one[learn].flatten(0, 1), one[test].flatten(0, 1)) for one in at]
        found.append((panel, name, torch.stack(scores)))
    shuffled = []
    for one in at:
        other = one[torch.randperm(rows, generator=generator)]
        shuffled.append(probe.scores(other[learn].flatten(0, 1), other[test].flatten(0, 1)))
    return found, torch.stack(shuffled)
