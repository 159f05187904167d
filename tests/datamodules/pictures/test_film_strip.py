"""Which pixel of which frame lies where in a strip."""

import torch

from datamodules.pictures.film_strip import film_strip


def test_every_pixel_has_its_place():
    frames = torch.rand(3, 4, 5, 3)  # all different, so that a swapped axis fails
    strip = film_strip(frames)
    assert strip.shape == (4, 3 * 6 - 1, 3)
    for number in range(3):
        assert torch.equal(strip[:, 6 * number : 6 * number + 5], frames[number])
    assert strip[:, [5, 11]].unique().tolist() == [0.5]
    assert torch.equal(film_strip(frames[..., :1]), strip[..., 0])
    assert torch.equal(film_strip(frames[:1]), frames[0])


def test_many_frames_are_thinned_evenly():
    frames = torch.arange(101.0)[:, None, None, None].expand(-1, 2, 1, 1)
    assert film_strip(frames, most=5)[0, ::2].tolist() == [0, 25, 50, 75, 100]
