import pytest
import torch

from datamodules.synthetic import Adding


@pytest.mark.parametrize("steps", [2, 7, 50])
def test_by_definition(steps):
    batch = Adding(steps=steps, batch_size=500).train_dataloader().batch(3)
    numbers, marker = batch.x.unbind(dim=2)
    half = steps // 2
    assert marker[:, :half].sum(dim=1).tolist() == [1.0] * 500
    assert marker[:, half:].sum(dim=1).tolist() == [1.0] * 500
    assert set(marker.flatten().tolist()) <= {0.0, 1.0}
    assert 0 <= numbers.min() <= numbers.max() < 1
    expected = torch.stack([row[mark == 1].sum() for row, mark in zip(numbers, marker, strict=True)])
    torch.testing.assert_close(batch.y[:, -1, 0], expected)
    assert batch.scored.nonzero()[:, 1].tolist() == [steps - 1] * 500


def test_every_step_can_be_marked():
    marker = Adding(steps=7, batch_size=500).train_dataloader().batch(0).x[..., 1]
    assert marker.any(dim=0).all()


def test_baseline():
    """Answering 1 costs 1/6; the squared error of one row has a standard deviation of 0.2."""
    data = Adding(steps=10, batch_size=20_000)
    error = (data.train_dataloader().batch(0).y[:, -1] - 1).square().mean().item()
    assert error == pytest.approx(data.description()["metadata"]["baseline_mse"], abs=0.006)


def test_too_few_steps():
    with pytest.raises(ValueError, match="steps must be a whole number of at least 2, got 1"):
        Adding(steps=1)
