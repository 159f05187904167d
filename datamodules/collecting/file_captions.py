"""Captions of pictures or videos in files, which a table names."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from datamodules.collecting.batching import Batching
from datamodules.collecting.captions import BOS, EOS, Captioned, Unit, check_unit, contexts, learned, steps_of
from datamodules.collecting.collected import Collected
from datamodules.collecting.examples import Examples
from datamodules.collecting.findings import BadOnes, Findings, check_skip
from datamodules.collecting.found_files import Medium, other_columns
from datamodules.collecting.manifest import read_manifest
from datamodules.collecting.partition import Partition
from datamodules.files import digest_of, relative_name
from datamodules.texts.tokens import tokens_state
from elman.errors import BadInput


class FileCaptions(Collected):
    """Describe what a file holds: x is BOS and the caption, y the caption and EOS, all steps scored.

    The context is what `medium` makes of the file. Words or characters that training does not have are one
    unknown token id. A subclass gives the medium, and a context as a picture.

    Args:
        path: a CSV or TSV table with the columns path and caption, perhaps part and others. A path may come
            several times; all its captions are in one part, unless `split` keeps other things together.
        medium: how files are read.
        unit: a step of a caption is one of its words or characters.
        skip_bad: leave out and count what cannot be used.
        split: which files train, validate and test.
        batching: which captions share a batch.
        folder: that paths are relative to, inside the table's own; None: its own.
    """

    token_ids = True

    def __init__(
        self,
        *,
        path: str,
        medium: Medium,
        unit: Unit,
        skip_bad: bool | float,
        split: Partition,
        batching: Batching,
        folder: str | None = None,
    ) -> None:
        check_unit(unit)
        super().__init__(split=split if split.by else replace(split, by="path"), batching=batching, unit=unit)
        check_skip(skip_bad)
        self.path, self.medium, self.caption_unit, self.skip_bad = path, medium, unit, skip_bad
        self.folder = folder
        self.context_size = medium.size.features

    def find(self) -> Findings:
        table, bad = Path(self.path).expanduser(), BadOnes(skip=self.skip_bad)
        rows = read_manifest(
            table,
            needs=("caption",),
            bad=bad,
            usable=self.medium.open,
            folder=self.folder,
            repeats=True,
        )
        captions = [" ".join(caption.split()) for caption in rows.columns["caption"]]
        places = [relative_name(file, rows.root) for file in rows.paths]
        often, seen = Counter(places), Counter[str]()
        names = []
        for place, caption in zip(places, captions, strict=True):
            if BOS in caption or EOS in caption:
                raise BadInput(f"{table}: the caption of {place} holds a control character; take it out")
            seen[place] += 1
            names.append(place if often[place] == 1 else f"{place}, caption {seen[place]}")
        read = [*self.medium.files_of([*dict.fromkeys(rows.paths)]), table.resolve()]
        digest, of_content = digest_of(read, rows.root)
        return Findings(
            source=table.name,
            digest=digest,
            names=names,
            lengths=steps_of(captions, self.caption_unit),
            fields={**other_columns(rows.columns, "caption"), "path": places, "caption": captions},
            given=rows.given,
            skipped=bad.skipped,
            files=rows.paths,
            notes=self.medium.notes(),
            metadata={
                **self.medium.metadata(),
                "unit": self.caption_unit,
                "digest_of": None if of_content else "names and sizes",
            },
        )

    def examples(self, found: Findings, train: np.ndarray) -> Examples:
        captions = found.fields["caption"]
        self.alphabet, self.captions = learned(captions, train, unit=self.caption_unit, saved=self.saved)
        self.input_size = self.output_size = len(self.alphabet)
        read = partial(contexts, self.medium.context, found.files)
        return Captioned(captions, self.alphabet, self.captions, context=read)

    def remembered(self) -> dict[str, Any]:
        return {**tokens_state(self.alphabet), "captions": tuple(self.captions)}

    @abstractmethod
    def picture(self, context: Any) -> Tensor:
        """(height, width) or (height, width, 3), the picture of the context of one row."""
