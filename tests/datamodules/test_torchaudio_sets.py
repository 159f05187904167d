"""torchaudio's data sets, from small trees laid out as theirs are."""

import io
import tarfile

import pytest
import torchaudio
from sound_toys import record, speech_commands, tone

from datamodules.collecting.partition import Partition
from datamodules.sounds.frames import Frames
from datamodules.torchaudio_sets import KINDS, TorchaudioSet
from elman.errors import BadInput

EVERY = Partition(shares=(0.5, 0.25, 0.25))


def yes_no(root):
    for number in range(16):
        stem = "_".join(format(number, "08b"))
        record(root / "waves_yesno" / f"{stem}.wav")


def librispeech(root):
    for speaker in ("84", "174"):
        folder = root / "LibriSpeech" / "dev-clean" / speaker / "12"
        names = [f"{speaker}-12-{number:04}" for number in range(8)]
        for name in names:
            record(folder / f"{name}.flac")
        (folder / f"{speaker}-12.trans.txt").write_text("".join(f"{name} A WORD\n" for name in names))


def gtzan(root):
    from torchaudio.datasets import gtzan as lists

    for part in (lists.filtered_train, lists.filtered_valid, lists.filtered_test):
        for name in part:
            file = root / "genres" / name.partition(".")[0] / f"{name}.wav"
            record(file, tone(500, 0.03))


def fluent(root):
    folder = root / "fluent_speech_commands_dataset"
    for part in ("train", "valid", "test"):
        lines = [",path,speakerId,transcription,action,object,location"]
        for number, action in enumerate(("increase", "decrease") * 2):
            name = f"{part}{number}"
            record(folder / "wavs" / "speakers" / "sp1" / f"{name}.wav")
            lines.append(f"{number},wavs/speakers/sp1/{name}.wav,sp1,turn it,{action},heat,none")
        (folder / "data").mkdir(exist_ok=True)
        (folder / "data" / f"{part}_data.csv").write_text("\n".join(lines) + "\n")


def voxceleb(root):
    lines = []
    for speaker in ("id10001", "id10002"):
        for part in (1, 2, 3):
            for take in range(2):
                name = f"{speaker}/video{part}/0000{take}.wav"
                record(root / "wav" / name)
                lines.append(f"{part} {name}")
    (root / "iden_split.txt").write_text("\n".join(lines) + "\n")


def iemocap(root):
    for session in range(1, 6):
        folder = root / "IEMOCAP" / f"Session{session}"
        lines = []
        for number, label in enumerate(("neu", "ang")):
            name = f"Ses0{session}F_impro01_F00{number}"
            record(folder / "sentences" / "wav" / "Ses_impro01" / f"{name}.wav")
            lines.append(f"[0.0 - 1.0]\t{name}\t{label}\t[2, 2, 2]\n")
        (folder / "dialog" / "EmoEvaluation").mkdir(parents=True)
        (folder / "dialog" / "EmoEvaluation" / "Ses_impro01.txt").write_text("".join(lines))


def snips(root):
    lines = []
    for part in ("train", "valid", "test"):
        for number, intent in enumerate(("Play", "Book") * 2):
            name = f"Ivy-snips-{part}-{number}"
            record(root / "SNIPS" / part / f"{name}.mp3", tone(500, 0.3, 16000), 16000)
            lines.append(f"{name} BOS play it EOS\tO O O {intent}\n")
    (root / "SNIPS" / "all.iob.snips.txt").write_text("".join(lines))


