"""Recorded: sound files of known classes, listed by a subclass."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from datamodules.collecting import BadOnes, Batching, Classified, Collected, Examples, Findings, Partition
from datamodules.collecting.findings import check_skip
from datamodules.files import digest_of
from datamodules.live import Reader, Samples
from datamodules.sounds.frames import Frames, Framing
from datamodules.sounds.recordings import Recording
from datamodules.sounds.samples import Sounds, sound_metadata, sound_notes, usable_sounds
from datamodules.sounds.sound_file import Header
from elman.errors import BadInput

LEAST_WORDS = 2.5
"""Words that labels have on average which are taken for sentences."""


class Listing(NamedTuple):
    """What recordings there are.

    Args:
        root: folder that holds them.
        recordings: in a settled order.
        others: further files inside `root` that decide what is read.
        left: files that are not read, going by their names.
    """

    root: Path
    recordings: Sequence[Recording]
    others: Sequence[Path] = ()
    left: Sequence[Path] = ()


class Recorded(Collected):
    """Which class is a recording of? Frames of samples in, a class at the last frame.

    x (B, T, window): frame t holds samples [t * hop, t * hop + window). Only the frames of a batch are read.
    A subclass lists the recordings.

    Args:
        frames: how recordings become frames.
        skip_bad: leave out and count bad recordings instead of refusing the data.
        open_ended: read recordings whose header states no length, to their end.
        split: which recordings train, validate and test.
        batching: which recordings share a batch.
    """

    token_ids = False

    def __init__(
        self,
        *,
        frames: Frames,
        skip_bad: bool | float,
        split: Partition,
        batching: Batching,
        open_ended: bool = False,
    ) -> None:
        super().__init__(split=split, batching=batching, unit="frames")
        check_skip(skip_bad)
        self.frames, self.skip_bad, self.open_ended = frames, skip_bad, open_ended
        self._kept: tuple[list[Recording], list[Header], Framing] | None = None

    @abstractmethod
    def listing(self, bad: BadOnes) -> Listing:
        """All recordings, none of them opened yet.

        Raises:
            BadInput: if there is none.
        """

    def find(self) -> Findings:
        bad = BadOnes(skip=self.skip_bad)
        root, listed, others, left = self.listing(bad)
        headers, rate = usable_sounds(
            root,
            [recording.file for recording in listed],
            bad,
            rate=self.frames.sample_rate_hz or self.saved.get("sample_rate_hz"),
            check=self.frames.check,
            open_ended=self.open_ended,
            mixed_by="data.frames.channel" if self.frames.channel == "mix" else None,
            refuse=lambda file, header, rate: self.frames.at(rate).refuse(file, header),
        )
        framing, kept = self.frames.at(rate), [listed[number] for number in headers]
        self._kept = kept, list(headers.values()), framing
        classes = class_names(root, kept)
        digest, of_content = digest_of([*others, *(recording.file for recording in kept)], root)
        return Findings(
            source=root.name or str(root),
            digest=digest,
            names=[recording.name for recording in kept],
            lengths=np.array([framing.frames(header) for header in headers.values()], dtype=np.int64),
            classes=classes,
            labels=np.array([classes.index(recording.label) for recording in kept]),
            fields=fields_of(kept),
            given=None if all(r.part is None for r in kept) else [recording.part for recording in kept],
            skipped=bad.skipped,
            metadata={
                **sound_metadata(self._kept[1], rate),
                "not_read": len(left),
                "digest_of": None if of_content else "names and sizes",
            },
            notes=sound_notes(self._kept[1], left),
        )

    def examples(self, found: Findings, train: np.ndarray) -> Examples:
        assert self._kept is not None
        assert found.labels is not None
        recordings, headers, framing = self._kept
        self.input_size, self.output_size = framing.window, len(self.classes)
        self.sample_rate_hz = framing.sample_rate_hz
        sounds = Sounds([recording.file for recording in recordings], headers, framing)
        shares = np.zeros(len(recordings))
        shares[train] = self.frames.scored_share
        scored = np.maximum(1, np.ceil(shares * sounds.lengths)).astype(np.int64)
        numbers = range(len(recordings))
        return Classified(sounds, numbers, sounds.lengths, found.labels, sounds.lengths - scored)

    def reader(self, *, input_size: int, token_ids: bool) -> Reader:
        framing = self.frames.at(self.sample_rate_hz or self.saved["sample_rate_hz"])
        return Samples(
            sample_rate_hz=framing.sample_rate_hz, frame=framing.window, hop=framing.hop, outputs=self.classes
        )

    def remembered(self) -> dict[str, Any]:
        return {"sample_rate_hz": self.sample_rate_hz}


def class_names(root: Path, recordings: Sequence[Recording]) -> list[str]:
    """The classes in alphabetical order.

    Raises:
        BadInput: if there is only one, or one that only one recording has: it cannot be trained and tested.
    """
    counts = Counter(recording.label for recording in recordings)
    if len(counts) < 2:
        (only,) = counts
        raise BadInput(f"{root}: holds one class only ({only}); telling classes apart takes two or more")
    rare = sorted(label for label, count in counts.items() if count == 1)
    if len(rare) > len(recordings) / 2:
        words = sum(len(label.split()) for label in rare) / len(rare)
        what = "sentences" if words >= LEAST_WORDS else "names or numbers"
        usable = [
            name for name, values in fields_of(recordings).items() if 1 < len({*values}) <= len(values) / 2
        ]
        way = f"set data.label_column to a column of classes ({', '.join(usable[:8])})" if usable else ""
        raise BadInput(
            f"{root}: {len(rare)} of {len(recordings)} recordings have a label of their own, such as "
            f"{rare[0][:40]!r}; {what} are no classes: {way or 'label them otherwise'}"
        )
    if rare:
        raise BadInput(
            f"{root}: class {rare[0]} has one recording only, which cannot both train and test"
            f"{f' (and so have {len(rare) - 1} more classes)' if len(rare) > 1 else ''}; "
            "add recordings, or take the class out"
        )
    return sorted(counts)


def fields_of(recordings: Sequence[Recording]) -> dict[str, list[str]]:
    """What is known of all recordings, by name of the field."""
    names = [name for name in recordings[0].fields if all(name in r.fields for r in recordings)]
    return {
        "label": [recording.label for recording in recordings],
        **{name: [recording.fields[name] for recording in recordings] for name in names},
    }
