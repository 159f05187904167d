"""Random changes to features: what they may touch, and how much of it."""

import pytest
import torch

from elman.inputs import SpecAugment

OFF = {"frequency_masks": 0, "time_masks": 0}
LENGTHS = torch.tensor([40, 10, 0, 25])


def ones(steps=40, bands=12):
    torch.manual_seed(1)
    return torch.ones(len(LENGTHS), steps, bands)


def test_padding_is_left_alone():
    augment = SpecAugment(time_share=1.0, time_masks=5, frequency_masks=5, warp=0.2, gain=1.0, tilt=1.0)
    changed = augment(ones(), LENGTHS)
    beyond = torch.arange(40) >= LENGTHS[:, None]
    assert (changed[beyond] == 1).all()
    assert (changed[~beyond] != 1).any()


def test_a_band_is_hidden_in_all_frames_of_a_row():
    changed = SpecAugment(frequency_masks=1, frequency_width=4, time_masks=0)(ones(), LENGTHS)
    widths = []
    for row, length in zip(changed, LENGTHS.tolist(), strict=True):
        hidden = row[:length] == 0
        assert (hidden == hidden[:1]).all()
        widths += [int(hidden[0].sum())] if length else []
    assert max(widths) <= 4
    assert len(set(widths)) > 1


def test_frames_are_hidden_by_share_of_the_rows_own_length():
    augment = SpecAugment(frequency_masks=0, time_masks=1, time_width=100, time_share=0.3)
    hidden = torch.zeros(len(LENGTHS), 40)
    most = torch.zeros(len(LENGTHS))
    x = ones()
    for _ in range(300):
        gone = (augment(x, LENGTHS) == 0).all(dim=2)
        hidden += gone
        most = torch.maximum(most, gone.sum(1))
    assert most.tolist() == [12, 3, 0, 7]
    assert (hidden[0] > 0).all()  # every frame of a row may be hidden, the last one too
    assert (hidden[1, :10] > 0).all()


def test_warp_moves_bands_in_proportion():
    torch.manual_seed(0)
    ramp = torch.arange(12.0).expand(4, 40, 12)
    changed = SpecAugment(**OFF, warp=0.25)(ramp, torch.full((4,), 40))
    for row in changed:
        factor = row[0, 4] / 4
        assert 0.75 <= factor <= 1.25
        torch.testing.assert_close(row[0], (torch.arange(12.0) * factor).clamp(max=11))
    assert len({float(row[0, 4]) for row in changed}) == 4


def test_gain_and_tilt():
    torch.manual_seed(0)
    flat = torch.zeros(2000, 1, 3)
    changed = SpecAugment(**OFF, gain=0.5, tilt=2.0)(flat, torch.ones(2000))[:, 0]
    assert changed[:, 1].std().item() == pytest.approx(0.5, rel=0.1)
    assert (changed[:, 2] - changed[:, 0]).std().item() == pytest.approx(4.0, rel=0.1)
    torch.testing.assert_close(changed[:, 0] + changed[:, 2], 2 * changed[:, 1], rtol=0, atol=1e-5)


def test_the_same_seed_draws_the_same():
    augment = SpecAugment(warp=0.1, gain=1.0)
    assert torch.equal(augment(ones(), LENGTHS), augment(ones(), LENGTHS))


def test_nothing_is_changed_in_place():
    x = ones()
    SpecAugment(warp=0.1, gain=1.0, tilt=1.0)(x, LENGTHS)
    assert (x == 1).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"time_masks": -1}, "time_masks is a count"),
        ({"time_share": 1.5}, "time_share must lie"),
        ({"warp": 1.0}, "warp is a share"),
        ({"gain": -0.1}, "gain must be at least 0"),
    ],
)
def test_values_out_of_range(arguments, message):
    with pytest.raises(ValueError, match=message):
        SpecAugment(**arguments)
