"""Text: the next character of any amount of UTF-8 text."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from datamodules.alphabet import LARGEST, Alphabet
from datamodules.batches import Batches
from datamodules.corpus import find
from datamodules.lanes import Lanes
from datamodules.sequence_data import Part, SequenceData, check_counts, own_rows
from datamodules.splits import check_split
from datamodules.text_ids import TextIds, prepare
from elman.errors import BadInput

PARTS: tuple[Part, ...] = ("train", "val", "test")


class Text(SequenceData):
    """Characters as ids; the target of each step is the character that follows it.

    The text is one file or a folder of files, read as it is: no character is changed, line ends
    included. One file is cut into contiguous parts, training first: int(characters * share) of them.
    A folder is divided by whole files, chosen by content and seed, and the files of a part follow each
    other in the order of their names; files with the same content are on the same side.

    Row b of a batch continues row b of the batch before (`Lanes`). A pass is all of the training part,
    and every pass is the same. Its size costs no memory: ids are kept on disk, under the user's cache
    folder, and read as they are needed.

    The alphabet is made from the training part alone; any other character is id 0, which is scored like
    the rest. A checkpoint holds the alphabet and refuses to go on with another.

    Args:
        path: a file or a folder of UTF-8 text. None: Python's own standard library, tests left out.
        suffixes: which files of a folder are text.
        lanes: rows of the training batch, over all processes.
        steps: steps of a batch, in training and after.
        val_lanes: rows for validation and test. One: the text is read from its first character to its last.
        split: shares [train, val, test]; only test may be 0.
        max_symbols: most characters the alphabet lists; the rarest beyond it are unknown.
        seed: which files of a folder go where.
        cache: folder for the ids. None: `$XDG_CACHE_HOME/elman`, or `~/.cache/elman`.
    """

    symbols = True

    def __init__(
        self,
        *,
        path: str | None = None,
        suffixes: Sequence[str] = (".txt",),
        lanes: int = 32,
        steps: int = 1000,
        val_lanes: int = 1,
        split: tuple[float, float, float] = (0.9, 0.05, 0.05),
        max_symbols: int = 255,
        seed: int = 0,
        cache: str | None = None,
    ) -> None:
        super().__init__()
        check_counts(1, lanes=lanes, steps=steps, val_lanes=val_lanes, max_symbols=max_symbols)
        check_counts(0, seed=seed)
        if max_symbols > LARGEST:
            raise ValueError(f"max_symbols must be at most {LARGEST}, got {max_symbols}")
        if path is not None and not path.strip():
            raise ValueError(
                "path must name a file or a folder, got ''; leave it out for Python's own library"
            )
        if isinstance(suffixes, str) or not suffixes or not all(suffixes):
            raise ValueError(f"suffixes must be a list such as ['.txt', '.md'], got {suffixes!r}")
        self.path = path
        self.suffixes = tuple(suffixes)
        self.lanes = lanes
        self.steps = steps
        self.val_lanes = val_lanes
        self.split = check_split(split)
        self.max_symbols = max_symbols
        self.seed = seed
        self.cache = cache
        self.ids: TextIds | None = None
        self.trained_with: Alphabet | None = None  # from a checkpoint read before setup
        self.trained_on: str | None = None

    def prepare_data(self) -> None:
        """Encode the text into the cache, unless it is there."""
        self._prepare()

    def setup(self, stage: str | None = None) -> None:
        """Open the ids and say what a model must know: `alphabet`, `inputs`, `outputs`."""
        if self.ids is not None:
            return
        ids, facts = self._prepare()
        self._check_sizes(ids, self.path or facts["source"])
        self._check_alphabet(ids.alphabet)
        if stage == "fit" and self.trained_on not in (None, ids.digest):
            raise BadInput(
                f"{self.path or facts['source']}: the text is not the one the run began with (digest "
                f"{ids.digest[:12]}, then {str(self.trained_on)[:12]}); put that back, or start anew"
            )
        self.alphabet = ids.alphabet
        self.inputs = self.outputs = len(ids.alphabet)
        self.steps_per_pass = len(ids.parts[0]) - 1
        self._facts = facts
        self.ids = ids

    def loader(self, part: Part) -> Batches:
        ids = self._opened().parts[PARTS.index(part)]
        if part == "train":
            rows = own_rows(self.lanes, self.process(), argument="data.lanes")
            return Batches(Lanes(ids, lanes=self.lanes, steps=self.steps, rows=rows).batch)
        if not len(ids):
            raise BadInput(
                f"there is no test part: data.split={list(self.split)}; give its third share some text"
            )
        rank, world = self.process()
        rows = range(rank, self.val_lanes, world)  # with fewer lanes than processes, some have none
        lanes = Lanes(ids, lanes=self.val_lanes, steps=self.steps, rows=rows)
        return Batches(lanes.batch, length=lanes.batches)

    def description(self) -> dict[str, Any]:
        ids = self._opened()
        sizes = {part: len(stream) for part, stream in zip(PARTS, ids.parts, strict=True)}
        return {
            "name": "text",
            "source": self._facts["source"],
            "digest": ids.digest[:32],
            "facts": {
                "characters": sum(sizes.values()),
                "symbols": len(ids.alphabet),
                **{fact: value for fact, value in self._facts.items() if fact != "source"},
                **sizes,
                "unknown": sum(ids.unknown),
                "lanes": self.lanes,
                "steps": self.steps,
            },
        }

    def state_dict(self) -> dict[str, Any]:
        return (
            {} if self.ids is None else {"alphabet": self.ids.alphabet.characters, "digest": self.ids.digest}
        )

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        characters = state_dict.get("alphabet")
        if not isinstance(characters, str):
            raise BadInput(
                "the checkpoint holds no alphabet, so it was not trained on text; give one that was"
            )
        self.trained_with = Alphabet(characters)
        self.trained_on = state_dict.get("digest")
        if self.ids is not None:
            self._check_alphabet(self.ids.alphabet)

    def _prepare(self) -> tuple[TextIds, dict[str, Any]]:
        corpus = find(self.path, self.suffixes)
        base = self.cache or os.path.join(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "elman")
        ids = prepare(
            corpus,
            split=self.split,
            seed=self.seed,
            max_symbols=self.max_symbols,
            cache=Path(base).expanduser(),
        )
        return ids, {"source": corpus.source, "files": len(corpus.files), "skipped": corpus.skipped}

    def _opened(self) -> TextIds:
        if self.ids is None:
            raise RuntimeError("call setup() first")
        return self.ids

    def _check_sizes(self, ids: TextIds, name: str) -> None:
        needed = (self.lanes * self.steps + 1, self.val_lanes + 1, self.val_lanes + 1 if self.split[2] else 0)
        remedies = (
            "lower data.lanes or data.steps",
            "raise the second share of data.split or lower data.val_lanes",
            "raise the third share of data.split or lower data.val_lanes",
        )
        for part, stream, least, remedy in zip(PARTS, ids.parts, needed, remedies, strict=True):
            if len(stream) < least:
                rule = (
                    f"{self.lanes} lanes of {self.steps} steps"
                    if part == "train"
                    else f"{self.val_lanes} lanes"
                )
                raise BadInput(
                    f"{name}: too short: its {part} part has {len(stream):,} of "
                    f"{sum(map(len, ids.parts)):,} characters, and {rule} need {least:,}; "
                    f"{remedy}, or give more text"
                )

    def _check_alphabet(self, found: Alphabet) -> None:
        if self.trained_with is not None and self.trained_with != found:
            raise BadInput(
                f"the checkpoint was trained with another alphabet ({len(self.trained_with)} symbols, "
                f"{self.trained_with.digest}) than this text has ({len(found)} symbols, {found.digest}); "
                "give data.path, data.split and data.max_symbols as they were, or start anew"
            )
