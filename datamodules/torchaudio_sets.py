"""Data sets of torchaudio: its downloads and its lists of files; sound is read by soundfile."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from datamodules.collecting import BadOnes, Batching, Partition
from datamodules.files import first_line
from datamodules.sounds.frames import Frames
from datamodules.sounds.recorded import Listing, Recorded
from datamodules.sounds.recordings import Recording
from elman.errors import BadInput

Name = Literal[
    "SPEECHCOMMANDS",
    "YESNO",
    "LIBRISPEECH",
    "GTZAN",
    "FluentSpeechCommands",
    "VoxCeleb1Identification",
    "IEMOCAP",
    "Snips",
]


class Item(NamedTuple):
    """One recording of a set: path inside the set's folder, class, and further fields."""

    path: str
    label: str
    fields: dict[str, str]


class Kind(NamedTuple):
    """How to list one of torchaudio's sets.

    Args:
        item: (the set, number) -> path, class and fields of a recording.
        subsets: the set's own names of training, validation and test; none: it has no such division.
        edition: the constructor's argument that chooses among editions; "" where there is one edition only.
        downloads: whether torchaudio can fetch it.
        folder: inside `root`, that paths are relative to.
    """

    item: Callable[[Any, int], Item]
    subsets: tuple[str, ...] = ()
    edition: str = ""
    downloads: bool = True
    folder: str = ""


def _speech_commands(data: Any, number: int) -> Item:
    path, _, label, speaker, utterance = data.get_metadata(number)
    return Item(path, label, {"speaker": speaker, "utterance": str(utterance)})


def _yes_no(data: Any, number: int) -> Item:
    stem = data._walker[number]  # this set has no get_metadata; the name spells eight words
    return Item(f"{stem}.wav", "yes" if stem.endswith("1") else "no", {"words": stem})


def _librispeech(data: Any, number: int) -> Item:
    path, _, _, speaker, chapter, utterance = data.get_metadata(number)
    fields = {"speaker": str(speaker), "chapter": str(chapter), "utterance": str(utterance)}
    return Item(path, str(speaker), fields)


def _gtzan(data: Any, number: int) -> Item:
    name = data._walker[number]  # nor has this one: genre.00000
    genre = name.partition(".")[0]
    return Item(f"{genre}/{name}.wav", genre, {})


def _fluent(data: Any, number: int) -> Item:
    path, _, _, speaker, words, action, target, place = data.get_metadata(number)
    return Item(path, f"{action} {target} {place}", {"speaker": speaker, "words": words, "action": action})


def _voxceleb(data: Any, number: int) -> Item:
    path, _, speaker, video = data.get_metadata(number)
    return Item(path, str(speaker), {"speaker": str(speaker), "video": video.split("-")[1]})


def _iemocap(data: Any, number: int) -> Item:
    path, _, _, label, speaker = data.get_metadata(number)
    return Item(path, label, {"speaker": speaker})


def _snips(data: Any, number: int) -> Item:
    path, _, name, words, _, intent = data.get_metadata(number)
    return Item(path, intent, {"speaker": name.split("-")[0], "words": words})


THREE = ("training", "validation", "testing")
KINDS: Mapping[str, Kind] = {
    "SPEECHCOMMANDS": Kind(_speech_commands, THREE, edition="url", folder="SpeechCommands"),
    "YESNO": Kind(_yes_no, folder="waves_yesno"),
    "LIBRISPEECH": Kind(_librispeech, edition="url", folder="LibriSpeech"),
    "GTZAN": Kind(_gtzan, THREE, folder="genres"),
    "FluentSpeechCommands": Kind(
        _fluent, ("train", "valid", "test"), downloads=False, folder="fluent_speech_commands_dataset"
    ),
    "VoxCeleb1Identification": Kind(_voxceleb, ("train", "dev", "test"), folder="wav"),
    "IEMOCAP": Kind(_iemocap, downloads=False, folder="IEMOCAP"),
    "Snips": Kind(_snips, ("train", "valid", "test"), downloads=False, folder="SNIPS"),
}


