"""Audio: recordings in files, one class each."""

from __future__ import annotations

from pathlib import Path

from datamodules.collecting import BadOnes, Batching, Partition
from datamodules.collecting.findings import refuse_unread
from datamodules.collecting.manifest import TABLES
from datamodules.fetching import standard
from datamodules.files import any_case, find_files
from datamodules.sounds.frames import Frames
from datamodules.sounds.kinds import SUFFIXES, UNREAD
from datamodules.sounds.recorded import Listing, Recorded
from datamodules.sounds.recordings import compiled, from_manifest, from_names
from datamodules.sounds.samples import WAY_OUT
from elman.errors import BadInput


class Audio(Recorded):
    """Which class is a recording of? Sounds of any rate, depth and number of channels.

    wav, flac, ogg, mp3, aiff, au and NIST SPHERE; with PyAV (`pip install elman[video]`) also m4a, aac, amr,
    wma and webm, of which all is decoded whenever a part is read. Sounds of other kinds are counted, and
    refused where they are more than a tenth.

    The class of a recording stands in one of three places:

    - the folder inside `path` that holds it, at any depth;
    - its name, where `pattern` describes names, such as `{label}_{speaker}_{index}`: each part is a
      field that `split` may go by. A pattern with a / in it is held against the path inside `path`;
    - a table, given as `path`, with a row for each recording: where it lies relative to that file, or inside
      `folder` beside it, its label, perhaps its part. All further columns are fields.

    Args:
        path: a folder, or a manifest whose name ends in .csv or .tsv.
        folder: that the paths of a manifest are relative to, inside its own, such as clips; null: its own.
        pattern: how names hold the class; null: folders do.
        path_column: of a manifest, by name or by number from 0.
        label_column: of a manifest, by name or by number from 0.
        part_column: of a manifest, with train, val or test in it; null: no part is given.
        frames: how recordings become frames.
        skip_bad: leave out and count bad recordings instead of refusing the data: at most half of all, or
            the share that is given, such as 0.9.
        open_ended: read recordings whose header states no length (as of a file written through a pipe) to
            their end; of these, one that was cut short looks whole.
        split: which recordings train, validate and test.
        batching: which recordings share a batch.

    Raises:
        ValueError: for a value out of range.
    """

    def __init__(
        self,
        *,
        path: str,
        folder: str | None = None,
        pattern: str | None = None,
        path_column: str | int = "path",
        label_column: str | int = "label",
        part_column: str | int | None = None,
        frames: Frames = Frames(),
        skip_bad: bool | float = False,
        open_ended: bool = False,
        split: Partition = Partition(),
        batching: Batching = Batching(batch_size=32),
    ) -> None:
        super().__init__(
            frames=frames, skip_bad=skip_bad, open_ended=open_ended, split=split, batching=batching
        )
        if pattern is not None:
            compiled(pattern)
        self.path, self.folder, self.pattern = path, folder, pattern
        self.path_column, self.label_column, self.part_column = path_column, label_column, part_column

    def listing(self, bad: BadOnes) -> Listing:
        root = Path(standard.local(self.path)).expanduser()
        if root.suffix.lower() in TABLES and not root.is_dir():
            found = from_manifest(
                root,
                path=self.path_column,
                label=self.label_column,
                part=self.part_column,
                folder=self.folder,
                bad=bad,
            )
            return Listing(root.parent, found, [root])
        root, files, others = find_files(str(root), any_case(SUFFIXES), way_out=WAY_OUT)
        if files == [root]:
            raise BadInput(
                f"{root}: is no folder; set data.path to a folder of recordings, or a manifest .csv or .tsv"
            )
        if self.folder is not None:
            raise BadInput(
                f"{root}: is no manifest, so data.folder={self.folder} has no meaning; leave it out (null)"
            )
        refuse_unread(root, files, others, UNREAD, bad=bad, convert="`ffmpeg -i IN OUT.wav`")
        return Listing(root, from_names(root, files, self.pattern, bad), left=others)
