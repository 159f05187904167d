"""Recorded: sound files of known classes, found in whatever way."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from datamodules.collecting.batching import Batching
from datamodules.collecting.collected import Collected
from datamodules.collecting.examples import Examples
from datamodules.collecting.findings import BadOnes, Findings
from datamodules.collecting.partition import Partition
from datamodules.files import digest_of
from datamodules.live import Reader, Samples
from datamodules.sounds.frames import Frames, Framing
from datamodules.sounds.recordings import Recording
from datamodules.sounds.samples import Sounds, common_rate, headers_of, small, sound_facts
from datamodules.sounds.sound_file import Header
from elman.errors import BadInput

Check = Literal["auto", "headers", "bodies"]


class Listing(NamedTuple):
    """What recordings there are.

    Args:
        root: folder that holds them.
        recordings: in a settled order.
        others: further files inside `root` that decide what is read.
    """

    root: Path
    recordings: Sequence[Recording]
    others: Sequence[Path] = ()


class Recorded(Collected):
    """Which class is a recording of? Frames of samples in, a class at the last frame.

    x (B, T, window): frame t holds samples [t * hop, t * hop + window). Only the frames of a batch are read.
    A subclass lists the recordings.

    What is checked when: headers, and that wav and Ogg files are as long as they say, before training.
    Whether a FLAC or MP3 file was cut short, and whether floating point samples are finite, only decoding
    tells: see `check`. A recording that turns out bad while training stops the run with its name.

    Args:
        frames: how recordings become frames.
        scored_share: share of a training recording's frames, the last ones, at which the class is asked for,
            so that it is known before the recording ends, wherever that is cut; 0: at the last frame alone,
            as always in validation and test.
        check: headers, or bodies (decode before training whatever a header is no proof of); auto decodes
            where all files have at most 256 MiB, or where `skip_bad` must know.
        skip_bad: leave out and count bad recordings instead of refusing the data.
        split: which recordings train, validate and test.
        batching: which recordings share a batch.
    """

    token_ids = False

    def __init__(
        self,
        *,
        frames: Frames,
        scored_share: float,
        check: Check,
        skip_bad: bool,
        split: Partition,
        batching: Batching,
    ) -> None:
        super().__init__(split=split, batching=batching, unit="frames")
        if check not in ("auto", "headers", "bodies"):
            raise ValueError(f"check must be auto, headers or bodies, got {check!r}")
        if not 0 <= scored_share <= 1:
            raise ValueError(f"scored_share must lie in [0, 1], got scored_share={scored_share}")
        self.frames, self.scored_share, self.check, self.skip_bad = frames, scored_share, check, skip_bad
        self._kept: tuple[list[Recording], list[Header], Framing] | None = None

    @abstractmethod
    def listing(self, bad: BadOnes) -> Listing:
        """All recordings, none of them opened yet.

        Raises:
            BadInput: if there is none.
        """

    def find(self) -> Findings:
        bad = BadOnes(skip=self.skip_bad)
        root, seen, others = self.listing(bad)
        files = [recording.file for recording in seen]
        bodies = self.check == "bodies" or (self.check == "auto" and (self.skip_bad or small(files)))
        headers = headers_of(files, bad, bodies=bodies)
        refuse_none(root, headers, len(seen))
        framing = self.frames.at(
            self.frames.sample_rate_hz
            or self.saved.get("sample_rate_hz")
            or common_rate(root, headers.values())
        )
        for number in list(headers):
            with bad.checking(str(files[number])):
                header = headers.pop(number)
                framing.refuse(files[number], header)
                headers[number] = header
        refuse_none(root, headers, len(seen))
        kept = [seen[number] for number in headers]
        self._kept = kept, list(headers.values()), framing
        classes = class_names(root, [recording.label for recording in kept])
        digest, of_content = digest_of([*others, *(recording.file for recording in kept)], root)
        metadata = sound_facts(self._kept[1], framing.sample_rate_hz)
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
            metadata=metadata if of_content else {**metadata, "digest_of": "names and sizes"},
        )

    def examples(self, found: Findings, train: np.ndarray) -> Examples:
        assert self._kept is not None
        assert found.labels is not None
        recordings, headers, framing = self._kept
        self.input_size, self.output_size = framing.window, len(self.classes)
        self.sample_rate_hz = framing.sample_rate_hz
        shares = np.zeros(len(recordings))
        shares[train] = self.scored_share
        files = [recording.file for recording in recordings]
        return Sounds(files, headers, found.labels, framing, shares)

    def reader(self, *, input_size: int, token_ids: bool) -> Reader:
        framing = self.frames.at(self.sample_rate_hz or self.saved["sample_rate_hz"])
        return Samples(
            sample_rate_hz=framing.sample_rate_hz, frame=framing.window, hop=framing.hop, outputs=self.classes
        )

    def remembered(self) -> dict[str, Any]:
        return {"sample_rate_hz": self.sample_rate_hz}


def refuse_none(root: Path, headers: dict[int, Header], seen: int) -> None:
    """Raise BadInput if nothing is left."""
    if not headers:
        raise BadInput(
            f"{root}: none of {seen} recordings can be used; leave data.skip_bad out to see what is wrong"
        )


def class_names(root: Path, labels: Sequence[str]) -> list[str]:
    """The classes in alphabetical order.

    Raises:
        BadInput: if there is only one, or one that only one recording has: it cannot be trained and tested.
    """
    counts = Counter(labels)
    if len(counts) < 2:
        raise BadInput(f"{root}: holds one class only ({labels[0]}); telling classes apart takes two or more")
    if rare := sorted(label for label, count in counts.items() if count == 1):
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