class TorchaudioSet(Recorded):
    """A data set by its name in `torchaudio.datasets`, in the division it comes with.

    Classes: SPEECHCOMMANDS the word; YESNO the last of eight words; LIBRISPEECH and VoxCeleb1Identification
    the speaker; GTZAN the genre; FluentSpeechCommands action, object and place; IEMOCAP the emotion; Snips
    the intent. Where a set has no division, `split` makes one; it may go by fields such as speaker.

    Args:
        name: of the class in torchaudio.datasets.
        root: folder that holds the set as torchaudio lays it out, or that it is fetched to.
        edition: for LIBRISPEECH, such as dev-clean; for SPEECHCOMMANDS speech_commands_v0.01 or _v0.02; null:
            torchaudio's choice.
        download: fetch the set, checksum and all, if it is not there.
        frames: how recordings become frames.
        skip_bad: leave out and count bad recordings instead of refusing the data: at most half of all, or
            the share that is given.
        open_ended: read recordings whose header states no length to their end, as `Audio` does.
        split: how recordings are divided where the set gives no parts.
        batching: which recordings share a batch.

    Raises:
        ValueError: for a value out of range.

    Source: torchaudio 2.11, `torchaudio.datasets`.
    Differs: torchaudio reads sound by TorchCodec; here soundfile does.
    """

    def __init__(
        self,
        *,
        name: Name,
        root: str,
        edition: str | None = None,
        download: bool = False,
        frames: Frames = Frames(),
        skip_bad: bool | float = False,
        open_ended: bool = False,
        split: Partition = Partition(),
        batching: Batching = Batching(batch_size=32),
    ) -> None:
        super().__init__(
            frames=frames, skip_bad=skip_bad, open_ended=open_ended, split=split, batching=batching
        )
        if name not in KINDS:
            raise ValueError(f"name must be one of {', '.join(get_args(Name))}, got {name!r}")
        if edition is not None and not KINDS[name].edition:
            raise ValueError(f"edition is for SPEECHCOMMANDS and LIBRISPEECH; {name} has one only")
        if download and not KINDS[name].downloads:
            raise ValueError(f"download: torchaudio cannot fetch {name}; get it from its makers and set root")
        self.kind, self.root, self.edition, self.download = name, root, edition, download

    def prepare_data(self) -> None:
        if self.download:
            Path(self.root).expanduser().mkdir(parents=True, exist_ok=True)
            self._set(None, download=True)

    def listing(self, bad: BadOnes) -> Listing:
        kind = KINDS[self.kind]
        folder = Path(self.root).expanduser() / kind.folder
        found = []
        for subset, part in zip(kind.subsets or (None,), ("train", "val", "test"), strict=False):
            data = self._set(subset, download=False)
            for number in range(len(data)):
                path, label, fields = kind.item(data, number)
                given = part if kind.subsets else None
                found.append(Recording(folder / path, path, label, fields, given))
        if not found:
            raise BadInput(
                f"{folder}: holds no recordings of {self.kind}; set data.download=true or data.root"
            )
        return Listing(folder, found)

    def _set(self, subset: str | None, *, download: bool) -> Any:
        """torchaudio's object; it lists files and decodes none."""
        from torchaudio import datasets

        kind, arguments = KINDS[self.kind], dict[str, Any]()
        if kind.downloads:
            arguments["download"] = download
        if kind.edition and self.edition is not None:
            arguments[kind.edition] = self.edition
        if subset is not None:
            arguments["subset"] = subset
        try:
            return getattr(datasets, self.kind)(str(Path(self.root).expanduser()), **arguments)
        except (RuntimeError, OSError, ValueError, KeyError) as error:
            way = "set data.download=true, or data.root to where it is" if kind.downloads else "set data.root"
            raise BadInput(
                f"{self.root}: torchaudio's {self.kind} cannot be used ({first_line(error)}); {way}"
            ) from error
