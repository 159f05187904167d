"""Sound predicted sample by sample."""

import numpy as np
import pytest
import torch
from sound_toys import cut, record, tone
from torchaudio.functional import mu_law_encoding

from datamodules.collecting.batching import Batching
from datamodules.collecting.partition import Partition
from datamodules.waveform import Waveform, levels
from elman.errors import BadInput


def folder(root, count=6):
    for number in range(count):
        record(root / f"{number}.wav", tone(500, 0.02 + 0.003 * number, seed=number))
    return root


def ready(path, **options):
    data = Waveform(path=str(path), **options)
    data.setup("fit")
    return data


def test_levels_by_hand():
    assert levels(torch.tensor([-1.0, 0.0, 1.0, 7.0, -7.0])).tolist() == [0, 128, 255, 255, 0]


def test_y_is_the_next_sample(tmp_path):
    samples = tone(500, 0.02)
    data = ready(folder(tmp_path), batching=Batching(batch_size=2))
    record(tmp_path / "0.wav", samples)
    example = data._examples.window(0, 0, 159)
    ids = mu_law_encoding(torch.from_numpy(np.round(samples * 32768) / 32768), 256)
    assert example.scored.all()
    assert (example.x - ids[:-1]).abs().max() <= 1  # 16 bits round
    assert torch.equal(example.y[:-1], example.x[1:])
    part = data._examples.window(0, 40, 50)
    assert torch.equal(part.x, example.x[40:50])
    assert torch.equal(part.y, example.y[40:50])
    assert data._examples.window(0, 7, 7).x.shape == (0,)


def test_pieces_of_one_file(tmp_path):
    file = record(tmp_path / "a.wav", np.linspace(-1, 1, 101, dtype=np.float32), 1000)
    data = ready(file, piece_s=0.02, split=Partition(shares=(0.6, 0.2, 0.2)))
    assert data.found.lengths.tolist() == [19] * 5  # the last sample, left over, makes no sequence
    whole = ready(file.parent, split=Partition(shares=(0.5, 0.5, 0)), piece_s=0.05)
    joined = torch.cat([data._examples.window(n, 0, 19).x for n in (0, 1)])
    assert torch.equal(joined[:19], whole._examples.window(0, 0, 19).x)
    assert torch.equal(joined[19:], whole._examples.window(0, 20, 39).x)


def test_a_file_stays_on_one_side(tmp_path):
    data = ready(folder(tmp_path), piece_s=0.01, split=Partition(by="file"))
    sides = [{data.found.fields["file"][i] for i in part} for part in data.parts]
    assert sum(map(len, sides)) == 6


def test_resampled_windows(tmp_path):
    data = ready(folder(tmp_path), sample_rate_hz=11025)
    count = int(data.found.lengths[5])
    whole = data._examples.window(5, 0, count).x
    parts = torch.cat([data._examples.window(5, s, min(s + 50, count)).x for s in range(0, count, 50)])
    assert (whole - parts).abs().max() <= 1  # a sum in another order may fall beside a level's border


@pytest.mark.parametrize("rate", [None, 16000])
def test_an_hour_is_not_read_to_see_a_second(tmp_path, rate, monkeypatch):
    from datamodules.sounds import frames

    file = record(tmp_path / "a.wav", np.zeros(8000 * 600, np.int16))
    read = []
    original = frames.read_sound
    monkeypatch.setattr(
        frames, "read_sound", lambda f, a, b, **how: read.append(b - a) or original(f, a, b, **how)
    )
    data = ready(file, piece_s=60.0, sample_rate_hz=rate)
    data.train_dataloader().batch(0)
    assert sum(read) < 20 * 1100


def test_faults(tmp_path):
    with pytest.raises(BadInput, match="no such file"):
        ready(tmp_path / "none")
    (tmp_path / "a.txt").touch()
    with pytest.raises(BadInput, match=r"a\.txt: is no \.wav"):
        ready(tmp_path / "a.txt")
    cut(record(folder(tmp_path) / "cut.wav"))
    with pytest.raises(BadInput, match=r"cut\.wav: was cut short"):
        ready(tmp_path)
    record(tmp_path / "one.wav", np.zeros(1, np.float32))
    data = ready(tmp_path, skip_bad=True)
    assert len(data.found.names) == 6
    assert len(data.found.skipped) == 2


def test_one_recording_needs_pieces(tmp_path):
    with pytest.raises(BadInput, match=r"leave the (val|test|train) part empty"):
        ready(record(tmp_path / "a.wav"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"piece_s": 0}, "piece_s counts seconds"),
        ({"sample_rate_hz": 1}, "sample_rate_hz must lie"),
        ({"channel": "all"}, "channel must be"),
    ],
)
def test_values_out_of_range(arguments, message):
    with pytest.raises(ValueError, match=message):
        Waveform(path=".", **arguments)
