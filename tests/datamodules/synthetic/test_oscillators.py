"""What is known exactly of the sines: who repeats, who fits the waves, and nobody better than the filter."""

import numpy as np
import pytest
import torch

from datamodules.synthetic import Oscillators


@pytest.fixture(scope="module")
def data():
    return Oscillators(periods=[5.0, 11.0], noise=0.5, steps=30, batch_size=4000)


def test_the_target_is_the_next_value(data):
    batch = data.batch("train", 0)
    torch.testing.assert_close(batch.x[:, 1:], batch.y[:, :-1], rtol=0, atol=0)
    assert batch.scored.all()


def test_simple_predictors_reach_what_the_facts_say(data):
    batch, metadata = data.batch("val", 3), data.metadata()
    # 4,000 sequences of 4 random weights: means are good to 2 %
    assert float(batch.y.square().mean()) == pytest.approx(metadata["mean_mse"], rel=0.04)
    assert float((batch.y - batch.x).square().mean()) == pytest.approx(metadata["repeat_mse"], rel=0.04)


def test_the_best_predictor_by_the_whole_covariance_at_once(data):
    """The filter goes step by step; the same figure from the joint distribution of all values."""
    waves = data.waves(31).numpy()
    covariance = waves @ waves.T / 2 + 0.25 * np.eye(31)
    errors = [
        covariance[t, t] - covariance[t, :t] @ np.linalg.solve(covariance[:t, :t], covariance[:t, t])
        for t in range(1, 31)
    ]
    assert data.metadata()["best_mse"] == pytest.approx(np.mean(errors), abs=1e-6)
    values = torch.cat([data.batch("test", 1).x, data.batch("test", 1).y[:, -1:]], dim=1)[:, :, 0].numpy()
    predicted = [
        values[:, :t] @ np.linalg.solve(covariance[:t, :t], covariance[:t, t]) - values[:, t]
        for t in range(1, 31)
    ]
    assert np.mean(np.square(predicted)) == pytest.approx(
        data.metadata()["best_mse"], rel=0.02
    )  # 4,000 sequences


def test_noise_is_the_floor_of_long_sequences():
    long = Oscillators(periods=[5.0, 11.0], noise=0.5, steps=3000).metadata()
    assert 0.25 < long["best_mse"] < 0.255


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"periods": []}, "at least one"),
        ({"periods": [2.0]}, "above 2 steps"),
        ({"noise": 0.0}, "noise must be"),
    ],
)
def test_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        Oscillators(**options)
