"""Words by a speech synthesiser, or by a tone generator that stands in for it."""

import sys

import numpy as np
import pytest
from sound_toys import tone

from datamodules import spoken
from datamodules.collecting.partition import Partition
from datamodules.sounds import speech
from datamodules.spoken import Spoken
from elman.errors import BadInput

FEW = {"words": ["yes", "no"], "voices": ["en-us", "en-029", "en-us+f2", "en-us+m3"], "pitches": [50]}


@pytest.fixture
def tones(monkeypatch):
    words = []

    def stand_in(text, *, voice, words_a_minute, pitch):
        words.append((text, voice, words_a_minute, pitch))
        return (tone(300 + 40 * len(text), 0.1) * 32767).astype(np.int16), 22050

    monkeypatch.setattr(spoken, "speak", stand_in)
    return words


def names(folder):
    return [path.name for path in folder.iterdir() if path.suffix != ".lock"]


def test_every_word_by_every_voice_once(tmp_path, tones):
    data = Spoken(cache=str(tmp_path), **FEW)
    data.prepare_data()
    data.setup("fit")
    assert len(tones) == len(set(tones)) == 2 * 4 * 3
    assert data.classes == ["no", "yes"]
    sides = [{data.found.fields["voice"][i] for i in part} for part in data.parts]
    assert sum(map(len, sides)) == 4
    again = Spoken(cache=str(tmp_path), **FEW)
    again.prepare_data()
    again.setup("fit")
    assert len(tones) == 24
    assert again.found.digest == data.found.digest
    assert names(tmp_path) == [data.folder.name]


def test_nothing_half_made_stays(tmp_path, monkeypatch):
    def fails(*_, **__):
        raise BadInput("voices: none")

    monkeypatch.setattr(spoken, "speak", fails)
    with pytest.raises(BadInput, match="voices: none"):
        Spoken(cache=str(tmp_path), **FEW).prepare_data()
    assert names(tmp_path) == []


def test_without_the_extra_one_line_says_so(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    speech._library.cache_clear()
    with pytest.raises(BadInput, match=r"pip install 'elman\[speech\]'") as error:
        Spoken(cache=str(tmp_path), **FEW).prepare_data()
    assert "\n" not in str(error.value)


@pytest.mark.speech
def test_it_speaks(tmp_path):
    data = Spoken(cache=str(tmp_path), split=Partition(by="voice", shares=(0.5, 0.25, 0.25)), **FEW)
    data.prepare_data()
    data.setup("fit")
    assert data.found.lengths.min() > 20
    batch = data.train_dataloader().batch(0)
    assert batch.x.abs().max() > 0.1
    with pytest.raises(BadInput, match="eSpeak has no voice 'nobody'"):
        Spoken(cache=str(tmp_path), **{**FEW, "voices": ["nobody"]}).prepare_data()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"words": ["a"]}, "words must be a whole number of at least 2"),
        ({"words": ["a", "a"]}, "words must be different"),
        ({"voices": []}, "voices must be different and not empty"),
        ({"words_a_minute": [10]}, r"words_a_minute must be different numbers in \[80, 450\]"),
        ({"pitches": [100]}, "pitches must be different numbers"),
    ],
)
def test_values_out_of_range(arguments, message):
    with pytest.raises(ValueError, match=message):
        Spoken(**arguments)
