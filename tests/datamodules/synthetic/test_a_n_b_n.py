import math
import re
from itertools import pairwise

import pytest
import torch

from datamodules.synthetic import AnBn
from datamodules.synthetic.a_n_b_n import written


def texts(data, count):
    """What the rows of `count` batches read, and what follows the last of it."""
    batches = [data.train_dataloader().batch(index) for index in range(count)]
    for batch, after in pairwise(batches):
        assert torch.equal(batch.y[:, -1], after.x[:, 0])
    x = torch.cat([batch.x for batch in batches], 1)
    y = torch.cat([batch.y for batch in batches], 1)
    assert torch.equal(x[:, 1:], y[:, :-1])
    return [data.alphabet.decode(row) for row in torch.cat([x, y[:, -1:]], 1)]


def test_written_out():
    assert "".join(" \nab"[symbol] for symbol in written(torch.tensor([3, 1, 9]), steps=14)) == (
        "aaa\nbbb\na\nb\naa"
    )


def test_grammar():
    data = AnBn(longest=4, steps=50, batch_size=3, batches_per_sequence=4, val_batches=4)
    for text in texts(data, 4):
        blocks = re.findall(r"(a+)\n(b+)\n", text)
        whole = "".join(f"{a}\n{b}\n" for a, b in blocks)
        assert text.startswith(whole)
        assert len(text) - len(whole) < 2 * 4 + 2  # a block that is cut off
        assert all(len(a) == len(b) for a, b in blocks)
        assert {len(a) for a, _ in blocks} == {1, 2, 3, 4}


def test_entropy():
    """The figure of the paper for n up to 32, 0.14 bits a character."""
    nats = AnBn().metadata()["entropy_nats"]
    assert nats == pytest.approx(5 * math.log(2) / 35)
    assert nats / math.log(2) == pytest.approx(0.14, abs=0.005)


def test_mean_length():
    """A stream of 100,000 steps has 1/35 of them blocks, within five standard errors."""
    newlines = int((AnBn(steps=100_000, batches_per_sequence=1).train_dataloader().batch(0).x == 1).sum())
    assert abs(newlines / 2 - 100_000 / 35) < 5 * (100_000 / 35) ** 0.5 * 2 * 9.23 / 35
