"""What inputs some steps back are worth to the loss."""

from __future__ import annotations

import torch
from torch import Tensor

from elman.diagnostics.look import Look, carries_of
from elman.diagnostics.meter import Meter, Reading
from elman.diagnostics.meters.gradient_by_lag import followed
from elman.diagnostics.meters.windows import window_rules
from elman.errors import BadInput
from elman.pictures.plot import Band, Line, Panel, Plot
from elman.tasks.loss import SequenceLoss
from elman.tree import rows as rows_of

LEFT = 0.01
"""Of the largest rise: what still counts."""
ROUNDING = 1e-12
"""Of the loss, or of 1 if that is less: a rise that is none."""
ERRORS = 3
"""Standard errors, over rows, within which a mean rise is chance."""


class InputHorizon(Meter):
    """By how much the loss at step t rises if the input of step t - k is that of another sequence, by k.

    Once that input alone is replaced, by the other sequence's at the same step, and once it and all before
    it, the first carry included. The mean is over rows, losses and other sequences, the band over rows. The
    horizon is the largest k at which replacing the input and all before it raises the loss by a hundredth or
    more of the largest such rise, and by more than chance: three standard errors over rows; -1: none does.

    Args:
        steps: longest stretch looked at; lags go up to three quarters of it, to all where ends alone count.
        rows: sequences.
        losses: steps whose loss is looked at, evenly over the last quarter of the stretch.
        draws: other sequences that replace each; fewer if there are fewer.

    Cost: T^2 rows draws steps forward, T the steps of the stretch.

    Source: replaced context: Khandelwal et al. (2018), ACL, arXiv 1805.04623.
    Differs: inputs are replaced by those of other sequences, where the paper drops or permutes them.
    """

    name = "input_horizon"
    title = "How far back do inputs matter to the loss?"

    def __init__(self, *, steps: int = 100, rows: int = 32, losses: int = 8, draws: int = 1) -> None:
        if min(steps, losses, draws) < 1 or rows < 2:
            raise ValueError(
                f"steps, losses, draws must be positive and rows at least 2, got {steps}, {losses}, {draws}, "
                f"{rows}"
            )
        self.steps, self.rows, self.losses, self.draws = steps, rows, losses, draws

    def read(self, look: Look) -> Reading:
        rises, loss = rises_by_lag(
            look, steps=self.steps, rows=self.rows, losses=self.losses, draws=self.draws
        )
        one, all_before = means = rises.mean(1)  # (K,) each
        unit = look.objective.loss.monitored.replace("_", " ")
        lags = list(range(len(one)))
        marks: list = []
        for number, name in enumerate(("the input alone", "it and all before it")):
            low, high = rises[number].quantile(_ends(rises), dim=0).tolist()
            marks.append(Band(x=lags, low=low, high=high, colour=number))
            marks.append(Line(x=lags, y=means[number].tolist(), name=name, colour=number))
        horizon = horizon_of(rises[1], loss)
        plot = Plot(
            title=self.title,
            caption=f"What is added to the loss ({loss:.3g} {unit}) if an input some steps back is that of "
            f"another sequence: mean and middle 80 % of {rises.shape[1]} sequences. Dashed: where the "
            "strategy cuts.",
            panels=(
                Panel(
                    x="input (steps back)",
                    y=f"rise of the loss ({unit})",
                    marks=(*marks, *window_rules(look.bptt, most=lags[-1])),
                ),
            ),
        )
        metrics = {"horizon_steps": float(horizon), "rise_of_all": float(all_before.max())}
        sentence = "No input that is another sequence's raises the loss beyond chance"
        if horizon >= 0:
            sentence = f"Inputs more than {horizon} steps back bring less than 1 % of what all bring"
            if horizon == lags[-1]:
                sentence = f"Inputs matter over all {horizon} steps looked at"
        alone = beyond_chance(rises[0], loss)
        if horizon >= 0 and bool(alone.any()):
            most = int(one.where(alone, 0.0).argmax())
            metrics |= {"rise_of_one": float(one[most]), "rise_of_one_at_steps": float(most)}
            sentence += f"; that {most} steps back matters most, by {one[most]:.3g} {unit}"
        sentence += "."
        facts = {"one": one.tolist(), "all_before": all_before.tolist(), "horizon": horizon}
        return Reading(metrics=metrics, plot=plot, sentence=sentence, facts=facts)


