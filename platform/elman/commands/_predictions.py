"""Records of what a trained network predicts, of its data or of a stream."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import torch

from elman.batch import SequenceBatch
from elman.captions.captioning import captions_of, has_captions, true_captions
from elman.commands import note
from elman.predict.lines import Lines, opened
from elman.predict.stream import Stream, pieces, say_what_is_read
from elman.run.trained import trained, trained_recipe
from elman.run.trainer import prepare_process
from elman.tree import tree_map

MOST_SHOWN = 100  # classes with a column each


def predict_part(
    words: Sequence[str], *, trust: str, part: str, all_steps: bool, output: str, form: str
) -> None:
    """Write a record for each scored step, or for each caption, of one part of the data.

    Args:
        words: RUN|CHECKPOINT and options of its recipe.
        trust: packages, separated by commas, whose classes its recipe may name.
        part: test, val or train.
        all_steps: also those that do not count in the loss; else they are counted in a note.
    """
    checkpoint, recipe, parts = trained_recipe("predict", words, trust=trust)
    prepare_process(parts.trainer)
    data = parts.data
    data.prepare_data()
    data.setup("predict")
    task = trained(checkpoint, recipe, data)
    loader = getattr(data, f"{part}_dataloader")()
    batches = 1 if part == "train" else len(loader)
    records: Iterator[dict[str, Any] | None]
    if has_captions(data):
        width = parts.model.beam_width
        records = _caption_records(task, loader, batches=batches, data=data, beam_width=width)
    else:
        records = _records(task, loader, batches=batches, data=data, all_steps=all_steps)
    left_out = 0
    with opened(output) as file:
        lines = Lines(file, form=form)
        for record in records:
            if record is None:
                left_out += 1
            else:
                lines.write(record)
    if left_out:
        note(f"{left_out:,} steps that do not count in the loss are left out; --all writes them")


def predict_stream(
    words: Sequence[str], *, trust: str, reset_on: str, last_only: bool, output: str, form: str
) -> None:
    """Write a record for each step that comes on standard input, as it comes.

    Args:
        words: RUN|CHECKPOINT and options of its recipe.
        trust: packages, separated by commas, whose classes its recipe may name.
        reset_on: what begins a new sequence; empty: as this kind of data has it.
        last_only: only of each sequence's last step.
    """
    checkpoint, recipe, parts = trained_recipe("predict", words, trust=trust, reads_data=False)
    prepare_process(parts.trainer)
    metadata = checkpoint["elman"]["metadata"]
    task = trained(checkpoint, recipe, SimpleNamespace(**metadata))
    reader = parts.data.reader(input_size=metadata["input_size"], token_ids=metadata["token_ids"])
    stream = Stream(task, reader, reset_on=reset_on or reader.resets[0])
    say_what_is_read(reader)
    with opened(output) as file:
        lines = Lines(file, form=form, escape=True)
        last: list[dict[str, Any]] = []  # the record of the sequence's last step so far
        for records, ends in stream.records(pieces(sys.stdin.fileno())):
            last = records[-1:] or last
            for record in records if not last_only else last if ends else []:
                lines.write(record)
            last = [] if ends else last
            file.flush()
        for record in last if last_only else []:
            lines.write(record)


def _records(
    task: Any, loader: Any, *, batches: int, data: Any, all_steps: bool
) -> Iterator[dict[str, Any] | None]:
    """A record for each row and step of a loader's first batches; None for one that is left out."""
    shown = _shown(data)
    places: dict[int, int] = {}  # each row's next step, counted from where its sequence begins
    task.on_predict_epoch_start()
    for index in range(batches):
        batch = _wide_as(task, loader.batch(index))
        with torch.no_grad():
            outputs = task.outputs(batch)
            predicted, chances = task.loss.prediction(outputs), _Chances(task, data, outputs)
        names = None if loader.names is None else loader.names(index)
        for row in range(len(batch.x)):
            place, number = places.get(row, 0) - 1, 0  # within the sequence; which of the row's sequences
            for step, begins in enumerate(batch.begins[row, : batch.lengths[row]].tolist()):
                place = 0 if begins else place + 1
                number += begins and step > 0
                places[row] = place + 1
                name = None if names is None else names[row][number]
                scored = bool(batch.scored[row, step])
                if not (scored or all_steps):
                    yield None
                    continue
                target = batch.y[row, step] if scored and batch.y is not None else None
                yield {
                    **({"row": row} if name is None else {"name": name}),
                    "step": place,
                    **({"scored": int(scored)} if all_steps else {}),
                    "target": None if target is None else shown(target, name),
                    "prediction": shown(predicted[row, step], name),
                    **chances.of(row, step, target=target),
                }


def _wide_as(task: Any, batch: SequenceBatch) -> SequenceBatch:
    """The batch with its values as wide as the weights, as a trainer of that precision would give it."""
    kind = next(task.parameters()).dtype
    x, context = tree_map(
        lambda leaf: leaf.to(kind) if leaf.is_floating_point() else leaf, (batch.x, batch.context)
    )
    return batch._replace(x=x, context=context)


class _Chances:
    """The probabilities of classes: of each where they are few, else of the likeliest and of the target.

    Args:
        outputs: (B, T, O) of the network.
    """

    def __init__(self, task: Any, data: Any, outputs: torch.Tensor) -> None:
        self.values: torch.Tensor | None = None
        if task.loss.prediction(outputs).dim() == outputs.dim():  # values, which have none
            return
        self.values = outputs.double().softmax(-1)
        tokens = getattr(data, "alphabet", None) is not None or outputs.shape[-1] > MOST_SHOWN
        names = getattr(data, "classes", None) or range(outputs.shape[-1])
        self.columns = [] if tokens else [f"p({name})" for name in names]

    def of(self, row: int, step: int, *, target: torch.Tensor | None) -> dict[str, float | None]:
        """Columns of one step; the target's is empty where there is none."""
        if self.values is None:
            return {}
        found = self.values[row, step]
        if self.columns:
            return dict(zip(self.columns, found.tolist(), strict=True))
        return {
            "probability": float(found.max()),
            "p(target)": None if target is None else float(found[int(target)]),
        }


def _caption_records(
    task: Any, loader: Any, *, batches: int, data: Any, beam_width: int
) -> Iterator[dict[str, Any]]:
    """A record for each caption that begins in a loader's first batches, decoded."""
    for index in range(batches):
        batch = _wide_as(task, loader.batch(index))
        names = None if loader.names is None else loader.names(index)
        true, greedy = true_captions(data, batch), captions_of(task.network, data, batch)
        beam = captions_of(task.network, data, batch, width=beam_width)
        for row in range(len(batch.x)):
            if bool(batch.is_first[row]) and int(batch.lengths[row]):
                yield {
                    **({"row": row} if names is None else {"name": names[row][0]}),
                    "scored": int(true[row] is not None),
                    "target": true[row],
                    "prediction": greedy[row],
                    "beam": beam[row],
                }


def _shown(data: Any) -> Callable[[Any, str | None], Any]:
    """A class or values of one step, in words: names, text, or numbers in the data's own units."""
    tokens, names = getattr(data, "alphabet", None), getattr(data, "classes", ())

    def show(value: Any, name: str | None) -> Any:
        if value.dim():
            if (units := data.target_units(name)) is not None:
                scale, shift = units
                value = value.cpu().double() * scale.double() + shift.double()
            return " ".join(f"{number:.6g}" for number in value.tolist())
        if tokens is not None:
            return tokens.decode(value.reshape(1).cpu())
        return names[int(value)] if names else int(value)

    return show
