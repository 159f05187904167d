"""Predictions on data from a pipe, while it comes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from math import isnan, log
from typing import Any

import torch
from torch import Tensor

from datamodules.live import NEVER, Chunk, Reader
from elman.errors import BadInput
from elman.tasks import SequenceTask
from elman.tree import Carry

PIECE_BYTES = 1 << 16
WINDOW = 256  # steps run at once where many have come; longer ones hold more memory and are no faster

Record = dict[str, Any]


def pieces(descriptor: int) -> Iterator[bytes]:
    """The bytes of a pipe, as soon as there are any."""
    while piece := os.read(descriptor, PIECE_BYTES):
        yield piece


class Stream:
    """Predictions step by step, the carry handed on; memory does not depend on the number of steps.

    However the bytes are cut, each step is predicted once and from the same past. The lines of a piece are
    given as soon as its steps are run.

    Args:
        task: a trained network on the CPU.
        reader: how its kind of data comes.
        reset_on: what ends a sequence, one of `reader.resets`.

    Raises:
        BadInput: if the network cannot go on from an earlier step, or begins from a context.
    """

    def __init__(self, task: SequenceTask, reader: Reader, *, reset_on: str) -> None:
        network = task.network
        if not network.core.streams:
            raise BadInput(
                f"{type(network.core).__name__} reads later steps before its first output, so it cannot "
                "predict a stream; train a core that reads forwards, such as LSTM, or leave --stream out"
            )
        if network.context_size is not None:
            raise BadInput(
                "this network's sequences begin from a context, which no pipe can give; leave --stream out"
            )
        if reset_on not in reader.resets:
            raise BadInput(
                f"--reset-on must be {' or '.join(reader.resets)} for {reader.unit}, got {reset_on!r}"
            )
        self.network, self.loss, self.reader, self.reset_on = network, task.loss, reader, reset_on
        self._begin(0)

    def records(self, pieces: Iterable[bytes]) -> Iterator[tuple[list[Record], bool]]:
        """The records of steps that were run together, and whether their sequence ends with them.

        A record: sequence (where something ends one), step, what was read, then

        - where the next token is predicted: surprise_bits, -log2 of the probability that the step before
          gave this one (None at the first), and the likeliest next token with its probability;
        - for classes: the likeliest and the probability of each;
        - for values: each, in the data's own units.
        """
        for chunk in self.reader.chunks(pieces, reset_on=self.reset_on):
            count = len(chunk.x)
            for start in range(0, max(1, count), WINDOW):
                window = range(start, min(start + WINDOW, count))
                ends = chunk.is_last and start + WINDOW >= count
                yield self._window(chunk, window), ends
            if chunk.is_last:
                self._begin(self.sequence + 1 if self.step else self.sequence)

    def _begin(self, sequence: int) -> None:
        self.sequence, self.step = sequence, 0
        with torch.inference_mode():
            self.carry: Carry = self.network.first_carry(1)
        self.expected: Tensor | None = None  # (O,) log probabilities of the next token

    def _window(self, chunk: Chunk, window: range) -> list[Record]:
        if not window:
            return []
        x = chunk.x[window.start : window.stop]
        with torch.inference_mode():
            read = x if self.network.token_ids else x.to(self.network.readout.weight.dtype)
            out, self.carry = self.network.predict(read[None], self.carry)
            predicted = self._predicted(out[0], x)
        records = []
        for place, each in zip(window, predicted, strict=True):
            record: Record = {} if self.reset_on == NEVER else {"sequence": self.sequence}
            record["step"] = self.step
            record.update({name: values[place] for name, values in chunk.columns.items()})
            records.append(record | each)
            self.step += 1
        return records

    def _predicted(self, out: Tensor, x: Tensor) -> list[Record]:
        """Outputs (T, O) by name."""
        prediction = self.loss.prediction(out)
        if prediction.dim() == out.dim():
            return self._values(prediction.double())
        chances = out.double().log_softmax(-1)  # (T, O)
        best = [self._name(number) for number in prediction.tolist()]
        if not self.reader.predicts_next:
            names = [self._name(number) for number in range(out.shape[-1])]
            return [
                {"prediction": name, **{f"p({n})": p for n, p in zip(names, row, strict=True)}}
                for name, row in zip(best, chances.exp().tolist(), strict=True)
            ]
        begin = torch.full_like(chances[:1], torch.nan) if self.expected is None else self.expected[None]
        before = torch.cat([begin, chances[:-1]])
        surprise = (-before.gather(1, x[:, None])[:, 0] / log(2)).tolist()
        likely = chances.gather(1, prediction[:, None])[:, 0].exp().tolist()
        self.expected = chances[-1]
        return [
            {"surprise_bits": None if isnan(bits) else bits, "prediction": name, "probability": p}
            for bits, name, p in zip(surprise, best, likely, strict=True)
        ]

    def _values(self, values: Tensor) -> list[Record]:
        if self.reader.scale is not None and self.reader.shift is not None:
            values = values * self.reader.scale.double() + self.reader.shift.double()
        width = values.shape[-1]
        names = self.reader.outputs
        if len(names) != width:
            names = ["prediction"] if width == 1 else [f"prediction_{number}" for number in range(width)]
        return [dict(zip(names, row, strict=True)) for row in values.tolist()]

    def _name(self, number: int) -> str | int:
        return self.reader.outputs[number] if self.reader.outputs else number


def say_what_is_read(reader: Reader) -> None:
    """Tell someone who types what is read, and how to end."""
    if sys.stdin.isatty():
        print(f"reading {reader.unit}, from the keyboard; Ctrl-D ends it", file=sys.stderr)