@torch.no_grad()
def rises_by_lag(look: Look, *, steps: int, rows: int, losses: int, draws: int) -> tuple[Tensor, float]:
    """(2, B, K), what a replaced input, or that and all before it, adds to a row's loss; and the mean loss.

    Raises:
        BadInput: if there is one sequence alone.
    """
    stretch = look.stretch(steps, rows=rows)
    batch, core = stretch.batch, look.network.core
    count = len(batch.x)
    if count < 2:
        raise BadInput("validation has one sequence long enough, and another is needed to take inputs from")
    assert batch.y is not None, "validation has targets"
    chosen = torch.tensor(followed(batch.scored, losses))
    scored, y = batch.scored[:, chosen], batch.y[:, chosen]
    lags, stop = int(chosen[0]) + 1, int(chosen[-1]) + 1

    def losses_of(out: Tensor, at: Tensor) -> Tensor:
        """(B, n), of the outputs of chosen steps, (B, n, H); NaN where nothing is scored."""
        counts, found = scored[:, at], torch.full((count, int(at.sum())), torch.nan, dtype=out.dtype)
        found[counts] = each(look.objective.loss, look.network.readout(out[counts]), y[:, at][counts])
        return found

    carries, out = carries_of(look, stretch)
    usual = losses_of(out[:, chosen], chosen >= 0)
    rises = torch.full((2, count, len(chosen), lags), torch.nan, dtype=out.dtype)
    rises[:, scored] = 0
    for draw in range(1, min(draws, count - 1) + 1):
        others = torch.arange(count).roll(draw)
        for step in range(stop):
            at = (chosen >= step) & (chosen - step < lags)
            x = torch.cat([batch.x[others, step : step + 1], batch.x[:, step + 1 : stop]], 1)
            alone = core(x, carries[step])[0]
            before = out[others, step : step + 1]
            if step + 1 < stop:
                later = core(x[:, 1:], rows_of(carries[step + 1], others))[0]
                before = torch.cat([before, later], 1)
            for number, changed in enumerate((alone, before)):
                found = losses_of(changed[:, chosen[at] - step], at) - usual[:, at]
                rises[number][:, at.nonzero().squeeze(1), chosen[at] - step] += found
    return rises.nanmean(2) / min(draws, count - 1), float(usual.nanmean())


def each(loss: SequenceLoss, out: Tensor, y: Tensor) -> Tensor:
    """(N,), the loss of every step apart, of outputs (N, O)."""
    try:
        return torch.vmap(lambda one, target: loss.sums(one, target)[0])(out[:, None], y[:, None])
    except RuntimeError:  # one of a user's own, with what vmap cannot do
        pairs = zip(out[:, None], y[:, None], strict=True)
        return torch.stack([loss.sums(one, target)[0] for one, target in pairs])


def beyond_chance(rises: Tensor, loss: float) -> Tensor:
    """(K,) bool, the lags whose mean over rows is more than chance and rounding.

    Args:
        rises: (B, K).
        loss: what it is without.
    """
    errors = rises.std(0) / len(rises) ** 0.5
    return rises.mean(0) > torch.clamp(ERRORS * errors, min=ROUNDING * max(1.0, abs(loss)))


def horizon_of(rises: Tensor, loss: float) -> int:
    """The largest lag with a hundredth of the largest rise or more, beyond chance; -1: nothing rises."""
    mean = rises.mean(0)
    there = (beyond_chance(rises, loss) & (mean >= LEFT * mean.max())).nonzero().squeeze(1)
    return int(there[-1]) if len(there) else -1


def _ends(like: Tensor) -> Tensor:
    return torch.tensor([0.1, 0.9], dtype=like.dtype)
