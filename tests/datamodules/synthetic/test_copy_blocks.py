import itertools

import numpy as np
import pytest
import torch

from datamodules.synthetic import CopyBlocks
from datamodules.synthetic.copy_blocks import shift, splice, written


def published(sizes, letters, shifts, steps):
    """The loop of Aicher et al., over numbers that were drawn before: time first, rows beside one another."""
    longest = letters.shape[2]
    x = np.zeros((steps + 4 * longest, len(sizes)), dtype=int)
    y = np.zeros_like(x)
    for row in range(len(sizes)):
        at, number = 0, 0
        while at < steps + 2 * longest:
            m = sizes[row, number]
            block = letters[row, number, :m].copy()
            block[0] = 1
            x[at : at + m, row], y[at + m : at + 2 * m, row] = block, block
            at, number = at + 2 * m, number + 1
        by = shifts[row]
        x[:steps], y[:steps] = x[by : by + steps].copy(), y[by : by + steps].copy()
    return x[:steps].T, y[:steps].T


def test_by_definition():
    data = CopyBlocks(shortest=2, longest=4, batch_size=3, steps=30, train_steps=60, eval_steps=30)
    loader = data.train_dataloader()
    first, second = loader.batch(0), loader.batch(1)
    assert first.begins[:, 0].all()
    assert not second.begins.any()
    assert (first.is_last, second.is_last) == (False, True)
    assert first.scored.all()
    streams = [torch.cat([getattr(batch, name) for batch in (first, second)], 1).tolist() for name in "xy"]
    for x, y in zip(*streams, strict=True):
        marks = [step for step, symbol in enumerate(x) if symbol == 1]
        for start, stop in itertools.pairwise(marks):
            m = (stop - start) // 2
            block = x[start : start + m]
            assert 2 <= m <= 4
            assert stop - start == 2 * m
            assert set(block[1:]) <= {2, 3, 4, 5}
            assert x[start + m : stop] == [0] * m
            assert y[start:stop] == [0] * m + block


@pytest.mark.parametrize("shortest", [3, 5])
def test_spliced_as_published(shortest):
    rows, longest, steps = 7, 5, 40
    torch.manual_seed(1)
    sizes = torch.randint(shortest, longest + 1, (rows, 20))
    letters = torch.randint(2, 6, (rows, 20, longest))
    shifts = torch.randint(0, 2 * longest, (rows,))
    streams = written(sizes, letters, steps=steps + 2 * longest)
    expected = published(sizes.numpy(), letters.numpy(), shifts.numpy(), steps)
    for mine, theirs in zip(streams, expected, strict=True):
        assert splice(mine, shifts, steps=steps).tolist() == theirs.tolist()
        assert shift(mine, shifts, steps=steps)[-1].tolist() == theirs[-1].tolist()  # the last moves once
        assert shift(mine, shifts, steps=steps)[0].tolist() != theirs[0].tolist()


def test_shares_of_letters():
    """9 of 20 targets are letters; the published slip leaves fewer, and a lower floor for who cannot copy."""
    clean, slip = (CopyBlocks(spliced=spliced) for spliced in (False, True))
    assert np.exp(clean.guess("test")) == pytest.approx(np.exp(0.45 * np.log(4)))
    assert np.exp(slip.guess("test")) == pytest.approx(1.69, abs=0.02)
    assert np.exp(slip.guess("train")) == pytest.approx(1.82, abs=0.02)


def test_parts_differ():
    data = CopyBlocks(batch_size=2, steps=20, train_steps=20, eval_steps=20)
    val, test = data.val_dataloader().batch(0), data.test_dataloader().batch(0)
    assert not torch.equal(val.x, test.x)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shortest": 0}, "shortest must be a whole number of at least 1, got 0"),
        ({"longest": 9}, "longest must be a whole number of at least 10, got 9"),
        ({"eval_steps": 700}, "eval_steps must be a multiple of steps=500, got eval_steps=700"),
    ],
)
def test_bad_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        CopyBlocks(**options)
