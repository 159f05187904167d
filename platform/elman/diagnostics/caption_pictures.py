"""What a network writes about some examples, beside what is true: as pictures, and as text."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from elman.batch import SequenceBatch
from elman.captions.captioning import captions_of, has_captions, true_captions
from elman.diagnostics.diagnostic import Diagnostic
from elman.tree import rows, tree_map

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LINE_CHARACTERS = 60


class Shown(NamedTuple):
    """An example and the caption that was decoded for it.

    Args:
        picture: (H, W) or (H, W, 3) in [0, 1], 1 is white; None: there is none.
        true, decoded: captions.
    """

    picture: Tensor | None
    true: str
    decoded: str


class CaptionPictures(Diagnostic):
    """After every validation, the captions of some of its examples as a picture.

    They are the same ones every time, spread over the validation part. Data of pictures offers `picture`: the
    context of one row, without an axis of rows, to (H, W) or (H, W, 3) in [0, 1], 1 is white. Without that
    there is only the text that the run prints at its end.

    Args:
        count: most examples.
    """

    name = "captions"

    def __init__(self, *, count: int = 12) -> None:
        if count < 1:
            raise ValueError(f"count must be at least 1, got count={count}")
        self.count = count
        self.examples: list[tuple[SequenceBatch, list[str]]] | None = None

    def missing(self, task: Any, data: Any) -> str:
        return "" if has_captions(data) else "captions"

    def draw(self, task: Any, data: Any) -> Figure | None:
        if self.examples is None:
            self.examples = chosen_examples(data, data.val_dataloader(), count=self.count)
        shown = shown_examples(task, data, self.examples)
        self.closing = caption_summary(shown)
        pictured = [example for example in shown if example.picture is not None]
        return caption_figure(pictured) if pictured else None


def chosen_examples(data: Any, loader: Any, *, count: int) -> list[tuple[SequenceBatch, list[str]]]:
    """Rows that hold a whole caption, at most `count`, spread over batches and rows; with their captions.

    Args:
        loader: has a length, and `batch`, a function of the batch's number.
    """
    batches = min(len(loader), count)
    found = []
    for number in range(batches):
        batch = loader.batch(number * len(loader) // batches)
        captions = true_captions(data, batch)
        whole = [row for row, text in enumerate(captions) if text is not None]
        wanted = (number + 1) * count // batches - number * count // batches
        few = min(wanted, len(whole))
        taken = [whole[place * len(whole) // few] for place in range(few)]
        if taken:
            true = [str(captions[row]) for row in taken]
            found.append((rows(batch, torch.tensor(taken)), true))
    return found


def shown_examples(task: Any, data: Any, examples: Sequence[tuple[SequenceBatch, list[str]]]) -> list[Shown]:
    """The examples with what the network writes about them now, decoded greedily."""
    paint: Callable[[Any], Tensor] | None = getattr(data, "picture", None)
    found = []
    for batch, true in examples:
        for row, decoded in enumerate(captions_of(task.network, data, batch)):
            picture = None
            if paint is not None and batch.context is not None:
                picture = paint(_row(batch.context, row))
            found.append(Shown(picture, true[row], decoded))
    return found


def caption_figure(shown: Sequence[Shown]) -> Figure:
    """A grid of pictures, each under its true caption; where another was decoded, that too, in red.

    Args:
        shown: at least one, each with a picture.
    """
    from matplotlib.figure import Figure

    widest = max(p.shape[1] / p.shape[0] for p, _, _ in shown if p is not None)
    columns = min(len(shown), max(1, round(6 / max(1.5, widest))))
    lines = -(-len(shown) // columns)
    width = 10 / columns
    figure = Figure(figsize=(10, lines * (width / max(1.5, widest) + 0.6)), layout="constrained")
    for place, (picture, true, decoded) in enumerate(shown):
        axes = figure.add_subplot(lines, columns, place + 1)
        if picture is not None:
            axes.imshow(picture.numpy(), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        axes.set_xticks([])
        axes.set_yticks([])
        wrong = true != decoded
        text = "\n".join(
            textwrap.fill(line, max(12, int(11 * width)))
            for line in (_printable(true), *([f"✗ {_printable(decoded)}"] if wrong else []))
        )
        axes.set_title(text, fontsize=9, color="firebrick" if wrong else "black", parse_math=False)
        for side in axes.spines.values():
            side.set(color="firebrick" if wrong else "#cccccc", linewidth=2 if wrong else 1)
    return figure


def caption_summary(shown: Sequence[Shown]) -> str:
    """One line an example: the true caption, and whether it was decoded; nothing without examples."""
    if not shown:
        return ""
    true = [textwrap.shorten(_printable(example.true), LINE_CHARACTERS) for example in shown]
    widest = max(map(len, true))
    decoded = [
        "right" if e.true == e.decoded else f"✗ {textwrap.shorten(_printable(e.decoded), LINE_CHARACTERS)}"
        for e in shown
    ]
    lines = [f"  {a:<{widest}}  {b}" for a, b in zip(true, decoded, strict=True)]
    return "\n".join(["captions of validation, and what the network predicts:", "", *lines, ""])


def _row(context: Any, row: int) -> Any:
    return tree_map(lambda leaf: leaf[row], context)


def _printable(text: str) -> str:
    """Text without control characters, of at least a character."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text) or "(nothing)"
