"""Which loss is charged to which step: in numbers, measured, and as a picture."""

from __future__ import annotations

import inspect
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from elman.batch import SequenceBatch
from elman.bptt import BackpropThroughTime, after_burn_in, decayed, within_sequences
from elman.tasks import SequenceTask
from elman.tasks.way_back import PLAIN, WayBack

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

LARGE = 3.0
"""Credit of one draw that a picture does not tell apart from more."""


@dataclass(frozen=True)
class Reach:
    """How far a strategy looks back, over the losses of a sequence.

    Args:
        least, mean, most: steps a loss is charged to, its own included.
        covered: share of the pairs (t, s <= t) with credit.
        doubled: pairs charged more than once; none where credit is weighted or expected.
    """

    least: int
    mean: float
    most: int
    covered: float
    doubled: int


def reach(bptt: BackpropThroughTime, begins: Tensor, *, burn_in: int = 0) -> Reach:
    """The summary of a strategy's credit in a row whose sequences begin as `begins` (T,) says."""
    return reach_of(bptt.row_credit(begins), begins, burn_in=burn_in)


def reach_of(credit: Tensor, begins: Tensor, *, burn_in: int = 0) -> Reach:
    """The summary of a row's credit; warm steps, and losses too near a beginning to tell, are left out."""
    warm = min(burn_in, len(begins) - 1)
    credit, begins = credit[warm:, warm:], begins[warm:]
    steps = len(begins)
    spans = (credit > 0).sum(1)
    possible = within_sequences(torch.ones(steps, steps).tril(), begins).sum(1)
    telling = spans[spans < possible] if bool((spans < possible).any()) else spans[-1:]
    return Reach(
        least=int(telling.min()),
        mean=float(telling.float().mean()),
        most=int(spans.max()),
        covered=float((credit > 0).sum() / possible.sum()),
        doubled=int((credit > 1).sum()) if torch.equal(credit, credit.round()) else 0,
    )


def drawn_row(bptt: BackpropThroughTime, begins: Tensor) -> Tensor | None:
    """The credit of one draw in such a row; None for a strategy that draws nothing."""
    drawn = bptt.drawn_credit(len(begins))
    if torch.equal(drawn.double(), bptt.credit_matrix(len(begins)).double()):
        return None
    return within_sequences(drawn, begins)


def described(bptt: BackpropThroughTime, way_back: WayBack = PLAIN) -> str:
    """A strategy with its numbers, and with whatever else is not at its default."""
    defaults = {name: given.default for name, given in inspect.signature(type(bptt)).parameters.items()}

    def tells(name: str, value: Any) -> bool:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return not name.startswith("_") and (number or value != defaults.get(name, value))

    settings = ", ".join(f"{name}={value}" for name, value in vars(bptt).items() if tells(name, value))
    words = [f"{type(bptt).__name__}({settings})"]
    words += [f"credit_decay={way_back.decay}"] if way_back.decay < 1 else []
    words += [f"state_clip={way_back.crossing.clip}"] if way_back.crossing and way_back.clips else []
    return ", ".join(words)


def holds(bptt: BackpropThroughTime, way_back: WayBack = PLAIN) -> str:
    """When the gradient is the sum that the credit says; empty: always."""
    found = [] if bptt.credit_holds == "always" else [bptt.credit_holds]
    return ", ".join(found + ["where no gradient of the state is clipped"] * way_back.clips)


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
    marked = task.train_state.burn_in.marked(batch._replace(x=embedded, scored=scored))
    for update in task.bptt.losses(objective, marked, state):
        if update.loss is not None:
            (gradient,) = torch.autograd.grad(update.loss, embedded)
            touched |= (gradient != 0).any(2).any(0).cpu()
    return touched.nonzero().flatten().tolist()


