"""Recordings of the user's own: three ways to say what they are, and what can be wrong with them."""

import numpy as np
import pytest
import soundfile
import torch
from sound_toys import cut, record, spoken_names, tone, two_classes

from datamodules.audio import Audio
from datamodules.collecting.partition import Partition
from datamodules.sounds import samples as sounds
from datamodules.sounds.frames import Frames
from elman.errors import BadInput

NAMES = "{label}_{speaker}_{index}"


def ready(path, **options):
    data = Audio(path=str(path), **options)
    data.setup("fit")
    return data


def refused(path, **options):
    with pytest.raises(BadInput) as error:
        ready(path, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_folders(tmp_path):
    data = ready(two_classes(tmp_path))
    assert data.classes == ["high", "low"]
    assert (data.input_size, data.output_size, data.sample_rate_hz) == (200, 2, 8000)
    number = data.found.names.index("low/3.wav")
    example = data._examples.window(number, 0, int(data.found.lengths[number]))
    expected = torch.from_numpy(soundfile.read(tmp_path / "low/3.wav", dtype="float32")[0]).unfold(0, 200, 80)
    assert torch.equal(example.x, expected)
    assert example.y.tolist() == [1] * len(expected)
    assert example.scored.nonzero().tolist() == [[len(expected) - 1]]


def test_a_window_scores_only_the_end(tmp_path):
    data = ready(two_classes(tmp_path))
    last = int(data.found.lengths[0])
    assert not data._examples.window(0, 0, last - 1).scored.any()
    assert data._examples.window(0, last - 1, last).scored.tolist() == [True]


def test_what_is_kept_is_what_is_read(tmp_path, monkeypatch):
    kept = ready(two_classes(tmp_path))
    monkeypatch.setattr(sounds, "LARGEST_KEPT", 0)
    read = ready(tmp_path)
    assert read._examples.read._kept is None
    for start, stop in [(0, 3), (1, 2), (2, 2)]:
        one, other = (data._examples.window(5, start, stop) for data in (kept, read))
        assert torch.equal(one.x, other.x)
    assert list(kept._examples.read._kept) == [5]


def test_training_may_be_asked_earlier(tmp_path):
    data = ready(two_classes(tmp_path), frames=Frames(scored_share=0.5))
    for part, numbers in zip(("train", "val", "test"), data.parts, strict=True):
        for number in numbers:
            last = int(data.found.lengths[number])
            scored = data._examples.window(int(number), 0, last).scored
            asked = -(-last // 2) if part == "train" else 1
            assert scored.tolist() == [False] * (last - asked) + [True] * asked
            assert torch.equal(data._examples.window(int(number), 1, last).scored, scored[1:])


def test_names_by_speaker(tmp_path):
    data = ready(
        spoken_names(tmp_path), pattern=NAMES, split=Partition(by="speaker", test={"speaker": ["bob"]})
    )
    speakers = [{data.found.fields["speaker"][i] for i in part} for part in data.parts]
    assert speakers[2] == {"bob"}
    assert speakers[0] | speakers[1] == {"ann", "cid"}
    assert data.classes == ["no", "yes"]


def test_names_by_index(tmp_path):
    split = Partition(test={"index": [0, 1]}, val={"index": [2]})
    data = ready(spoken_names(tmp_path), pattern=NAMES, split=split)
    assert [len(part) for part in data.parts] == [6, 6, 12]


def test_pattern_over_the_path(tmp_path):
    for label in ("on", "off"):
        for number in range(4):
            record(tmp_path / label / f"k{number}_nohash_0.wav")
    data = ready(tmp_path, pattern="{label}/{speaker}_nohash_{take}")
    assert sorted(set(data.found.fields["speaker"])) == ["k0", "k1", "k2", "k3"]


def test_a_name_that_does_not_fit(tmp_path):
    record(spoken_names(tmp_path) / "readme.wav")
    assert "readme.wav: its name does not fit data.pattern={label}_{speaker}_{index}" in refused(
        tmp_path, pattern=NAMES
    )
    data = ready(tmp_path, pattern=NAMES, skip_bad=True)
    assert len(data.found.names) == 24
    assert "skipped 1: its name does not fit" in "\n".join(data.summary())


def test_a_pattern_that_fits_no_name(tmp_path):
    """As of a recipe for other recordings: what it says helps, one thing after the other."""
    two_classes(tmp_path)
    split = Partition(test={"index": [0]}, val={"index": [1]})
    said = refused(tmp_path, pattern=NAMES, split=split)
    assert said == (
        f"{tmp_path}: none of its 24 recordings (high/0.wav) has a name that fits data.pattern={NAMES}; "
        "set data.pattern=null, and the folders are the classes"
    )
    said = refused(tmp_path, split=split)
    assert said.endswith(
        "split.test names the field 'index', but its examples have label; name one of these, or set "
        "data.split.test=null"
    )
    assert "set data.split.val=null" in refused(tmp_path, split=Partition(val={"index": [1]}))
    assert [len(part) for part in ready(tmp_path, split=Partition()).parts] == [20, 2, 2]
    spoken_names(tmp_path / "flat")
    said = refused(tmp_path / "flat", pattern="{label}-{speaker}")
    assert said.endswith("has a name that fits data.pattern={label}-{speaker}; set it to how names are built")
    assert "skip_bad" not in said


def test_by_a_field_that_is_not_there(tmp_path):
    said = refused(two_classes(tmp_path), split=Partition(by="speaker"))
    assert said.endswith("name one of these, or set data.split.by=null")


@pytest.mark.parametrize("pattern", ["{speaker}", "{label}_{label}", "label", "{label}_{}", "{label}_{a b}"])
def test_patterns_that_say_nothing(pattern):
    with pytest.raises(ValueError, match=r"pattern must name \{label\} once"):
        Audio(path=".", pattern=pattern)


FAULTS = {
    "empty.wav": lambda file: file.touch(),
    "cut.wav": lambda file: cut(record(file)),
    "cut.flac": lambda file: cut(record(file, tone(500, 4.0))),
    "cut.ogg": lambda file: cut(record(file, tone(500, 4.0))),
    "cut.mp3": lambda file: cut(record(file, tone(500, 4.0))),
    "text.wav": lambda file: file.write_text("no sound at all\n" * 9),
    "text.mp3": lambda file: file.write_text("no sound at all\n" * 900),
    "nan.wav": lambda file: record(file, np.full(400, np.nan, np.float32), subtype="FLOAT"),
    "inf.wav": lambda file: record(file, np.full(400, np.inf, np.float32), subtype="DOUBLE"),
    "none.wav": lambda file: record(file, np.zeros(0, np.float32)),
    "one.wav": lambda file: record(file, np.zeros(1, np.float32)),
    "short.wav": lambda file: record(file, np.zeros(199, np.float32)),
    "odd.wav": lambda file: record(file, rate=7919),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_bad_file_among_good_ones(tmp_path, name):
    two_classes(tmp_path, each=4)
    FAULTS[name](tmp_path / "high" / name)
    options = {"frames": Frames(sample_rate_hz=16000 if name == "odd.wav" else 8000)}
    message = refused(tmp_path, **options)
    assert message.startswith(str(tmp_path / "high" / name))
    assert message.endswith("or leave such out with data.skip_bad=true")
    data = ready(tmp_path, skip_bad=True, **options)
    assert len(data.found.names) == 8
    assert [skipped.name for skipped in data.found.skipped] == [str(tmp_path / "high" / name)]
    assert data.description()["metadata"]["skipped"] == 1


def test_headers_alone_leave_the_rest_to_the_first_read(tmp_path, monkeypatch):
    two_classes(tmp_path, each=4)
    FAULTS["nan.wav"](tmp_path / "high" / "nan.wav")
    monkeypatch.setattr(sounds, "LARGEST_KEPT", 0)
    data = ready(tmp_path, frames=Frames(check="headers"))
    number = data.found.names.index("high/nan.wav")
    with pytest.raises(BadInput, match=r"nan\.wav: holds NaN"):
        data._examples.window(number, 0, 1)


def test_large_data_is_not_decoded_first(tmp_path, monkeypatch):
    two_classes(tmp_path, each=4, suffix=".flac")
    monkeypatch.setattr(sounds, "LARGEST_READ", 10)
    monkeypatch.setattr(sounds, "check_body", lambda *_: pytest.fail("decoded"))
    ready(tmp_path)


def test_one_class_and_one_of_a_class(tmp_path):
    record(tmp_path / "a" / "1.wav")
    record(tmp_path / "a" / "2.wav")
    assert "holds one class only (a)" in refused(tmp_path)
    record(tmp_path / "b" / "1.wav")
    assert "class b has one recording only" in refused(tmp_path)


def test_nothing_there(tmp_path):
    assert "no such file or folder" in refused(tmp_path / "none")
    assert "holds no file whose name ends in .wav or .flac" in refused(tmp_path)
    (tmp_path / "a.txt").touch()
    assert "(seen: 1 .txt)" in refused(tmp_path)
    assert "is no folder; set data.path" in refused(tmp_path / "a.txt")
    record(tmp_path / "a.wav")
    assert "its 1 recordings lie in no class's folder (a.wav)" in refused(tmp_path)


def test_rates_that_differ(tmp_path):
    record(two_classes(tmp_path) / "low" / "other.wav", tone(300, 0.2, rate=16000), rate=16000)
    assert "recordings differ in sample rate: 8000 Hz (24), 16000 Hz (1); set sample_rate_hz" in refused(
        tmp_path
    )
    data = ready(tmp_path, frames=Frames(sample_rate_hz=16000))
    assert data.input_size == 400
    assert data.description()["metadata"]["resampled"] == 24


def test_hidden_files_and_upper_case(tmp_path):
    record(two_classes(tmp_path) / "low" / ".hidden.wav")
    record(tmp_path / "low" / "LOUD.wav").rename(tmp_path / "low" / "LOUD.WAV")
    names = ready(tmp_path).found.names
    assert "low/LOUD.WAV" in names
    assert len(names) == 25


def test_a_checkpoint_keeps_the_rate(tmp_path):
    data = ready(two_classes(tmp_path), frames=Frames(sample_rate_hz=16000))
    again = Audio(path=str(tmp_path))
    again.load_state_dict(data.state_dict())
    again.setup()
    assert again.input_size == data.input_size
