"""What a network says of some examples, beside what is true: as pictures, and in words."""

from __future__ import annotations

import textwrap
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import pytorch_lightning as pl
import torch
from torch import Tensor

from elman.batch import SequenceBatch
from elman.captions.captioning import captions_of, true_captions
from elman.tasks import SequenceTask
from elman.tracking.logger import RunLogger
from elman.tree import rows, tree_map

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LINE_CHARACTERS = 60


class Shown(NamedTuple):
    """An example and what was said of it.

    Args:
        picture: (H, W) or (H, W, 3) in [0, 1], 1 is white; None: there is none.
        true, said: captions.
    """

    picture: Tensor | None
    true: str
    said: str


class CaptionPictures(pl.Callback):
    """After every validation, the captions of some of its examples as an image in MLflow.

    They are the same ones every time, spread over the validation part. Data that can be looked at offers
    `picture`: the context of one row, without an axis of rows, to (H, W) or (H, W, 3) in [0, 1], 1 is white.
    Without that there is only the summary in words that the run prints at its end.

    Args:
        data: with captions; set up.
        count: most examples.
    """

    def __init__(self, data: Any, *, count: int = 12) -> None:
        self.data, self.count = data, count
        self.examples: list[tuple[SequenceBatch, list[str]]] | None = None
        self.shown: list[Shown] = []

    @property
    def last_words(self) -> str:
        """What the run prints at its end."""
        return caption_summary(self.shown)

    def on_validation_end(self, trainer: pl.Trainer, task: Any) -> None:
        if not trainer.is_global_zero or task.captions is None:
            return
        if self.examples is None:
            self.examples = chosen_examples(task, self.data.val_dataloader(), count=self.count)
        self.shown = shown_examples(task, self.examples, getattr(self.data, "picture", None))
        pictured = [example for example in self.shown if example.picture is not None]
        if pictured and isinstance(trainer.logger, RunLogger):
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message=".*missing from font.*")
                trainer.logger.log_figure(caption_figure(pictured), f"captions/{task.time_steps:014d}.png")


def chosen_examples(task: SequenceTask, loader: Any, *, count: int) -> list[tuple[SequenceBatch, list[str]]]:
    """Rows that hold a whole caption, at most `count`, spread over batches and rows; with their captions.

    Args:
        loader: has a length, and `batch`, a function of the batch's number.
    """
    batches = min(len(loader), count)
    found = []
    for number in range(batches):
        batch = loader.batch(number * len(loader) // batches)
        captions = true_captions(task, batch)
        whole = [row for row, text in enumerate(captions) if text is not None]
        wanted = (number + 1) * count // batches - number * count // batches
        few = min(wanted, len(whole))
        taken = [whole[place * len(whole) // few] for place in range(few)]
        if taken:
            true = [str(captions[row]) for row in taken]
            found.append((rows(batch, torch.tensor(taken)), true))
    return found


def shown_examples(
    task: SequenceTask,
    examples: Sequence[tuple[SequenceBatch, list[str]]],
    picture: Callable[[Any], Tensor] | None,
) -> list[Shown]:
    """The examples with what the network says of them now, greedily."""
    found = []
    for batch, true in examples:
        for row, said in enumerate(captions_of(task, batch)):
            seen = None
            if picture is not None and batch.context is not None:
                seen = picture(_row(batch.context, row))
            found.append(Shown(seen, true[row], said))
    return found


def caption_figure(shown: Sequence[Shown]) -> Figure:
    """A grid of pictures, each under its true caption; where another was said, that too, in red.

    Args:
        shown: at least one, each with a picture.
    """
    from matplotlib.figure import Figure

    widest = max(p.shape[1] / p.shape[0] for p, _, _ in shown if p is not None)
    columns = min(len(shown), max(1, round(6 / max(1.5, widest))))
    lines = -(-len(shown) // columns)
    width = 10 / columns
    figure = Figure(figsize=(10, lines * (width / max(1.5, widest) + 0.6)), layout="constrained")
    for place, (picture, true, said) in enumerate(shown):
        axes = figure.add_subplot(lines, columns, place + 1)
        if picture is not None:
            axes.imshow(picture.numpy(), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        axes.set_xticks([])
        axes.set_yticks([])
        wrong = true != said
        text = "\n".join(
            textwrap.fill(line, max(12, int(11 * width)))
            for line in (_printable(true), *([f"✗ {_printable(said)}"] if wrong else []))
        )
        axes.set_title(text, fontsize=9, color="firebrick" if wrong else "black", parse_math=False)
        for side in axes.spines.values():
            side.set(color="firebrick" if wrong else "#cccccc", linewidth=2 if wrong else 1)
    return figure


def caption_summary(shown: Sequence[Shown]) -> str:
    """One line an example: what is true, and whether that was said; no line where there is no example."""
    if not shown:
        return ""
    true = [textwrap.shorten(_printable(example.true), LINE_CHARACTERS) for example in shown]
    widest = max(map(len, true))
    said = [
        "right" if e.true == e.said else f"✗ {textwrap.shorten(_printable(e.said), LINE_CHARACTERS)}"
        for e in shown
    ]
    lines = [f"  {a:<{widest}}  {b}" for a, b in zip(true, said, strict=True)]
    return "\n".join(["captions of validation, and what the network said:", "", *lines, ""])


def _row(context: Any, row: int) -> Any:
    return tree_map(lambda leaf: leaf[row], context)


def _printable(text: str) -> str:
    """Text that no terminal obeys, of at least a character."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text) or "(nothing)"
