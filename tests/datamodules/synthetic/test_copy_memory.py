import math

import pytest

from datamodules.synthetic import CopyMemory


def test_by_definition():
    data = CopyMemory(blanks=3, batch_size=4)
    batch = data.train_dataloader().batch(0)
    assert batch.x.shape == (4, 23)
    for x, y in zip(batch.x.tolist(), batch.y.tolist(), strict=True):
        copied = x[:10]
        assert set(copied) <= set(range(1, 9))
        assert x[10:] == [0, 0] + [9] * 11
        assert y == [0] * 13 + copied
    assert batch.scored.all()
    assert set(batch.x[:, :10].flatten().tolist()) == set(range(1, 9))


def test_recall_alone():
    batch = CopyMemory(blanks=3, batch_size=4, score="recall").train_dataloader().batch(0)
    assert batch.scored.tolist() == [[False] * 13 + [True] * 10] * 4


def test_baselines():
    """The figure of Bai et al. for T = 1000."""
    assert CopyMemory(blanks=1000).description()["metadata"]["baseline_nats"] == pytest.approx(
        0.02039, abs=5e-6
    )
    assert CopyMemory(score="recall").description()["metadata"]["baseline_nats"] == math.log(8)


def test_bad_arguments():
    with pytest.raises(ValueError, match="score must be 'all' or 'recall', got 'last'"):
        CopyMemory(score="last")
    with pytest.raises(ValueError, match="blanks must be a whole number of at least 1, got 0"):
        CopyMemory(blanks=0)
