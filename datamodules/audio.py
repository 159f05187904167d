"""Audio: recordings of the user's own."""

from __future__ import annotations

from pathlib import Path

from datamodules.collecting.batching import Batching
from datamodules.collecting.findings import BadOnes
from datamodules.collecting.partition import Partition
from datamodules.fetching import standard
from datamodules.sounds.frames import Frames
from datamodules.sounds.recorded import Check, Listing, Recorded
from datamodules.sounds.recordings import compiled, from_folders, from_manifest, from_names


class Audio(Recorded):
    """Which class is a recording of? wav, flac, ogg and mp3 of any rate, depth and number of channels.

    The class of a recording stands in one of three places:

    - the folder inside `path` that holds it, at whatever depth;
    - its name, where `pattern` says how names are made, such as `{label}_{speaker}_{index}`: each part is a
      field that `split` may go by. A pattern with a / in it is held against the path inside `path`;
    - a CSV file, given as `path`, with a row for each recording: where it lies relative to that file, its
      label, perhaps its part. All further columns are fields.

    Args:
        path: a folder, or a manifest whose name ends in .csv.
        pattern: how names hold the class; null: folders do.
        path_column, label_column: of a manifest, by name or by number from 0.
        part_column: of a manifest, with train, val or test in it; null: no part is given.
        frames: how recordings become frames.
        scored_share: share of a training recording's frames, the last ones, at which the class is asked for;
            0: at the last frame alone, as always in validation and test.
        check: whether sound is decoded before training to see if it is whole: headers, bodies or auto.
        skip_bad: leave out and count bad recordings instead of refusing the data.
        split: which recordings train, validate and test.
        batching: which recordings share a batch.

    Raises:
        ValueError: for a value out of range.
    """

    def __init__(
        self,
        *,
        path: str,
        pattern: str | None = None,
        path_column: str | int = "path",
        label_column: str | int = "label",
        part_column: str | int | None = None,
        frames: Frames = Frames(),
        scored_share: float = 0.0,
        check: Check = "auto",
        skip_bad: bool = False,
        split: Partition = Partition(),
        batching: Batching = Batching(batch_size=32),
    ) -> None:
        super().__init__(
            frames=frames,
            scored_share=scored_share,
            check=check,
            skip_bad=skip_bad,
            split=split,
            batching=batching,
        )
        if pattern is not None:
            compiled(pattern)
        self.path, self.pattern = path, pattern
        self.path_column, self.label_column, self.part_column = path_column, label_column, part_column

    def listing(self, bad: BadOnes) -> Listing:
        root = Path(standard.local(self.path)).expanduser()
        if root.suffix.lower() == ".csv" and not root.is_dir():
            found = from_manifest(
                root, path=self.path_column, label=self.label_column, part=self.part_column, bad=bad
            )
            return Listing(root.parent, found, [root])
        if self.pattern is not None:
            return Listing(root, from_names(root, self.pattern, bad))
        return Listing(root, from_folders(root, bad))
