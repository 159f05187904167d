"""What moves in a video is what its caption says."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from datamodules import digits
from datamodules.collecting.partition import Partition
from datamodules.moving_digits import MovingDigits


def ready(**options):
    data = MovingDigits(**{"videos": 200, "val_videos": 50, **options})
    data.setup()
    return data


@pytest.fixture(scope="module")
def data():
    return ready()


def places(frames):
    """Row and column of the centre of mass of every frame, (S,) each."""
    frames = frames.view(-1, 16, 16).double()
    steps, weight = torch.arange(16).double(), frames.sum((1, 2))
    return frames.sum(2) @ steps / weight, frames.sum(1) @ steps / weight


def test_it_moves_where_the_caption_says(data):
    for number in range(200):
        example = data._examples.window(number, 0, 9)
        frames, count = example.context
        rows, columns = places(frames)
        moved = {
            "left": columns[0] - columns[-1],
            "right": columns[-1] - columns[0],
            "up": rows[0] - rows[-1],
            "down": rows[-1] - rows[0],
        }
        _, _, direction = data.alphabet.decode(example.y[:-1]).split()
        distance = moved.pop(direction).item()
        assert 4 - 1e-9 <= distance <= 8 + 1e-9
        assert sorted(abs(round(other.item(), 9)) for other in moved.values()) == pytest.approx(
            [0, 0, distance]
        )
        assert 8 <= len(frames) == int(count) <= 16


def test_it_moves_at_an_even_pace(data):
    for number in range(50):
        rows, columns = places(data._examples.window(number, 0, 9).context[0])
        passed = (rows - rows[0]).abs() + (columns - columns[0]).abs()
        steps = [(b - a).item() for a, b in pairwise(passed)]
        assert max(steps) - min(steps) <= 1 + 1e-9
        assert min(steps) >= -1e-9


def test_the_whole_digit_is_in_every_frame(data):
    images, labels = digits.load()
    for number in range(50):
        example = data._examples.window(number, 0, 9)
        image = data.plans.image[number]
        assert data.alphabet.decode(example.y[:1]) == digits.NAMES[labels[image]]
        for frame in example.context[0].view(-1, 16, 16).numpy():
            assert frame.sum() == pytest.approx(images[image].sum())
            assert sorted(frame[frame > 0]) == sorted(images[image][images[image] > 0])


def test_no_image_is_in_two_parts(data):
    shown = [set(data.plans.image[numbers].tolist()) for numbers in data.parts]
    assert not (shown[0] & shown[1])
    assert not (shown[0] & shown[2])
    assert not (shown[1] & shown[2])
    _, labels = digits.load()
    expected = Partition(shares=(0.67, 0.165, 0.165)).assign(1797, source="", classes=labels.tolist())
    assert all(each <= set(part.tolist()) for each, part in zip(shown, expected, strict=True))


def test_rows_of_a_batch_differ_in_frames(data):
    batch = data.train_dataloader().batch(0)
    frames, counts = batch.context
    assert frames.shape == (32, int(counts.max()), 256)
    assert len(set(counts.tolist())) > 1
    beyond = torch.arange(frames.shape[1]) >= counts[:, None]
    assert not frames[beyond].any()
    assert frames[~beyond].any(1).all()


def test_another_seed_draws_others_and_more_videos_change_no_test(data):
    assert ready(seed=1).found.digest != data.found.digest
    more = ready(videos=300)
    np.testing.assert_array_equal(more.plans.image[-50:], data.plans.image[-50:])


def test_units():
    data = ready(unit="characters")
    example = data._examples.window(0, 0, 99)
    assert example.steps == len(data.alphabet.decode(example.y[:-1])) + 1
    assert data.captions.separator == " "


def test_no_test_part():
    data = ready(split=Partition(shares=(0.8, 0.2, 0)))
    assert [len(part) for part in data.parts] == [200, 50, 0]
