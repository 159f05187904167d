"""Melodies of known order."""

from itertools import permutations

import pytest
import torch

from datamodules.synthetic import Tones


def test_the_notes_sound_in_the_order_that_y_names():
    """The pitch of each share of the time, by its spectrum."""
    data = Tones(noise=0.0, batch_size=40)
    batch = data.batch("train", 0)
    sound = data.sound(batch.y[:, 0], data.draw("train", 1)).reshape(40, 3, -1)
    loudest = torch.fft.rfft(sound, n=8000).abs().argmax(dim=2)  # Hz
    note = torch.log2(loudest / 300).mul(2).round().long()
    orders = list(permutations(range(3)))
    assert [orders.index(tuple(row)) for row in note.tolist()] == batch.y[:, 0].tolist()


def test_frames_overlap():
    data = Tones(batch_size=2)
    batch = data.batch("train", 0)
    assert batch.x.shape == (2, data.steps, data.input_size)
    assert (data.input_size, data.sample_rate_hz, data.output_size) == (200, 8000, 6)
    assert torch.equal(batch.x[:, 1, :120], batch.x[:, 0, 80:])
    assert batch.scored.sum(1).tolist() == [1, 1]
    assert batch.scored[:, -1].all()


def test_every_melody_holds_the_same_sound():
    """Summed over time, the energies of the bands say nothing of the order."""
    data = Tones(noise=0.0, batch_size=600)
    batch = data.batch("val", 0)
    energy = torch.fft.rfft(batch.x).abs().square().sum(1)
    means = torch.stack([energy[batch.y[:, 0] == melody].mean(0) for melody in range(6)])
    assert (means.std(0) / means.mean(0))[5:25].max() < 0.2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"notes": 6}, "notes must be at most 5"),
        ({"notes": 1}, "notes must be a whole number of at least 2"),
        ({"note_ms": 50}, "note_ms must be a whole number of at least 60"),
        ({"noise": -1}, "noise is a standard deviation"),
    ],
)
def test_values_out_of_range(arguments, said):
    with pytest.raises(ValueError, match=said):
        Tones(**arguments)
