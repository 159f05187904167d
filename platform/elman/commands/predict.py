"""`elman predict`: what a trained network says, of its data or of what comes out of a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

from elman.commands.options import choice, flag, option
from elman.errors import BadInput
from elman.predict.lines import FORMATS, Lines, opened
from elman.run.trained import trained_recipe

PARTS = ("test", "val", "train")


def predict(words: Sequence[str]) -> int:
    """`elman predict RUN|CHECKPOINT [--part=PART] [--scored] [--format=FORMAT] [--output=FILE]`, or

    `elman predict RUN|CHECKPOINT --stream [--reset-on=WHAT] [--last] [--format=FORMAT] [--output=FILE]`.
    """
    streams, words = flag(words, "--stream")
    form, words = choice(words, "--format", FORMATS)
    output, words = option(words, "--output", "-")
    if streams:
        _predict_stream(words, output=output, form=form)
    else:
        _predict_part(words, output=output, form=form)
    if output != "-":
        print(f"wrote {output}")
    return 0


def _predict_part(words: Sequence[str], *, output: str, form: str) -> None:
    from elman.captions.captioning import has_captions
    from elman.run.trained import trained
    from elman.run.trainer import prepare_process

    part, words = choice(words, "--part", PARTS)
    scored_only, words = flag(words, "--scored")
    checkpoint, recipe, parts = trained_recipe("predict", words)
    prepare_process(parts.trainer)
    data = parts.data
    data.prepare_data()
    data.setup("predict")
    task = trained(checkpoint, recipe, data)
    loader = getattr(data, f"{part}_dataloader")()
    with opened(output) as file:
        lines = Lines(file, form=form)
        batches = 1 if part == "train" else len(loader)
        if has_captions(data):
            width = parts.model.beam_width
            records = _caption_records(task, loader, batches=batches, data=data, beam_width=width)
        else:
            records = _records(task, loader, batches=batches, data=data)
        for record in records:
            if record["scored"] or not scored_only:
                lines.write(record)


def _records(task: Any, loader: Any, *, batches: int, data: Any) -> Iterator[dict[str, Any]]:
    """A record for each row and step of a loader's first batches."""
    import torch

    shown = _shown(data)
    begins: dict[int, int] = {}  # each row's step at the beginning of the batch
    task.on_predict_epoch_start()
    for index in range(batches):
        with torch.no_grad():
            batch, said = task.predict_step(loader.batch(index), index)
        names = None if loader.names is None else loader.names(index)
        for row in range(len(batch.x)):
            begin = 0 if bool(batch.is_first[row]) else begins.get(row, 0)
            count = int(batch.lengths[row])
            begins[row] = begin + count
            for step in range(count):
                scored = bool(batch.scored[row, step])
                yield {
                    **({"row": row} if names is None else {"name": names[row]}),
                    "step": begin + step,
                    "scored": int(scored),
                    "target": shown(batch.y[row, step]) if scored and batch.y is not None else None,
                    "prediction": shown(said[row, step]),
                }


def _caption_records(
    task: Any, loader: Any, *, batches: int, data: Any, beam_width: int
) -> Iterator[dict[str, Any]]:
    """A record for each caption that begins in a loader's first batches, decoded."""
    from elman.captions.captioning import captions_of, true_captions

    for index in range(batches):
        batch = loader.batch(index)
        names = None if loader.names is None else loader.names(index)
        true, greedy = true_captions(data, batch), captions_of(task, data, batch)
        beam = captions_of(task, data, batch, width=beam_width)
        for row in range(len(batch.x)):
            if bool(batch.is_first[row]) and int(batch.lengths[row]):
                yield {
                    **({"row": row} if names is None else {"name": names[row]}),
                    "scored": int(true[row] is not None),
                    "target": true[row],
                    "prediction": greedy[row],
                    "beam": beam[row],
                }


def _shown(data: Any) -> Callable[[Any], Any]:
    """A class or values of one step, in words: names, text, or numbers in the data's own units."""
    symbols, names = getattr(data, "alphabet", None), getattr(data, "classes", ())
    scale, shift = data.target_scale, data.target_shift

    def show(value: Any) -> Any:
        if value.dim():
            if scale is not None and shift is not None:
                value = value.cpu().double() * scale.double() + shift.double()
            return " ".join(f"{number:.6g}" for number in value.tolist())
        if symbols is not None:
            return symbols.decode(value.reshape(1).cpu())
        return names[int(value)] if names else int(value)

    return show


def _predict_stream(words: Sequence[str], *, output: str, form: str) -> None:
    from elman.predict.stream import Stream, pieces, say_what_is_read
    from elman.run.trained import trained
    from elman.run.trainer import prepare_process

    for name in ("--part", "--scored"):
        if any(word.split("=")[0] == name for word in words):
            raise BadInput(
                f"{name} chooses from the recipe's data, which --stream does not read; leave it out"
            )
    last_only, words = flag(words, "--last")
    reset_on, words = option(words, "--reset-on", "")
    checkpoint, recipe, parts = trained_recipe("predict", words)
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
            said = records if not last_only else last if ends else []
            for record in said:
                lines.write(record)
            last = [] if ends else last
            file.flush()
        for record in last if last_only else []:
            lines.write(record)
