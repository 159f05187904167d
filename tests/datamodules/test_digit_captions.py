"""Every digit has its own name."""

import torch
from sklearn.datasets import load_digits

from datamodules.digit_captions import DigitCaptions

NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def test_name_and_picture_belong_together():
    data = DigitCaptions()
    data.setup()
    pictures, labels = load_digits(return_X_y=True)
    for number in range(0, 1797, 101):
        example = data._examples.window(number, 0, 9)
        assert data.alphabet.decode(example.y[:-1]) == NAMES[labels[number]]
        assert int(example.y[-1]) == data.captions.eos
        assert example.x[1:].tolist() == example.y[:-1].tolist()
        torch.testing.assert_close(example.context, torch.tensor(pictures[number] / 16).float())


def test_a_batch_has_a_picture_a_row():
    data = DigitCaptions()
    data.setup()
    batch = data.train_dataloader().batch(0)
    assert batch.context.shape == (32, 64)
    assert data.context_size == 64
    assert data.class_counts is None
    assert data.captions.max_length == 6
