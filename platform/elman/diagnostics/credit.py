"""Which loss is charged to which step: in numbers, measured, and as a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from elman.batch import SequenceBatch
from elman.bptt import BackpropThroughTime, within_sequences
from elman.tasks import SequenceTask

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Reach:
    """How far a strategy looks back, over the losses of a sequence.

    Args:
        least, mean, most: steps a loss is charged to, its own included.
        covered: share of the pairs (t, s <= t) with credit.
        doubled: pairs charged more than once.
    """

    least: int
    mean: float
    most: int
    covered: float
    doubled: int


def credit_of(bptt: BackpropThroughTime, begins: Tensor) -> Tensor:
    """(T, T), which loss is charged to which step of a row whose sequences begin as `begins` (T,) says."""
    return within_sequences(bptt.credit_matrix(len(begins)), begins)


def reach(bptt: BackpropThroughTime, begins: Tensor) -> Reach:
    """The summary of a strategy's credit in such a row; losses too near a beginning to tell are left out."""
    steps, credit = len(begins), credit_of(bptt, begins)
    spans = (credit > 0).sum(1)
    possible = within_sequences(torch.ones(steps, steps).tril(), begins).sum(1)
    telling = spans[spans < possible] if bool((spans < possible).any()) else spans[-1:]
    return Reach(
        least=int(telling.min()),
        mean=float(telling.float().mean()),
        most=int(spans.max()),
        covered=float((credit > 0).sum() / possible.sum()),
        doubled=int((credit > 1).sum()),
    )


def touched_steps(task: SequenceTask, batch: SequenceBatch, step: int) -> list[int]:
    """The steps whose input the loss at `step` has a gradient for, as the strategy takes it.

    Measured by automatic differentiation on the task's own network, not read off the credit matrix.

    Args:
        batch: complete sequences.
        step: a step of the batch, counted from 0.
    """
    scored = torch.zeros_like(batch.scored)
    scored[:, step] = True
    embedded = task.network.embed(batch.x).detach().requires_grad_()
    objective = task.objective.reading(lambda x: x)
    state = task.bptt.first_state(task.network.core.initial_carry(len(batch.x)))
    touched = torch.zeros(batch.steps, dtype=torch.bool)
    for update in task.bptt.losses(objective, batch._replace(x=embedded, scored=scored), state):
        if update.loss is not None:
            (gradient,) = torch.autograd.grad(update.loss, embedded)
            touched |= (gradient != 0).any(2).any(0).cpu()
    return touched.nonzero().flatten().tolist()


def credit_figure(bptt: BackpropThroughTime, begins: Tensor, *, labels: str | None = None) -> Figure:
    """The credit matrix as a picture: row t is a loss, column s a step it is charged to.

    What comes after the loss, or before its own sequence, is white. Where a pair is charged more than once,
    each count has a colour; credit that is weighted or expected has a scale.

    Args:
        begins: (T,) bool, the row's steps at which a sequence begins.
        labels: one character a step, for the axes.
    """
    from matplotlib.colors import LinearSegmentedColormap, ListedColormap
    from matplotlib.figure import Figure

    steps, credit = len(begins), credit_of(bptt, begins)
    possible = within_sequences(torch.ones(steps, steps).tril(), begins)
    shown = torch.where(possible > 0, credit.float(), torch.nan)
    most = max(1, int(credit.max()))
    figure = Figure(figsize=(5.2, 5), layout="constrained")
    axes = figure.add_subplot()
    if torch.equal(credit, credit.round()):
        colours = ["#eeeeee", *[f"C{i}" for i in range(most)]] if most > 1 else ["#e6e6e6", "#2f6fab"]
        scale: dict[str, Any] = {"cmap": ListedColormap(colours), "vmin": -0.5, "vmax": most + 0.5}
    else:
        scale = {"cmap": LinearSegmentedColormap.from_list("credit", ["#e6e6e6", "#2f6fab"]), "vmin": 0}
    image = axes.imshow(shown.numpy(), interpolation="nearest", **scale)
    if "vmax" not in scale:
        figure.colorbar(image, shrink=0.7, label="credit")
    axes.set_xlabel("step s whose use of the weights is charged")
    axes.set_ylabel("step t of the loss")
    if labels:
        axes.set_xticks(range(steps), list(labels))
        axes.set_yticks(range(steps), list(labels))
    found = reach(bptt, begins)
    settings = ", ".join(f"{k}={v}" for k, v in vars(bptt).items() if not k.startswith("_"))
    span = f"{found.least} to {found.most}" if found.least < found.most else f"{found.most}"
    twice = f"; {found.doubled} pairs count more than once" if found.doubled else ""
    axes.set_title(
        f"{type(bptt).__name__}({settings})\n"
        f"coloured: charged, a loss reaches {span} steps; "
        f"grey: cut off, {1 - found.covered:.0%} of all pairs{twice}",
        fontsize=9,
        wrap=True,
    )
    return figure