# name: what lays out a small tree, further arguments, classes, sizes of the parts
TREES = {
    "SPEECHCOMMANDS": (speech_commands, {}, {"yes", "no"}, [20, 2, 2]),
    "YESNO": (yes_no, {"split": EVERY}, {"yes", "no"}, [8, 4, 4]),
    "LIBRISPEECH": (librispeech, {"edition": "dev-clean", "split": EVERY}, {"84", "174"}, [8, 4, 4]),
    "FluentSpeechCommands": (fluent, {}, {"increase heat none", "decrease heat none"}, [4, 4, 4]),
    "VoxCeleb1Identification": (voxceleb, {}, {"1", "2"}, [4, 4, 4]),
    "IEMOCAP": (iemocap, {"split": EVERY}, {"neu", "ang"}, None),
    "Snips": (snips, {}, {"Play", "Book"}, [4, 4, 4]),
}


@pytest.fixture(autouse=True)
def no_torchcodec(monkeypatch):
    monkeypatch.setattr(torchaudio, "load", lambda *_, **__: pytest.fail("torchaudio.load was called"))


@pytest.mark.parametrize("name", TREES)
def test_read_from_their_layout(tmp_path, name):
    lay_out, arguments, classes, sizes = TREES[name]
    lay_out(tmp_path)
    data = TorchaudioSet(name=name, root=str(tmp_path), **arguments)
    data.prepare_data()
    data.setup("fit")
    assert set(data.classes) == classes
    if sizes:
        assert [len(part) for part in data.parts] == sizes
    assert data.train_dataloader().batch(0).x.shape[2] == data.input_size
    assert data.input_size == data.sample_rate_hz * 25 // 1000


def test_gtzan_by_torchaudios_lists(tmp_path, monkeypatch):
    from torchaudio.datasets import gtzan as lists

    for name in ("filtered_train", "filtered_valid", "filtered_test"):
        monkeypatch.setattr(lists, name, getattr(lists, name)[::20])
    gtzan(tmp_path)
    data = TorchaudioSet(name="GTZAN", root=str(tmp_path), frames=Frames())
    data.setup("fit")
    assert [len(part) for part in data.parts] == [23, 10, 15]
    assert len(data.classes) == 10


def test_every_kind_is_tried():
    assert {*TREES, "GTZAN"} == set(KINDS)


@pytest.mark.parametrize("name", KINDS)
def test_not_there(tmp_path, name):
    data = TorchaudioSet(name=name, root=str(tmp_path / "none"))
    with pytest.raises(BadInput, match=f"torchaudio's {name} cannot be used .*data.root") as error:
        data.setup("fit")
    assert "\n" not in str(error.value)


def test_what_is_fetched_is_unpacked_and_read(tmp_path, monkeypatch):
    """torchaudio's own download, with the network replaced by an archive made here."""
    yes_no(tmp_path / "made")
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        archive.add(tmp_path / "made" / "waves_yesno", "waves_yesno")

    def fetch(_, file, hash_prefix):
        assert hash_prefix
        file.write_bytes(content.getvalue())

    from torchaudio.datasets import yesno

    monkeypatch.setattr(yesno, "download_url_to_file", fetch)
    data = TorchaudioSet(name="YESNO", root=str(tmp_path / "new"), download=True)
    data.prepare_data()
    data.setup("fit")
    assert len(data.found.names) == 16


def test_no_network_is_one_line(tmp_path, monkeypatch):
    from urllib.error import URLError

    from torchaudio.datasets import yesno

    def fetch(*_, **__):
        raise URLError("no route")

    monkeypatch.setattr(yesno, "download_url_to_file", fetch)
    with pytest.raises(BadInput, match=r"YESNO cannot be used .*no route"):
        TorchaudioSet(name="YESNO", root=str(tmp_path), download=True).prepare_data()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "TEDLIUM"}, "name must be one of SPEECHCOMMANDS"),
        ({"name": "YESNO", "edition": "two"}, "edition is for SPEECHCOMMANDS and LIBRISPEECH"),
        ({"name": "Snips", "download": True}, "torchaudio cannot fetch Snips"),
    ],
)
def test_values_out_of_range(arguments, message):
    with pytest.raises(ValueError, match=message):
        TorchaudioSet(root=".", **arguments)