def credit_figure(
    bptt: BackpropThroughTime,
    begins: Tensor,
    *,
    burn_in: int = 0,
    way_back: WayBack = PLAIN,
    labels: str | None = None,
) -> Figure:
    """The credit matrix as a picture: row t is a loss, column s a step it is charged to.

    What comes after the loss, or before its own sequence, is white. Credit that is counted more
    than once, weighted or expected has a scale. Of a strategy that draws there are two pictures: what is
    expected, and one draw.

    Args:
        begins: (T,) bool, the row's steps at which a sequence begins.
        burn_in: the row's first steps that only warm its carry.
        way_back: what gradients go through between steps.
        labels: one character a step, for the axes.
    """
    from matplotlib.figure import Figure

    drawn = drawn_row(bptt, begins)
    panels = [bptt.row_credit(begins), *([] if drawn is None else [drawn])]
    panels = [after_burn_in(decayed(panel, way_back.decay), burn_in) for panel in panels]
    figure = Figure(figsize=(5.2 * len(panels), 5), layout="constrained")
    places = figure.subplots(1, len(panels), squeeze=False)[0]
    most = max(float(panel.max()) for panel in panels)
    top = None if drawn is None else min(most, LARGE)
    images = [_draw(*pair, begins, labels, top=top) for pair in zip(places, panels, strict=True)]
    if top is not None:  # one scale, so that the two compare
        extend = "max" if most > LARGE else "neither"
        figure.colorbar(images[0], ax=list(places), shrink=0.7, label="credit", extend=extend)
    found = reach_of(decayed(bptt.row_credit(begins), way_back.decay), begins, burn_in=burn_in)
    span = f"{found.least} to {found.most}" if found.least < found.most else f"{found.most}"
    twice = f"; {found.doubled} pairs count more than once" if found.doubled else ""
    name = textwrap.fill(described(bptt, way_back), 70 * len(panels))
    when = f"{said}; " if (said := holds(bptt, way_back)) else ""
    text = (
        f"{name}\n{when}coloured: charged, a loss reaches {span} steps; "
        f"grey: cut off, {1 - found.covered:.0%} of all pairs{twice}"
    )
    figure.suptitle(text, fontsize=9, wrap=True)
    if len(panels) == 2:
        places[0].set_title("expected", fontsize=9)
        places[1].set_title("one draw", fontsize=9)
    return figure


def _draw(axes: Axes, credit: Tensor, begins: Tensor, labels: str | None, *, top: float | None) -> AxesImage:
    """One matrix; without `top`, the end of its scale, with a legend, and a colour for each small count."""
    from matplotlib.colors import LinearSegmentedColormap, ListedColormap

    steps = len(credit)
    possible = within_sequences(torch.ones(steps, steps).tril(), begins)
    shown = torch.where(possible > 0, credit.float(), torch.nan)
    most = max(1, int(credit.max()))
    counts = torch.equal(credit, credit.round()) and most < 10 and top is None
    blues = LinearSegmentedColormap.from_list("credit", ["#e6e6e6", "#2f6fab"])
    scale: dict[str, Any] = {"cmap": blues, "vmin": 0, "vmax": top}
    if counts:
        colours = ["#eeeeee", *[f"C{i}" for i in range(most)]] if most > 1 else ["#e6e6e6", "#2f6fab"]
        scale = {"cmap": ListedColormap(colours), "vmin": -0.5, "vmax": most + 0.5}
    image = axes.imshow(shown.numpy(), interpolation="nearest", **scale)
    figure = axes.get_figure()
    assert figure is not None, "a figure's own axes"
    if counts and most > 1:
        figure.colorbar(image, ax=axes, shrink=0.7, label="times charged", ticks=range(most + 1))
    elif not counts and top is None:
        figure.colorbar(image, ax=axes, shrink=0.7, label="credit")
    axes.set_xlabel("step s whose use of the weights is charged")
    axes.set_ylabel("step t of the loss")
    if labels:
        axes.set_xticks(range(steps), list(labels))
        axes.set_yticks(range(steps), list(labels))
    return image
