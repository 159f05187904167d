"""Which step is in which row of which batch."""

import numpy as np
import pytest

from datamodules.texts.contiguous_rows import ContiguousRows


def test_rows_follow_on():
    """Eleven ids are ten steps: two rows of five, read two steps at a time, and one step is left."""
    stream = ContiguousRows(np.arange(11), batch_size=2, steps=2)
    items = [stream.batch(i) for i in range(stream.batches)]
    assert [item.x.tolist() for item in items] == [[[0, 1], [5, 6]], [[2, 3], [7, 8]], [[4], [9]]]
    assert [item.y.tolist() for item in items] == [[[1, 2], [6, 7]], [[3, 4], [8, 9]], [[5], [10]]]
    assert [item.is_first.tolist() for item in items] == [[True, True], [False, False], [False, False]]
    assert [item.is_last for item in items] == [False, False, True]


def test_a_row_that_ends_early():
    """Nine ids are eight steps: rows of 3, 3 and 2."""
    stream = ContiguousRows(np.arange(9), batch_size=3, steps=2)
    items = [stream.batch(i) for i in range(stream.batches)]
    assert [item.x.tolist() for item in items] == [[[0, 1], [3, 4], [6, 7]], [[2], [5], [0]]]
    assert [item.y.tolist() for item in items] == [[[1, 2], [4, 5], [7, 8]], [[3], [6], [0]]]
    assert [item.lengths.tolist() for item in items] == [[2, 2, 2], [1, 1, 0]]
    assert items[1].scored.tolist() == [[True], [True], [False]]


@pytest.mark.parametrize("count", [2, 3, 8, 50, 51, 64])
@pytest.mark.parametrize("batch_size", [1, 3, 7])
@pytest.mark.parametrize("steps", [1, 4, 100])
@pytest.mark.parametrize("world", [1, 2])
def test_every_step_once(count, batch_size, steps, world):
    pairs = []
    for rank in range(world):
        rows = range(rank, batch_size, world)
        stream = ContiguousRows(np.arange(count), batch_size=batch_size, steps=steps, rows=rows)
        for index in range(stream.batches, 2 * stream.batches):  # the second epoch
            batch = stream.batch(index)
            assert batch.scored.sum(dim=1).tolist() == batch.lengths.tolist()
            pairs += zip(batch.x[batch.scored].tolist(), batch.y[batch.scored].tolist(), strict=True)
    assert sorted(pairs) == [(i, i + 1) for i in range(count - 1)]


def test_a_process_without_a_row():
    stream = ContiguousRows(np.arange(11), batch_size=1, steps=4, rows=range(1, 1, 2))
    batches = [stream.batch(i) for i in range(stream.batches)]
    assert [batch.x.shape for batch in batches] == [(1, 4), (1, 4), (1, 2)]
    assert not any(batch.scored.any() or batch.lengths.any() for batch in batches)
