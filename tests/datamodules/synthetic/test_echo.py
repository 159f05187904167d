import pytest
import torch

from datamodules.synthetic import Echo


@pytest.mark.parametrize("lag", [0, 1, 3, 4, 5, 9, 11])
@pytest.mark.parametrize("start", [0, 6])
def test_across_batches(lag, start):
    """Three batches of four steps, laid end to end, are one sequence and its echo."""
    loader = Echo(lag=lag, steps=4, batch_size=5, batches_per_sequence=3, val_batches=3).train_dataloader()
    batches = [loader.batch(start + i) for i in range(3)]
    x, y, scored = (
        torch.cat([getattr(batch, name) for batch in batches], dim=1) for name in ("x", "y", "scored")
    )
    assert torch.equal(y[:, lag:], x[:, : 12 - lag])
    assert scored.tolist() == [[step >= lag for step in range(12)]] * 5


def test_sequences_do_not_reach_into_each_other():
    loader = Echo(lag=2, steps=4, batch_size=3).train_dataloader()
    assert loader.batch(1).scored.tolist() == [[False, False, True, True]] * 3
    assert loader.batch(1).y[:, :2].tolist() == [[0, 0]] * 3


def test_bits_are_fair_and_independent():
    """Mean 1/2 and no correlation with the neighbour, within 5 standard errors of 100,000 bits."""
    bits = Echo(lag=1, steps=1000, batch_size=100).train_dataloader().batch(0).x.double() - 0.5
    assert abs(bits.mean()) < 5 * 0.5 / 100_000**0.5
    assert abs((bits[:, 1:] * bits[:, :-1]).mean()) < 5 * 0.25 / 100_000**0.5
    assert abs((bits[1:] * bits[:-1]).mean()) < 5 * 0.25 / 100_000**0.5


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"lag": 100}, "lag must be less than steps x batches_per_sequence"),
        ({"lag": -1}, "lag must be a whole number of at least 0, got -1"),
        (
            {"batches_per_sequence": 3, "val_batches": 4},
            "val_batches must be a multiple of batches_per_sequence",
        ),
        ({"batch_size": 0}, "batch_size must be a whole number of at least 1, got 0"),
    ],
)
def test_bad_arguments(options, said):
    with pytest.raises(ValueError, match=said):
        Echo(**options)
