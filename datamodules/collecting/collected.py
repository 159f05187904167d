"""Collected: a data module of many sequences that were found in files."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from datamodules.batches import Batches
from datamodules.collecting.batching import Batching, Planned
from datamodules.collecting.examples import Examples, UnknownTargets
from datamodules.collecting.findings import Findings
from datamodules.collecting.partition import PART_NAMES, Partition
from datamodules.sequence_data import Part, SequenceData
from elman.errors import BadInput


class Collected(SequenceData):
    """Sequences found in files, divided into parts and batched by their lengths.

    A subclass says what it finds (`find`) and how that becomes `Examples` (`examples`), and sets
    `input_size`, `output_size` and `token_ids` there. Its constructor passes `split` and `batching` on.

    Args:
        split: which examples train, validate and test.
        batching: which examples share a batch.
        unit: what a step is, in the plural.
    """

    def __init__(self, *, split: Partition, batching: Batching, unit: str) -> None:
        super().__init__()
        self.split, self.batching, self.unit = split, batching, unit
        self.found: Findings | None = None
        self.parts: list[np.ndarray] = []
        self.classes: list[str] = []
        self.saved: dict[str, Any] = {}  # from a checkpoint read before setup
        self._examples: Examples | None = None

    @abstractmethod
    def find(self) -> Findings:
        """Look at the data, at as little of it as shows what is there.

        Raises:
            BadInput: where nothing usable is there, or something is bad and the recipe does not skip it.
        """

    @abstractmethod
    def examples(self, found: Findings, train: np.ndarray) -> Examples:
        """All that was found, readable; sets `input_size`, `output_size` and what the kind must remember.

        Args:
            found: what `find` gave.
            train: numbers of the training examples; only from them may anything be learned (a vocabulary,
                a mean). `self.saved` holds what a checkpoint remembers of that, and then goes first.
        """

    def setup(self, stage: str | None = None) -> None:
        if self.found is not None:
            return
        found = self.find()
        self.classes = list(self.saved.get("classes", found.classes))
        if self.classes != list(found.classes):
            raise BadInput(
                f"{found.source}: its classes are {few(found.classes)}, but the checkpoint was trained on "
                f"{few(self.classes)}; give data with those, or start anew"
            )
        if stage == "fit" and self.saved.get("digest", found.digest) != found.digest:
            raise BadInput(
                f"{found.source}: the data is not what the run began with (digest {found.digest[:12]}, then "
                f"{str(self.saved['digest'])[:12]}); put that back, or start anew"
            )
        self.parts = self.split.assign(
            len(found.names),
            source=found.source,
            classes=None if found.labels is None else found.labels.tolist(),
            fields=found.fields,
            given=found.given,
        )
        self._examples = self.examples(found, self.parts[0])
        used = np.concatenate(self.parts)
        longest = used[np.argmax(self._examples.lengths[used])]
        self.batching.refuse_unpackable(
            longest=int(self._examples.lengths[longest]),
            name=found.names[longest],
            context_size=self.context_size,
        )
        self.steps_per_epoch = int(self._examples.lengths[self.parts[0]].sum())
        if found.labels is not None:
            counts = Counter(found.labels[self.parts[0]].tolist())
            self.class_counts = torch.tensor([counts[number] for number in range(len(self.classes))])
        self.found = found

    def loader(self, part: Part) -> Batches:
        found = self._found()
        assert self._examples is not None
        numbers = self.parts[PART_NAMES.index(part)]
        if not len(numbers):
            raise BadInput(f"{found.source}: there is no {part} part; give it a share in data.split.shares")
        rank, world = self.process()
        rows = self.batching.batch_size
        if part == "train" and rows < world:
            raise BadInput(
                f"data.batching.batch_size={rows} rows cannot feed {world} processes: each needs at least "
                f"one; set it to {world} or more, or use fewer trainer.devices"
            )
        lengths = self._examples.lengths[numbers]
        plan = self.batching.plan(lengths, train=part == "train")
        planned = Planned(self._examples, plan, chosen=numbers, process=(rank, world))
        return Batches(
            planned,
            length=None if part == "train" else plan.batches,
            workers=self.batching.workers,
            steps_per_batch=int(lengths.sum()) / plan.batches,
            unknown_share=self._unknown_shares().get(part, 0.0),
            names=lambda index: [[found.names[n] for n in row] for row in planned.numbers(index)],
        )

    def description(self) -> dict[str, Any]:
        found = self._found()
        sizes = {name: len(numbers) for name, numbers in zip(PART_NAMES, self.parts, strict=True)}
        metadata: dict[str, Any] = {
            **sizes,
            "classes": len(self.classes),
            "shortest": int(np.min(found.lengths)),
            "longest": int(np.max(found.lengths)),
            "skipped": len(found.skipped),
            **{f"{part}_unknown_share": share for part, share in self._unknown_shares().items()},
            **found.metadata,
        }
        return {
            "name": type(self).__name__.lower(),
            "source": found.source,
            "digest": found.digest[:32],
            "metadata": {name: value for name, value in metadata.items() if value not in (0, None)},
        }

    def summary(self) -> list[str]:
        lines = self._found().summary(self.parts, unit=self.unit)
        if unknown := self._unknown_shares():
            shares = ", ".join(f"{100 * share:.3g} % of {part}" for part, share in unknown.items())
            lines.append(f"unknown {self.unit}, all as one id that is scored like the others: {shares}")
        return lines

    def _unknown_shares(self) -> dict[str, float]:
        """Part -> share of its target ids that training did not have, where there are any."""
        if not isinstance(self._examples, UnknownTargets):
            return {}
        count = self._examples.unknown_share
        shares = {part: count(numbers) for part, numbers in zip(PART_NAMES, self.parts, strict=True)}
        return {part: share for part, share in shares.items() if share}

    def state_dict(self) -> dict[str, Any]:
        if self.found is None:
            return {}
        return {"classes": list(self.classes), "digest": self.found.digest, **self.remembered()}

    def remembered(self) -> dict[str, Any]:
        """What a checkpoint holds of this data for the network trained on it: plain values and tensors."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.saved = dict(state_dict)
        self.classes = list(self.saved.get("classes", self.classes))

    def _found(self) -> Findings:
        if self.found is None:
            raise RuntimeError("call setup() first")
        return self.found


def few(names: Sequence[str]) -> str:
    """At most eight of some names, and how many more there are."""
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
