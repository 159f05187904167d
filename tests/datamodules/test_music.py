"""Piano rolls from MATLAB files."""

from itertools import chain

import numpy as np
import pytest
import torch
from scipy.io import savemat
from standard_toys import cells, piano_rolls

from datamodules.music import PianoRolls
from elman.errors import BadInput

GOOD = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0]])


def ready(file, **options):
    data = PianoRolls(path=str(file), **options)
    data.setup("fit")
    return data


def save(file, *train, **more):
    savemat(file, {"validdata": cells([GOOD]), "testdata": cells([GOOD]), "traindata": cells(train), **more})
    return file


def test_the_next_step_is_asked_for(tmp_path):
    parts = piano_rolls(tmp_path / "music.mat")
    data = ready(tmp_path / "music.mat")
    assert (data.input_size, data.output_size, data.token_ids) == (6, 6, False)
    assert [len(part) for part in data.parts] == [12, 5, 5]
    for number, roll in enumerate(chain(*parts.values())):
        example = data._examples.window(number, 0, len(roll) - 1)
        assert torch.equal(example.x, torch.from_numpy(roll[:-1]).float())
        assert torch.equal(example.y, torch.from_numpy(roll[1:]).float())
        assert example.scored.all()
        part = data._examples.window(number, 1, 2)
        assert torch.equal(part.x[0], example.y[0])
        assert torch.equal(part.y, example.y[1:2])
    assert data.steps_per_epoch == sum(len(roll) - 1 for roll in parts["traindata"])
    assert data.found.names[12] == "validdata[0]"


BAD = {
    "no array of numbers with two axes": np.array(["a", "b"]),
    "too short; it has 1 steps of 3 keys": GOOD[:1],
    "another number of keys; it has 2, those before 3": GOOD[:, :2],
    r"other values than 0 and 1; for instance nan, but": np.where(GOOD == 1, np.nan, 0.0),
    r"other values than 0 and 1; for instance inf, but": np.where(GOOD == 1, np.inf, 0.0),
    r"other values than 0 and 1; for instance 2, but": GOOD * 2,
}


@pytest.mark.parametrize("message", BAD)
def test_bad_pieces(tmp_path, message):
    file = save(tmp_path / "music.mat", GOOD, BAD[message], GOOD)
    with pytest.raises(
        BadInput, match=rf"music\.mat: traindata\[1\]: {message}.*data\.skip_bad=true"
    ) as caught:
        ready(file)
    assert "\n" not in str(caught.value)
    data = ready(file, skip_bad=True)
    assert [len(part) for part in data.parts] == [2, 1, 1]
    assert data.description()["metadata"]["skipped"] == 1
    assert any("skipped 1" in line for line in data.summary())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is damaged or no MATLAB file"),
        (b"nothing of the kind" * 20, "is damaged or no MATLAB file"),
        (b"\x89HDF\r\n\x1a\n" + bytes(200), "is damaged or no MATLAB file|version 7.3"),
    ],
)
def test_bad_files(tmp_path, content, message):
    (tmp_path / "music.mat").write_bytes(content)
    with pytest.raises(BadInput, match=message) as caught:
        ready(tmp_path / "music.mat")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("keep", [100, 140, 300, -1])
def test_cut_short(tmp_path, keep):
    piano_rolls(tmp_path / "music.mat")
    content = (tmp_path / "music.mat").read_bytes()
    (tmp_path / "music.mat").write_bytes(content[:keep])
    with pytest.raises(BadInput, match=r"music\.mat: "):
        ready(tmp_path / "music.mat")


def test_missing_parts(tmp_path):
    savemat(tmp_path / "music.mat", {"other": GOOD})
    with pytest.raises(BadInput, match=r"holds no traindata \(but other\)"):
        ready(tmp_path / "music.mat")
    with pytest.raises(BadInput, match="no such file"):
        ready(tmp_path / "none.mat")
    with pytest.raises(BadInput, match="a folder, or larger"):
        ready(tmp_path)


def test_a_part_with_nothing_good(tmp_path):
    file = save(tmp_path / "music.mat", GOOD[:1])
    with pytest.raises(BadInput, match="leave the train part empty"):
        ready(file, skip_bad=True)
